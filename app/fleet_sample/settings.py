"""What the application takes from its environment; read once, at start."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

DATABASE = "fleet-sample.sqlite3"


class Settings(BaseModel):
    """The application's settings; each has a default, so that it starts on a laptop too.

    Attributes:
        app: Name of the application, from `FLEET_APP`.
        release: Identifier of the running release, from `FLEET_RELEASE`.
        slot: Slot that this process serves, `blue` or `green`, from `FLEET_SLOT`.
        greeting: What `/` says, from `GREETING` (a plain value: `app_env`).
        api_token: A secret, from `API_TOKEN` (`app_secrets`). Never shown, not even in a log
            of this object.
        processing_seconds: How long `/procesar` works, in seconds, from `PROCESSING_SECONDS`.
        database_path: The SQLite file of `/notes`, from `DATABASE_PATH`; by default in the folder
            that systemd names in `STATE_DIRECTORY` on a deployed host, and at home elsewhere.
        tick_seconds: Pause between two events of `/events`, in seconds.
    """

    model_config = ConfigDict(frozen=True)

    app: str = "fleet-sample"
    release: str = "development"
    slot: str = "none"
    greeting: str = "Hello"
    api_token: SecretStr | None = None
    database_path: Path = Field(default_factory=lambda: Path.home() / DATABASE)
    processing_seconds: float = 2.0
    tick_seconds: float = 1.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from environment variables; an empty one counts as not set.

        Args:
            environ: The variables to read; the process's own by default.
        """
        variables = {
            "app": "FLEET_APP",
            "release": "FLEET_RELEASE",
            "slot": "FLEET_SLOT",
            "greeting": "GREETING",
            "api_token": "API_TOKEN",
            "database_path": "DATABASE_PATH",
            "processing_seconds": "PROCESSING_SECONDS",
        }
        given = {field: environ[name] for field, name in variables.items() if environ.get(name)}
        if state := environ.get("STATE_DIRECTORY"):
            given.setdefault("database_path", f"{state}/{DATABASE}")
        return cls.model_validate(given)
