"""What the routes ask FastAPI for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from fleet_sample.settings import Settings


def current_settings(connection: HTTPConnection) -> Settings:
    """Return the settings that the application was built with.

    `HTTPConnection` stands for both, a request and a WebSocket.
    """
    settings: Settings = connection.app.state.settings
    return settings


CurrentSettings = Annotated[Settings, Depends(current_settings)]
