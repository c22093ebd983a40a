"""The ASGI callable that the server imports: `uvicorn main:app`, or `app_module: main:app`."""

from fleet_sample.application import create_app
from fleet_sample.settings import Settings

app = create_app(Settings.from_environment())
