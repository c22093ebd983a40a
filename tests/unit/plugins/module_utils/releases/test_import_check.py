"""How a refused import reads to the operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import Outcome
from ansible_collections.asgi.fleet.plugins.module_utils.releases.import_check import (
    import_application,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError, Recipe

Refusal = Callable[[Outcome], str]


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """Return what is said of an import that ended so."""
    recipe = Recipe(
        path=str(tmp_path / "shop" / "releases" / "1"),
        kind="tree",
        uv="uv",
        module="main:app",
        user="shop",
        builder="shop-build",
        environment={"TOKEN": "s3cret-value"},
        secret_names=["TOKEN"],
        prefix="app_",
        import_timeout=300,
    )

    def run(outcome: Outcome) -> str:
        monkeypatch.setattr(confined, "run", lambda *_call: outcome)
        with pytest.raises(BuildError) as error:
            import_application(recipe)
        return str(error.value)

    return run


def test_refused_import_says_what_the_probe_found_and_no_more(refusal: Refusal) -> None:
    output = "warming up\n\nasgi.fleet: it is a factory: s3cret-value\nsaid at exit\n"
    assert refusal(Outcome(3, output, 1.0, "exit status 3")) == (
        "app_module is main:app; it is a factory: <TOKEN>; "
        "the release was not kept, and nothing live changed"
    )


def test_import_that_takes_too_long_names_the_limit(refusal: Refusal) -> None:
    assert refusal(Outcome(-9, "", 300, "", timed_out=True)) == (
        "app_module is main:app; importing it did not end within 300 s; raise app_health_timeout, "
        "or move what takes so long to the application's lifespan"
    )
