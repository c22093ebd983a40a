"""The modules that look at what a host serves already: they come before any other."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.fitness import UnfitError
from ansible_collections.asgi.fleet.plugins.modules import haproxy_claim, nginx_claim

Run = Callable[..., dict[str, Any]]
SITE = {"site": "/etc/nginx/conf.d/no-such-shop.conf", "domains": ["shop.example.com"]}


@pytest.mark.parametrize(("module", "options"), [(nginx_claim, SITE), (haproxy_claim, {})])
def test_host_that_is_none_is_refused_before_it_is_looked_at(
    run_module: Run, monkeypatch: pytest.MonkeyPatch, module: ModuleType, options: dict[str, Any]
) -> None:
    def require_fit_host() -> None:
        raise UnfitError("this host is Alpine Linux, which has no apt")

    monkeypatch.setattr(module, "require_fit_host", require_fit_host)
    # There is no systemctl either.
    monkeypatch.setenv("PATH", "")
    answer = run_module(module, **options)
    assert (answer["failed"], answer["msg"]) == (
        True,
        "this host is Alpine Linux, which has no apt",
    )
