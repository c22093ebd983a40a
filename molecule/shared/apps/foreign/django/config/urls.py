"""Routes of the project."""

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import path


async def healthz(request: HttpRequest) -> JsonResponse:
    """Answer the scheme that the proxy told."""
    return JsonResponse({"scheme": request.scheme})


async def page(_request: HttpRequest) -> JsonResponse:
    """Answer where the collected style sheet is, by the manifest of its storage."""
    return JsonResponse({"style": static("board/style.css")})


urlpatterns = [path("healthz", healthz), path("page", page)]
