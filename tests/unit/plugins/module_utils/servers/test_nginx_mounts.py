"""Sites that are served in another one's servers: what is stale, and what to know."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx_mounts import (
    mount_notes,
    stale_mounts,
)


def test_files_of_a_former_mount_are_stale(tmp_path: Path) -> None:
    for folder in ("shop", "website"):
        (tmp_path / folder).mkdir()
        for name in ("api.locations", "api.switch", "other.locations", "error.html"):
            (tmp_path / folder / name).touch()
    stale = [f"{tmp_path}/shop/api.locations", f"{tmp_path}/shop/api.switch"]
    assert stale_mounts("api", "website", f"{tmp_path}") == stale
    assert len(stale_mounts("api", "", f"{tmp_path}")) == 4
    assert stale_mounts("none", "", f"{tmp_path}") == []


def test_a_site_that_is_not_there_yet_is_told() -> None:
    (note,) = mount_notes("api", "shop", lambda path: path != "/etc/nginx/conf.d/shop.conf")
    assert note == (
        "api is mounted on shop, which has no site on this host yet: it is served from the moment "
        "on when shop is deployed here too"
    )
    assert list(mount_notes("api", "shop", lambda _path: True)) == []
    assert list(mount_notes("api", "", lambda _path: False)) == []
