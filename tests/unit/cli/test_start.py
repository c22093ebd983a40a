"""`init`: what it finds in projects of many shapes, and what it writes passes the check."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from asgi_fleet import project
from asgi_fleet.inventory import Host
from tests.unit.cli.conftest import Typed

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
FACTORY = "from fastapi import FastAPI\ndef create_app():\n    return FastAPI()\n"
PROJECT = '[project]\nname = "My_Shop"\nversion = "1"\n'
FASTAPI = f'{PROJECT}[tool.fastapi]\nentrypoint = "shop.web:api"\n'

SHAPES: dict[str, tuple[dict[str, str], str, str]] = {
    "a script": ({"main.py": APP}, "main:app", "it was found in main.py"),
    "a package": (
        {"app/__init__.py": "", "app/main.py": APP, "requirements.txt": "fastapi\n"},
        "app.main:app",
        "it was found in app/main.py",
    ),
    "tool.fastapi": (
        {"pyproject.toml": FASTAPI, "shop/web.py": "api = FastAPI()\n", "main.py": APP},
        "shop.web:api",
        "it is what [tool.fastapi] in pyproject.toml names",
    ),
    "src": (
        {"pyproject.toml": PROJECT, "src/shop/__init__.py": "", "src/shop/main.py": APP},
        "shop.main:app",
        "it was found in src/shop/main.py",
    ),
    "a factory": ({"app.py": FACTORY}, "app:create_app()", "it was found in app.py"),
    "tests aside": (
        {"pyproject.toml": PROJECT, "tests/app.py": APP, "service/web.py": APP},
        "service.web:app",
        "it was found in service/web.py",
    ),
}


def make(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def git(folder: Path, *arguments: str) -> None:
    told = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *told, *arguments], cwd=folder, check=True, capture_output=True)


def repository(folder: Path, remote: str) -> None:
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    if remote:
        git(folder, "remote", "add", "origin", remote)


def written(folder: Path) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the hosts and the variables that were written, and the text of the latter."""
    text = (folder / "group_vars" / "app.yml").read_text()
    return yaml.safe_load((folder / "hosts.yml").read_text()), yaml.safe_load(text), text


PRODUCTION = Path("inventory", "production")


@pytest.mark.parametrize("shape", SHAPES)
def test_init_writes_what_the_check_accepts(shape: str, typed: Typed, here: Path) -> None:
    files, module, note = SHAPES[shape]
    make(here, files)
    told = typed("init", "--yes", "--host", "203.0.113.7")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "The check accepts it." in told.stdout
    assert f"serves {module}; {note}\n" in told.stdout
    hosts, variables, text = written(here / PRODUCTION)
    assert hosts["app"] == {
        "hosts": {"web1": {"ansible_host": "203.0.113.7"}},
        "vars": {"ansible_user": "root"},
    }
    assert variables["app_module"] == module
    assert f"# What is served; {note}.\n" in text
    assert variables["app_name"] == ("my-shop" if "pyproject.toml" in files else "here")
    assert variables["app_domain"] == ["203.0.113.7"]
    # The inventory is in the folder that is released, and is no part of it.
    assert variables["app_source"] == {
        "type": "path",
        "path": "{{ inventory_dir }}/../..",
        "exclude": ["/inventory/production/"],
    }


def test_init_asks_five_questions_and_takes_an_empty_answer_for_the_default(
    typed: Typed, here: Path
) -> None:
    make(here, {"main.py": APP})
    told = typed("init", answers="\nshop\ndeploy@web1.example.com:2222\n\nwww.example.com\n")
    assert told.returncode == 0, told.stdout + told.stderr
    hosts, variables, _text = written(here / PRODUCTION)
    assert hosts["app"]["hosts"] == {"web1.example.com": {"ansible_port": 2222}}
    assert hosts["app"]["vars"] == {"ansible_user": "deploy", "ansible_become": True}
    assert variables["app_name"] == "shop"
    assert variables["app_domain"] == ["www.example.com"]
    assert "ssh -p 2222 deploy@web1.example.com true" in told.stdout


def test_init_asks_again_after_an_answer_that_is_refused(typed: Typed, here: Path) -> None:
    make(here, {"main.py": APP})
    told = typed(
        *("init", "--host", "203.0.113.7", "--user", "root"), answers="\nMy Shop\nshop\n\n"
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "app_name is My Shop; expected a lower-case letter" in told.stdout + told.stderr
    assert written(here / PRODUCTION)[1]["app_name"] == "shop"


def test_repository_is_the_source_with_its_branch_and_without_its_password(
    typed: Typed, here: Path
) -> None:
    make(here, {"main.py": APP})
    repository(here, "https://ada:made-up-token@git.example.com/shop.git")
    told = typed(
        "init", "--yes", "--host", "web1.example.com,web2.example.com", "--domain", "a.example"
    )
    assert told.returncode == 0, told.stdout + told.stderr
    hosts, variables, text = written(here / PRODUCTION)
    assert list(hosts["app"]["hosts"]) == ["web1.example.com", "web2.example.com"]
    assert variables["app_version"] == "trunk"
    assert variables["app_source"] == {
        "type": "git",
        "url": "https://git.example.com/shop.git",
        "version": "{{ app_version }}",
    }
    assert "made-up-token" not in text + told.stdout + told.stderr


def test_project_in_a_folder_of_its_repository_is_named_by_it(here: Path) -> None:
    make(here, {"services/shop/main.py": APP})
    repository(here, "git@git.example.com:all.git")
    found = project.look(here / "services" / "shop")
    assert found.source == {
        "type": "git",
        "url": "git@git.example.com:all.git",
        "version": "trunk",
        "subdirectory": "services/shop",
    }


def test_repository_without_a_remote_is_a_folder(here: Path) -> None:
    make(here, {"main.py": APP})
    repository(here, "")
    assert project.source_of(here) == {"type": "path", "path": str(here)}


def test_empty_folder_takes_another_folder(typed: Typed, here: Path, tmp_path: Path) -> None:
    make(tmp_path / "shop", {"main.py": APP})
    told = typed("init", "--yes", "--source", "../shop", "--host", "2001:db8::7", "-i", "a/b")
    assert told.returncode == 0, told.stdout + told.stderr
    hosts, variables, _text = written(here / "a" / "b")
    assert hosts["app"]["hosts"] == {"web1": {"ansible_host": "2001:db8::7"}}
    assert variables["app_source"] == {"type": "path", "path": str(tmp_path / "shop")}
    assert variables["app_domain"] == ["2001:db8::7"]
    assert f"{' ' * 2}asgi-fleet deploy -i a/b\n" in told.stdout


def test_empty_folder_takes_a_url_and_finds_its_branch(
    typed: Typed, here: Path, tmp_path: Path
) -> None:
    shop = tmp_path / "shop.git"
    make(shop, {"main.py": APP})
    repository(shop, "")
    told = typed("init", "--yes", "--source", f"file://{shop}", "--host", "203.0.113.7")
    assert told.returncode == 0, told.stdout + told.stderr
    _hosts, variables, text = written(here / PRODUCTION)
    assert variables["app_name"] == "shop"
    assert variables["app_version"] == "trunk"
    assert "app_module" not in variables
    assert "# What is served is found in the source" in text


@pytest.mark.parametrize(
    ("files", "arguments", "sentence"),
    [
        ({}, ("--host", "203.0.113.7"), "--source is not given, and nothing tells it"),
        ({"main.py": APP}, (), "--host is not given, and nothing tells it"),
        ({"main.py": APP}, ("--host", "a b!"), "the host is a b!; expected [user@]address[:port]"),
        (
            {"main.py": APP},
            ("--host", "-oProxyCommand=x"),
            "the host is -oProxyCommand=x; expected",
        ),
        ({"main.py": APP}, ("--host", "web1"), "--domain is not given, and nothing tells it"),
        (
            {"main.py": APP},
            ("--host", "203.0.113.7", "--name", "Shop"),
            "app_name is Shop; expected a lower-case letter",
        ),
        (
            {"main.py": APP},
            ("--host", "203.0.113.7", "--domain", "a_b.example"),
            "app_domain is a_b.example; expected a DNS name",
        ),
        (
            {"main.py": APP},
            ("--host", "203.0.113.7", "--user", "a b"),
            "the user is a b; expected the name of an account",
        ),
        (
            {"main.py": APP},
            ("--host", "203.0.113.7", "--source", "../nothing"),
            "the source is ../nothing; expected a git URL, or a folder of this machine",
        ),
        (
            {"main.py": APP},
            ("--host", "203.0.113.7", "--source", "http://git.example.com/shop.git"),
            "app_source.url is http://git.example.com/shop.git; expected https",
        ),
        (
            {"requirements.txt": "fastapi\n"},
            ("--host", "203.0.113.7"),
            "app_module is not set, and no application was found in main.py",
        ),
    ],
)
def test_init_refuses_and_writes_nothing(
    files: dict[str, str], arguments: tuple[str, ...], sentence: str, typed: Typed, here: Path
) -> None:
    make(here, files)
    told = typed("init", "--yes", *arguments)
    assert told.returncode == 2
    assert sentence in " ".join(told.stderr.split())
    assert not (here / "inventory").exists()


def test_init_writes_over_nothing(typed: Typed, here: Path) -> None:
    make(here, {"main.py": APP, "inventory/production/mine": "kept"})
    told = typed("init", "--yes", "--host", "203.0.113.7")
    assert told.returncode == 2
    assert "inventory/production is there already; expected a folder to make" in told.stderr
    assert [path.name for path in (here / PRODUCTION).iterdir()] == ["mine"]


def test_init_says_so_when_the_check_refuses(typed: Typed, here: Path) -> None:
    """What only the check knows: two hosts are one machine."""
    make(here, {"main.py": APP})
    arguments = ("--host", "203.0.113.7,203.0.113.7", "--domain", "a.example")
    told = typed("init", "--yes", *arguments)
    assert told.returncode == 2
    assert "one machine (203.0.113.7:22)" in told.stdout + told.stderr
    assert "The check refuses it. Correct the files, then type: asgi-fleet check" in told.stdout


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("203.0.113.7", Host("web3", "203.0.113.7")),
        ("root@203.0.113.7:22", Host("web3", "203.0.113.7", 22, "root")),
        ("2001:db8::7", Host("web3", "2001:db8::7")),
        ("ada@[2001:db8::7]:2222", Host("web3", "2001:db8::7", 2222, "ada")),
        ("web1.example.com", Host("web1.example.com", "web1.example.com")),
    ],
)
def test_host_is_read_as_ssh_has_it(text: str, host: Host) -> None:
    assert Host.read(text, 3) == host


@pytest.mark.parametrize("text", ["", "web1:port", "web1/path", "[::1", "user@"])
def test_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Host.read(text, 1)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My_Shop", "my-shop"),
        ("3 apps", "apps"),
        ("...", ""),
        ("x" * 40, "x" * 31),
        ("root", "root"),
    ],
)
def test_name_is_made_of_what_a_project_is_called(text: str, name: str) -> None:
    assert project.app_name(text) == name
