"""A canary among the secrets: no run, whatever comes of it, leaves it where it does not belong.

Before: the module `slot` wrote the whole environment to the journal with each call, a failing
`before_rollout` printed secrets as they are, a failing import their base64 and a URL's password,
and a build, which ran as root, whatever it read in /etc.
"""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from canaries import Watcher, forms, kept
from events import ROOT, Shop

#: The inventory's, and a second one, in which there is a password.
CANARY = "the-canary-of-the-trust-tests"
PASSWORD = "c@nary-in-an-address"
INDEX_TOKEN = "canary-of-a-package-index"
SECRETS = {"API_TOKEN": CANARY, "DATABASE_URL": f"postgresql://shop:{quote(PASSWORD)}@db/shop"}

#: Prints all secrets that it finds, in several forms, and fails.
LEAK = """\
import base64, glob, json, os, sys
from urllib.parse import quote, unquote, urlsplit
found = [os.environ.get(name, "") for name in ("API_TOKEN", "DATABASE_URL")]
for path in glob.glob("/etc/*/*/environment"):
    try:
        found.append(open(path).read())
    except OSError:
        pass
for text in [*found, unquote(urlsplit(found[1]).password or "")]:
    for form in (text, repr(text), quote(text), json.dumps({"a": text}), text.encode().hex()):
        print(form, file=sys.stderr)
    for before in (b"", b"a", b"ab"):
        print(base64.b64encode(before + text.encode()).decode(), file=sys.stderr)
print("that was all", file=sys.stderr)
sys.exit(3)
"""
#: A build system of the source itself, which does so when pip asks it for a wheel.
BUILDING = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "leaking"
version = "1"
"""


def needles() -> list[str]:
    """Return the canaries, and the forms in which they are looked for."""
    return [quote(PASSWORD), *forms(CANARY, PASSWORD, INDEX_TOKEN)]


@dataclass
class Runs:
    """What all runs printed, by name, and what was seen meanwhile by host."""

    told: dict[str, str]
    watched: dict[str, str]
    began: float
    #: Where the controller kept its temporary files.
    scratch: Path


@pytest.fixture(scope="module")
def runs(shop: Shop) -> Runs:
    """Run what succeeds and what fails, once for all tests."""
    watchers = {host: Watcher(shop, host, needles()) for host in shop.hosts}
    scratch = shop.folder / "scratch"
    scratch.mkdir()
    result = Runs({}, {}, time.time(), scratch)

    def run(name: str, playbook: str, host: str, fails: bool = False, **extra: object) -> None:
        limit = {"limit": f"{host},localhost"} if host else {}
        command = [*shop.command(playbook, **limit, **extra), "-vvv", "--diff"]
        command += ["--check"] if playbook == "../deploy" else []
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(scratch), "ANSIBLE_LOCAL_TEMP": str(scratch)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout[-4000:]
        result.told[name] = done.stdout + done.stderr

    first, last = shop.hosts[0], shop.hosts[-1]
    good = shop.new_version()
    hooks = {"before_rollout": [f"python -c '{_leak_of_a_hook()}'"]}
    index = f"https://ci:{INDEX_TOKEN}@127.0.0.1:9/simple"
    package = {
        "app_source": {"type": "package", "name": "none", "version": "1.0", "index": index},
        "app_module": "shop:app",
        "python_release_uv_environment": {"UV_HTTP_RETRIES": "0"},
    }
    release = partial(run, playbook="release", fails=True, app_secrets=SECRETS)
    # What needs no lock, and then a release on each host: at the same time, to take half of it.
    lanes: list[list[Callable[[], None]]] = [
        [partial(run, "a deploy in check mode", "../deploy", last, app_secrets=SECRETS)],
        [partial(run, "status", "status", ""), partial(run, "verify", "verify", "")],
    ]
    releases: list[list[Callable[[], None]]] = [
        [
            partial(release, "a failing hook", host=last, app_source=good, app_hooks=hooks),
            partial(release, "a failing build", host=last, app_source=_leaking_build(shop)),
            partial(run, "a restart", "restart", last),
        ],
        [
            partial(release, "a failing import", host=first, app_source=shop.new_version(LEAK)),
            partial(release, "an index", host=first, **package),
        ],
    ]
    try:
        for together in (lanes, releases):
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda lane: [step() for step in lane], together))
    finally:
        for host, watcher in watchers.items():
            result.watched[host] = watcher.end()
    return result


def _leaking_build(shop: Shop) -> dict[str, object]:
    source = shop.new_version(requirements="./leaking\n")
    package = Path(str(source["path"])) / "leaking"
    package.mkdir()
    (package / "pyproject.toml").write_text(BUILDING, encoding="utf-8")
    (package / "backend.py").write_text(LEAK, encoding="utf-8")
    return source


def _leak_of_a_hook() -> str:
    """Return the program for a command line, without a quote that would end it there."""
    encoded = base64.b64encode(LEAK.encode()).decode()
    return f'import base64; exec(base64.b64decode("{encoded}"))'


def test_output_has_no_secret(runs: Runs) -> None:
    found = {
        name: [line[:300] for line in told.splitlines() if any(n in line for n in needles())]
        for name, told in runs.told.items()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("run", ["a failing hook", "a failing import"])
def test_output_names_the_secrets(runs: Runs, run: str) -> None:
    """Otherwise the test above would have proven nothing."""
    told = runs.told[run]
    assert "that was all" in told
    assert told.count("<API_TOKEN>") >= 8
    assert told.count("<DATABASE_URL>") >= 16


def test_build_fails_as_it_was_meant_to(runs: Runs) -> None:
    assert "that was all" in runs.told["a failing build"]


def test_host_keeps_secrets_in_the_environment_of_its_slots_alone(
    runs: Runs, shop: Shop, host: str
) -> None:
    found = kept(shop, host, needles())
    assert found, "at least the live slot has its environment"
    private = [f"file /etc/shop/{slot}/environment 0o600 0" for slot in ("blue", "green")]
    assert [line for line in found if line not in private] == []
    assert runs.began


def test_processes_show_no_secret_to_other_users(runs: Runs, host: str) -> None:
    looks, *seen = runs.watched[host].splitlines()
    assert int(looks.partition(" ")[0]) > 20
    assert seen == []


def test_controller_keeps_no_secret(runs: Runs, shop: Shop) -> None:
    """Neither in temporary files nor in caches; the inventory is its own file."""
    found = []
    for top in (runs.scratch, shop.folder, ROOT / ".cache", Path("~/.ansible").expanduser()):
        for folder, _folders, files in os.walk(top):
            for path in (Path(folder, name) for name in files):
                if path.is_file() and path.stat().st_mtime >= runs.began:
                    data = path.read_bytes()
                    found += [str(path) for needle in needles() if needle.encode() in data]
    assert found == []
