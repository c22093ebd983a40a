"""Whose files and ports are, on a host that has some already."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.listeners import Listener
from ansible_collections.asgi.fleet.plugins.module_utils.servers.standing import (
    FOREIGN,
    MISSING,
    OURS,
    PACKAGED,
    Files,
    Unit,
    conffiles,
    foreign_files,
    is_ours,
    taken_ports,
    unit_problems,
)

NGINX = "/usr/sbin/nginx"
EVERY = "0.0.0.0"  # noqa: S104 (an address to read, not one to listen on)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files of a package: one as it came, one that was edited, and a link to each."""
    folder = tmp_path / "etc"
    (folder / "enabled").mkdir(parents=True)
    checksum = hashlib.md5(b"as it came\n", usedforsecurity=False).hexdigest()
    (folder / "plain").write_text("as it came\n")
    (folder / "edited").write_text("mine\n")
    for name in ("plain", "edited"):
        (folder / "enabled" / name).symlink_to(folder / name)
    (tmp_path / "status").write_text(
        f"Package: nginx-common\nConffiles:\n {folder}/plain {checksum}\n"
        f" {folder}/edited {checksum} obsolete\nDescription: x\n"
    )
    return Files(str(folder), str(tmp_path / "status"))


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("plain", PACKAGED),
        ("edited", FOREIGN),
        ("enabled/plain", PACKAGED),
        ("enabled/edited", FOREIGN),
        ("nothing", MISSING),
        ("enabled", FOREIGN),
    ],
)
def test_file_is_the_packages_as_long_as_it_is_unchanged(
    files: Files, tmp_path: Path, name: str, origin: str
) -> None:
    assert files.origin(f"{tmp_path}/etc/{name}") == origin


def test_link_into_nowhere_and_a_copy_are_someones(files: Files, tmp_path: Path) -> None:
    (tmp_path / "etc/dead").symlink_to(tmp_path / "gone")
    (tmp_path / "etc/copy").write_text("as it came\n")

    assert files.origin(f"{tmp_path}/etc/dead") == FOREIGN
    assert files.origin(f"{tmp_path}/etc/copy") == FOREIGN


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("# The site shop. Written by asgi.fleet (role nginx_site); changes", True),
        ("# Written by the role haproxy_balancer; changes here are lost", True),
        ("# Written by the roles of somebody", False),
        ("# Written by asgi.fleeting", False),
        ("x" * 500 + "Written by asgi.fleet", False),
        ("", False),
    ],
)
def test_ours_is_what_says_so_at_its_top(
    files: Files, tmp_path: Path, text: str, *, ours: bool
) -> None:
    (tmp_path / "etc/plain").write_text(text)

    assert is_ours(text) == ours
    assert (files.origin(f"{tmp_path}/etc/plain") == OURS) == ours


def test_host_without_dpkg_has_no_files_of_packages(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")

    assert Files(str(tmp_path), str(tmp_path / "none")).origin(f"{tmp_path}/plain") == FOREIGN


def test_conffiles_of_several_packages_are_read() -> None:
    one, two = "0" * 32, "1" * 32
    status = (
        f"Conffiles:\n /etc/nginx/x {one}\n /etc/nginxy {one}\n\n /etc/nginx/x {two} obsolete\n"
    )

    assert conffiles(status, "/etc/nginx") == {"/etc/nginx/x": {one, two}}


def test_only_what_is_someones_is_refused_with_a_way_out() -> None:
    found = {"/a": OURS, "/b": PACKAGED, "/c": MISSING, "/d": FOREIGN}

    (told,) = foreign_files(found)

    assert told.startswith("/d is someone's own")
    assert "mv /d /d.before" in told


PORTS = {80: "nginx_site_http_port", 443: "nginx_site_https_port"}


@pytest.mark.parametrize(
    ("listener", "told"),
    [
        (Listener("tcp", EVERY, 80, "nginx", "nginx.service"), ""),
        (Listener("tcp", EVERY, 80, "nginx"), ""),
        (Listener("tcp", EVERY, 8080, "apache2", "apache2.service"), ""),
        (Listener("udp", EVERY, 443, "caddy", "caddy.service"), ""),
        (
            Listener("tcp", "::", 80, "apache2", "apache2.service"),
            "TCP 80 is in use (apache2, apache2.service, on ::): systemctl disable --now "
            "apache2.service, or set nginx_site_http_port to a free port",
        ),
        (
            Listener("tcp", EVERY, 443, "docker-proxy", "docker.service"),
            "TCP 443 is in use (docker-proxy, docker.service, on 0.0.0.0): stop it, or set "
            "nginx_site_https_port to a free port",
        ),
        # nginx in a container, or started by hand.
        (
            Listener("tcp", "127.0.0.1", 80, "nginx", "session-3.scope"),
            "TCP 80 is in use (nginx, on 127.0.0.1): stop it, or",
        ),
        (Listener("tcp", EVERY, 80), "TCP 80 is in use (a program that is not known"),
    ],
)
def test_port_of_another_program_is_refused_by_its_name(listener: Listener, told: str) -> None:
    found = list(taken_ports(PORTS, "nginx.service", [listener]))

    assert len(found) == bool(told)
    assert "".join(found).startswith(told)


def test_program_on_two_addresses_is_told_once() -> None:
    both = [Listener("tcp", one, 80, "apache2", "apache2.service") for one in (EVERY, "::")]

    assert len(list(taken_ports(PORTS, "nginx.service", both))) == 1


@pytest.mark.parametrize(
    ("unit", "installed", "told"),
    [
        (Unit(), False, ""),
        (Unit("loaded", "/usr/lib/systemd/system/nginx.service", NGINX), True, ""),
        # What a removed package leaves in /etc/init.d.
        (
            Unit("loaded", "/run/systemd/generator.late/nginx.service", "/etc/init.d/nginx"),
            False,
            "",
        ),
        (Unit("masked", "/etc/systemd/system/nginx.service"), True, "nginx.service is masked"),
        (
            Unit("loaded", "/etc/systemd/system/nginx.service", "/opt/nginx/sbin/nginx"),
            False,
            "nginx.service (/etc/systemd/system/nginx.service) starts /opt/nginx/sbin/nginx",
        ),
        (Unit(), True, "/usr/sbin/nginx is there, but systemd knows no nginx.service"),
    ],
)
def test_server_that_a_package_did_not_install_is_refused(
    unit: Unit, *, installed: bool, told: str
) -> None:
    found = list(unit_problems(unit, "nginx.service", NGINX, installed=installed))

    assert len(found) == bool(told)
    assert "".join(found).startswith(told)
