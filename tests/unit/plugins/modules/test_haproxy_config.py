"""What the module adds to the shared one: certificates that servers are known by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd
from ansible_collections.asgi.fleet.plugins.module_utils.servers import haproxy
from ansible_collections.asgi.fleet.plugins.module_utils.servers.changes import Found
from ansible_collections.asgi.fleet.plugins.modules import haproxy_config

Run = Callable[..., dict[str, Any]]
NEW = "-----BEGIN CERTIFICATE-----\nnew\n-----END CERTIFICATE-----\n"


def pin(folder: Path, text: str) -> Path:
    path = folder / "trust" / "shop.pem"
    path.parent.mkdir()
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def _no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **__: "inactive\n")


def test_a_certificate_of_no_server_needs_no_haproxy(run_module: Run, tmp_path: Path) -> None:
    answer = run_module(
        haproxy_config,
        renewed={str(tmp_path / "trust" / "shop.pem"): NEW},
        directory=str(tmp_path),
        executable="/nowhere",
    )
    assert (answer["failed"], answer["changed"], answer["action"]) == (False, False, "none")


def test_a_certificate_that_is_known_changes_nothing(run_module: Run, tmp_path: Path) -> None:
    path = pin(tmp_path, NEW)
    answer = run_module(
        haproxy_config,
        renewed={str(path): NEW},
        directory=str(tmp_path),
        executable="/nowhere",
    )
    assert (answer["failed"], answer["changed"]) == (False, False)


def test_a_renewed_certificate_is_put_before_the_former(run_module: Run, tmp_path: Path) -> None:
    path = pin(tmp_path, NEW.replace("new", "old"))
    answer = run_module(
        haproxy_config,
        renewed={str(path): NEW},
        directory=str(tmp_path),
        executable="/nowhere",
        _ansible_check_mode=True,
    )
    assert answer["changed"]
    assert answer["diff"][0]["after"] == NEW + NEW.replace("new", "old")


def test_a_certificate_that_the_system_trusts_is_known_by_the_systems_authorities(
    tmp_path: Path,
) -> None:
    bundle = tmp_path / "ca-certificates.crt"
    bundle.write_text(NEW.replace("new", "one") + NEW.replace("new", "two"))
    files = {"/trust/shop.pem": str(bundle), "/trust/blog.pem": NEW}
    assert haproxy.with_authorities(files, str(bundle)) == {
        "/trust/shop.pem": bundle.read_text(),
        "/trust/blog.pem": NEW,
    }
    # A host that changes from one kind to the other serves either for a while.
    both = haproxy.with_renewed(
        {"/trust/shop.pem": NEW}, {"/trust/shop.pem": Found(bundle.read_text())}
    )
    assert both["/trust/shop.pem"] == NEW + bundle.read_text()
    back = haproxy.with_renewed(
        {"/trust/shop.pem": bundle.read_text()}, {"/trust/shop.pem": Found(both["/trust/shop.pem"])}
    )
    assert back["/trust/shop.pem"] == bundle.read_text() + NEW
