"""Projects with the layout, the lock files and the tools of real ones, by variables alone.

Their variables are in with_projects/hosts.yml; converge.yml has put nginx in front of each. Each is
released when the first test asks for it, but for the one that loads a model: its release begins
before the others and ends after them.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tomllib
from events import ROOT, Shop
from projects import APPS, Project
from websockets.sync.client import connect
from websockets.typing import Origin

SOURCES = ROOT / ".cache" / "foreign"
SERVERS = ROOT / "roles" / "python_release" / "files" / "server-requirements.txt"
PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
#: The lock of each project, and what it holds back: newer versions exist, and were allowed.
LOCKS = {
    "bookings": (SOURCES / "workspace/uv.lock", {"fastapi": "0.115.12", "markupsafe": "3.0.2"}),
    "articles": (APPS / "poetry/poetry.lock", {"fastapi": "0.115.12"}),
    "board": (APPS / "django/requirements.txt", {"django": "4.2.20"}),
    "storefront": (SOURCES / "factory/uv.lock", {"starlette": "0.50.0"}),
    "greeter": (APPS / "monorepo/services/api/requirements.txt", {"starlette": "0.50.0"}),
    "oracle": (APPS / "model/requirements.txt", {"starlette": "0.50.0"}),
}
#: What is installed besides the dependencies: the project itself, members of its workspace.
OWN = {"bookings": {"app", "common"}, "storefront": {"storefront"}}

Release = Callable[[str], Project]


def locked(lock: Path) -> dict[str, str]:
    """Return the versions in a lock, by the names of the packages."""
    text = lock.read_text(encoding="utf-8")
    if lock.suffix == ".lock":
        packages = tomllib.loads(text)["package"]
        return {package["name"]: package["version"] for package in packages if "version" in package}
    return dict(PINNED.findall(text))


@pytest.fixture(scope="module")
def operator(shop: Shop) -> Shop:
    """The operator of all projects: each is a host of the inventory, and all are one machine."""
    ssh = dict.fromkeys(LOCKS, next(iter(shop.ssh.values())))
    return replace(shop, inventory=Path(__file__).parent / "with_projects", ssh=ssh)


@pytest.fixture(scope="module", autouse=True, name="loading")
def begin_to_load(operator: Shop) -> Iterator[subprocess.Popen[str]]:
    """The release of the model, under way beside all others."""
    command = operator.command("release", limit="oracle")
    output = operator.folder / "oracle.log"
    with output.open("w", encoding="utf-8") as log:
        running = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, text=True)
        yield running
        # Not ended: a release that is cut off would leave its lock behind.
        running.wait(timeout=300)


@pytest.fixture(scope="module")
def release(operator: Shop, loading: subprocess.Popen[str]) -> Release:
    """Releases a project, once."""
    results: dict[str, tuple[int, str]] = {}

    def once(name: str) -> Project:
        if name not in results and name == "oracle":
            code = loading.wait(timeout=200)
            text = (operator.folder / "oracle.log").read_text(encoding="utf-8")
            results[name] = (code, text)
        elif name not in results:
            result = operator.play("release", limit=name)
            results[name] = (result.returncode, result.stdout)
        code, text = results[name]
        assert code == 0, text[-6000:]
        return Project(operator, name)

    return once


@pytest.mark.parametrize("name", LOCKS)
def test_versions_are_those_of_the_lock(release: Release, name: str) -> None:
    lock, held_back = LOCKS[name]
    versions = locked(lock)
    installed = release(name).installed
    assert {package: installed.get(package) for package in held_back} == held_back
    own = OWN.get(name, set())
    both = (installed.keys() & versions.keys()) - own
    assert {one: installed[one] for one in both} == {one: versions[one] for one in both}
    servers = {package for package, _ in PINNED.findall(SERVERS.read_text(encoding="utf-8"))}
    assert installed.keys() - versions.keys() - servers == own - versions.keys()
    assert own <= installed.keys()
    assert "iniconfig" not in installed, "dependencies of development are not for a server"


def test_workspace_migrates_and_keeps_what_is_booked(release: Release) -> None:
    bookings = release("bookings")
    scripts = [
        script.read_text(encoding="utf-8")
        for script in (APPS / "workspace/backend/app/alembic/versions").glob("*.py")
    ]
    revisions = {re.findall(r'^revision = "(\w+)"', script, re.M)[0] for script in scripts}
    revised = {
        one for script in scripts for one in re.findall(r'^down_revision = "(\w+)"', script, re.M)
    }
    at = bookings.shop.shell(
        "runuser -u postgres -- psql --no-psqlrc -tAd bookings -c 'select * from alembic_version'"
    )
    assert {at} == revisions - revised
    path = "/api/v1/bookings/"
    booking = json.dumps({"title": "  a <b>table</b>"})
    bookings.visit(path, f"--header 'Content-Type: application/json' --data '{booking}'")
    assert json.loads(bookings.visit(path))[-1] == "A &lt;b&gt;table&lt;/b&gt;"


def test_poetry_project_is_served_from_its_folder(release: Release) -> None:
    articles = release("articles")
    assert json.loads(articles.visit()) == {"fastapi": "0.115.12"}
    assert json.loads(articles.visit("/self")) == "not a package"
    assert "httpx" not in articles.installed
    assert any("client" in note for note in articles.manifest["notes"]), "an extra that is not used"


def test_django_serves_what_it_collected(release: Release) -> None:
    board = release("board")
    style = json.loads(board.visit("/page"))["style"]
    assert re.fullmatch(r"/static/board/style\.[0-9a-f]{12}\.css", style)
    assert board.visit(style) == "body { color: rebeccapurple; }"
    assert json.loads(board.visit()) == {"scheme": "https"}


def test_django_answers_a_websocket(release: Release, tmp_path: Path) -> None:
    board = release("board")
    authority = tmp_path / "ca.pem"
    authority.write_text(board.shop.shell("cat /etc/board/tls/fullchain.pem"), encoding="utf-8")
    with connect(
        "wss://board.example.com/ws/echo",
        sock=socket.create_connection(("127.0.0.1", board.shop.port), timeout=10),
        ssl=ssl.create_default_context(cafile=authority),
        origin=Origin("https://board.example.com"),
    ) as connection:
        connection.send("hello")
        assert connection.recv(timeout=10) == "HELLO"


def test_factory_has_the_version_of_its_tag(release: Release) -> None:
    storefront = release("storefront")
    assert json.loads(storefront.visit()) == {"version": "1.4.0"}
    assert storefront.installed["storefront"] == "1.4.0"


def test_links_out_of_the_subdirectory_lead_where_they_did(release: Release) -> None:
    assert json.loads(release("greeter").visit()) == {
        "text": "Hello from a shared folder",
        "greeting": "Hello from a shared module",
    }


def test_model_has_its_time_to_load(release: Release) -> None:
    assert json.loads(release("oracle").visit())["loaded"] >= 75
