"""The environment becomes settings; a secret does not become visible."""

import main
import pytest
from fastapi.testclient import TestClient
from fleet_sample.application import create_app
from fleet_sample.settings import Settings


def test_settings_come_from_the_environment() -> None:
    """Each variable of the platform and of the deployment reaches its field."""
    settings = Settings.from_environment(
        {
            "FLEET_APP": "shop",
            "FLEET_RELEASE": "v2-0a1b2c3d",
            "FLEET_SLOT": "green",
            "GREETING": "Hola",
            "API_TOKEN": "s3cret",
        }
    )

    assert (settings.app, settings.release, settings.slot) == ("shop", "v2-0a1b2c3d", "green")
    assert settings.greeting == "Hola"
    assert settings.api_token is not None
    assert settings.api_token.get_secret_value() == "s3cret"


@pytest.mark.parametrize("environ", [{}, {"GREETING": "", "API_TOKEN": ""}])
def test_settings_default_when_unset_or_empty(environ: dict[str, str]) -> None:
    """An empty variable counts as not set: an empty token is no token."""
    assert Settings.from_environment(environ) == Settings()


def test_settings_never_print_the_secret() -> None:
    """Neither form in which the object may reach a log holds the value."""
    settings = Settings.from_environment({"API_TOKEN": "s3cret"})

    assert "s3cret" not in f"{settings} {settings!r} {settings.model_dump_json()}"


@pytest.mark.parametrize("environ", [{}, {"GREETING": "Hola", "API_TOKEN": "s3cret"}])
def test_settings_endpoint_tells_whether_the_secret_is_set(environ: dict[str, str]) -> None:
    """The greeting is shown; of the secret, only that it is there."""
    with TestClient(create_app(Settings.from_environment(environ))) as client:
        answer = client.get("/settings")

    assert answer.json() == {
        "greeting": environ.get("GREETING", "Hello"),
        "api_token_set": "API_TOKEN" in environ,
    }


def test_main_app_is_the_application() -> None:
    """What `app_module` names by default can be imported from the source folder."""
    assert main.app.title == "Fleet sample"
