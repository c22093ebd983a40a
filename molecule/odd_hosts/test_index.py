"""A host whose only way out is an index, or a proxy, of the company, with credentials and its CA.

Before: pip, which brings uv, went to the Internet, whatever the variables of uv said.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from canaries import Watcher, forms, kept
from closed import LOCKS, Authority, Index, Proxy, bridge, cut, wheels
from events import ROOT
from odd import Odd

NAME = "index.mirror.test"
PASSWORD = "canary-of-the/index"
PROXY_PASSWORD = "canary-of-the-proxy"
RELEASED = "/opt/closed /var/lib/closed /etc/closed /run/closed"
#: What a release leaves on a host beside itself.
BROUGHT = "/opt/uv/[0-9]* /var/cache/closed*"
APPLICATION = ROOT / "app" / "requirements.txt"
#: A source that is built, by what its lock does not name.
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "closed"
version = "1.0"
requires-python = ">=3.10"
"""
CODE = "from fastapi import FastAPI\n\napp = FastAPI()\n"


@dataclass
class Company:
    """The network of the company: its authority, its index and its proxy, and what was released."""

    shut: Odd
    index: Index
    proxy: Proxy
    #: Variables by which a host reaches the index: itself, or by the proxy.
    directly: dict[str, Any]
    by_proxy: dict[str, Any]
    told: dict[str, str] = field(default_factory=dict)
    watched: str = ""

    def release(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Release a new version without anything that an earlier one has brought."""
        folder = self.shut.folder / f"source-{name}"
        (folder / "closed").mkdir(parents=True)
        (folder / "closed" / "__init__.py").write_text(CODE)
        (folder / "pyproject.toml").write_text(PROJECT)
        # Another lock, so that no environment is copied.
        (folder / "requirements.txt").write_text(f"{APPLICATION.read_text()}# {name}\n")
        self.shut.shell(f"rm -rf {BROUGHT}")
        source = {"type": "path", "path": str(folder)}
        command = self.shut.command(
            "../molecule/odd_hosts/closed", python_release_source=source, **settings
        )
        # With all that Ansible can tell, so that a secret in it shows.
        command += ["-vvv", "--diff"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.told[name] = done.stdout + done.stderr
        return done.returncode == 0

    def refusal(self, name: str, settings: Mapping[str, Any], **changed: str) -> str:
        """Return how a release with other variables of uv is refused."""
        environment = {**settings["python_release_uv_environment"], **changed}
        # As it would be refused after some tries.
        environment["UV_HTTP_RETRIES"] = "0"
        assert not self.release(name, {**settings, "python_release_uv_environment": environment})
        message = re.search(r"^fatal: .*", self.told[name], re.M | re.S)
        assert message
        return " ".join(message.group().split())


def needles() -> list[str]:
    return forms(PASSWORD, PROXY_PASSWORD)


@contextlib.contextmanager
def known(shut: Odd, address: str) -> Iterator[None]:
    """Let the host know the name of the index."""
    shut.shell(f"cp /etc/hosts /run/odd-hosts && echo {address} {NAME} >>/etc/hosts")
    try:
        yield
    finally:
        # In place: in a container the file is a mount.
        shut.shell("cat /run/odd-hosts >/etc/hosts")


@pytest.fixture(scope="module")
def company(shut: Odd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Release by the index, and by the proxy alone, and watch what processes show of it."""
    shut.shell(
        "dpkg --status python3-venv >/dev/null 2>&1 ||"
        " { apt-get -q update && apt-get -qy install python3-venv; } >/dev/null 2>&1"
    )
    shut.shell(f"rm -rf {RELEASED}")
    address = bridge(shut)
    locks = [LOCKS / f"{name}-requirements.txt" for name in ("uv", "server", "build")]
    authority = Authority(tmp_path_factory.mktemp("authority"))
    index = Index(wheels(*locks, APPLICATION), authority.context(NAME), f"ci:{PASSWORD}", address)
    with cut(shut), index.serving() as port:
        proxy = Proxy(address, f"op:{PROXY_PASSWORD}", {NAME: port})
        with proxy.serving() as proxy_port:
            trusted = {"host_baseline_certificate_authorities": {"company": authority.pem}}
            directly = {
                "UV_DEFAULT_INDEX": f"company=https://{NAME}:{port}/simple",
                "UV_INDEX_COMPANY_USERNAME": "ci",
                "UV_INDEX_COMPANY_PASSWORD": PASSWORD,
            }
            # Only the proxy knows the name, and the port.
            by_proxy = {
                **directly,
                "UV_DEFAULT_INDEX": f"company=https://{NAME}/simple",
                "HTTPS_PROXY": f"http://op:{PROXY_PASSWORD}@{address}:{proxy_port}",
            }
            made = Company(
                shut,
                index,
                proxy,
                {**trusted, "python_release_uv_environment": directly},
                {**trusted, "python_release_uv_environment": by_proxy},
            )
            watcher = Watcher(shut, shut.name, needles())
            try:
                with known(shut, address):
                    made.release("index", made.directly)
                made.release("proxy", made.by_proxy)
            finally:
                made.watched = watcher.end()
            yield made
    shut.shell(f"rm -rf {RELEASED} {BROUGHT}")


@pytest.mark.parametrize("way", ["index", "proxy"])
def test_host_that_reaches_nothing_else_is_released_to(company: Company, way: str) -> None:
    told = company.told[way]
    assert re.search(r"failed=0 ", told), told[-4000:]
    # uv itself, what the application needs, what builds it, and the server.
    for project in ("uv", "fastapi", "hatchling", "gunicorn"):
        assert f"200 /simple/{project}/" in company.index.asked
    assert not [one for one in company.index.asked if one.startswith("401")]
    assert set(company.proxy.asked) == {f"200 {NAME}:443"}
    found = company.shut.shell("ls -d /opt/closed/releases/*/.venv/bin/gunicorn")
    assert len(found.splitlines()) == len(company.told)


def test_credentials_are_nowhere(company: Company) -> None:
    looks, *seen = company.watched.splitlines()
    assert int(looks.partition(" ")[0]) > 20
    assert seen == [], "of what processes show"
    shown = [
        (name, line[:300])
        for name, told in company.told.items()
        for line in told.splitlines()
        if any(needle in line for needle in needles())
    ]
    assert shown == [], "at -vvv"
    assert kept(company.shut, company.shut.name, needles()) == []


@pytest.mark.parametrize(
    ("name", "changed", "told"),
    [
        (
            "password",
            {"UV_INDEX_COMPANY_PASSWORD": "another"},
            "the index does not accept the credentials: python_release_uv_environment has them",
        ),
        (
            "proxy-password",
            {"HTTPS_PROXY": "http://op:another@"},
            "the proxy does not accept the credentials: HTTPS_PROXY in python_release_uv_env",
        ),
    ],
)
def test_network_that_refuses_names_the_variable(
    company: Company, name: str, changed: dict[str, str], told: str
) -> None:
    right = company.by_proxy["python_release_uv_environment"]["HTTPS_PROXY"]
    if "HTTPS_PROXY" in changed:
        changed = {"HTTPS_PROXY": changed["HTTPS_PROXY"] + right.rpartition("@")[2]}
    message = company.refusal(name, company.by_proxy, **changed)
    assert "cannot be brought to this host by pip; nothing was changed" in message
    assert told in message
    assert "Traceback" not in message


def test_authority_that_is_not_trusted_is_named_and_goes_when_it_is_no_longer(
    company: Company,
) -> None:
    without = {"python_release_uv_environment": company.by_proxy["python_release_uv_environment"]}
    message = company.refusal("authority", without)
    assert "host_baseline_certificate_authorities makes it trust an authority" in message
    assert "asgi-fleet-" not in company.shut.shell("ls /etc/ssl/certs")
