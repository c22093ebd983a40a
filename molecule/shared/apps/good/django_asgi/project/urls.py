"""Routes of the project."""

import os

from django.http import HttpRequest, JsonResponse
from django.urls import path


async def healthz(request: HttpRequest) -> JsonResponse:
    """Answer which release and slot serve, and the scheme that the proxy told."""
    return JsonResponse(
        {
            "release": os.environ.get("FLEET_RELEASE", "none"),
            "slot": os.environ.get("FLEET_SLOT", "none"),
            "scheme": request.scheme,
        }
    )


urlpatterns = [path("healthz", healthz)]
