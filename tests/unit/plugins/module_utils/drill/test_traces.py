"""What a drill fetches, notes and removes."""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.drill import serving, traces
from ansible_collections.asgi.fleet.plugins.module_utils.drill.units import DrillError
from ansible_collections.asgi.fleet.plugins.module_utils.host import systemd

LIVE, DRILLED = "1.0-aaaa", "1.0-bbbb"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """Blue is live with a release; green has one of a drill."""
    monkeypatch.setattr(systemd, "systemctl", lambda *_, **_options: "")
    application = Application("shop", str(tmp_path))
    release(application, LIVE)
    release(application, DRILLED, path="/x/asgi-fleet-drill-5f3a-bad_start.tar.gz")
    for folder in ("opt/shop/slots", "var/lib/shop"):
        (tmp_path / folder).mkdir(parents=True)
    Path(application.live_link).symlink_to("/run/shop/blue.sock")
    for slot, name in (("blue", LIVE), ("green", DRILLED)):
        Path(application.slot(slot).release_link).symlink_to(f"../releases/{name}")
    return application


def release(application: Application, name: str, project: str = "", **source: str) -> Path:
    folder = Path(application.releases, name)
    tree = folder / ("repository" if project else "src")
    (tree / "__pycache__").mkdir(parents=True)
    (tree / "main.py").write_text("app = None\n")
    (tree / "__pycache__" / "main.pyc").write_text("")
    (tree / "kept.db").symlink_to("/var/lib/shop/state/kept.db")
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    python.chmod(0o755)
    manifest = {"module": "main:app", "project": project, "source": {"type": "path", **source}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def names(application: Application) -> list[str]:
    return sorted(path.name for path in Path(application.releases).iterdir())


def test_what_is_live_and_what_was_left_is_told(shop: Application) -> None:
    found = traces.look(shop)
    assert found | {"units": []} == {
        "release": LIVE,
        "module": "main:app",
        "note": None,
        "releases": [DRILLED],
        "units": [],
    }
    traces.begin(shop, "5f3a", LIVE)
    assert traces.look(shop)["note"] == {"drill": "5f3a", "release": LIVE}


def test_the_source_is_packed_without_what_the_build_made(shop: Application) -> None:
    found = traces.packed(shop)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(found["content"]))) as archive:
        names = {os.path.normpath(name) for name in archive.getnames()}
    assert names == {".", "main.py"}
    assert found["project"] == ""


def test_a_project_is_packed_with_its_repository(shop: Application) -> None:
    (Path(shop.releases) / LIVE / "manifest.json").unlink()
    release(shop, "2.0-cccc", project="services/shop")
    link = Path(shop.slot("blue").release_link)
    link.unlink()
    link.symlink_to("../releases/2.0-cccc")
    assert traces.packed(shop)["project"] == "services/shop"


def test_a_package_has_no_source(shop: Application) -> None:
    path = Path(shop.releases) / LIVE / "manifest.json"
    path.write_text(json.dumps({"source": {"type": "package"}}))
    with pytest.raises(DrillError, match="was made of a package"):
        traces.packed(shop)


def test_a_large_source_stays(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_BYTES", 10)
    with pytest.raises(DrillError, match="MiB packed; expected at most"):
        traces.packed(shop)


def test_clearing_removes_the_releases_of_drills_and_no_other(shop: Application) -> None:
    traces.begin(shop, "5f3a", LIVE)
    assert traces.clear(shop, LIVE) == [DRILLED]
    assert names(shop) == [LIVE]
    assert not Path(traces.note(shop)).exists()
    # Nothing points to what is gone.
    assert shop.slot("green").release() == f"{shop.releases}/{LIVE}"
    assert traces.clear(shop, LIVE) == []


def test_a_live_release_is_never_removed(shop: Application) -> None:
    Path(shop.live_link).unlink()
    Path(shop.live_link).symlink_to("/run/shop/green.sock")
    with pytest.raises(DrillError, match=rf"{DRILLED}, a release of a drill, is live; expected"):
        traces.clear(shop, LIVE)
    assert names(shop) == [LIVE, DRILLED]


def test_the_log_is_counted_by_who_asked(tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text(
        "".join(
            json.dumps(
                {"msec": f"{moment}.0", "status": status, "user_agent": agent},
                separators=(",", ":"),
            )
            + "\n"
            for moment, status, agent in (
                (1000, "200", "drill/1"),
                (2000, "200", "drill/1"),
                (2001, "502", "drill/1"),
                (2002, "200", "curl"),
                (2003, "200", "drill/2"),
            )
        )
    )
    assert serving.logged(log, "drill/1", 2000.0) == {"requests": 2, "failed": 1}


def test_a_load_that_has_ended_before_is_told(
    shop: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "running", lambda *_: False)
    with pytest.raises(DrillError, match="the load has ended before it was told to"):
        serving.end(shop)
