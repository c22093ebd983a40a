"""What an application may be allowed, and what must not be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import (
    Examination,
    judge,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.spec import BY_NAME


def check(name: str, value: object) -> tuple[Any, list[str]]:
    findings = Findings(name)
    normal = BY_NAME[name].check(value, findings)
    return normal, [problem.message for problem in findings.problems]


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("app_network_allow", "any", ["any"]),
        ("app_network_allow", ["any", "localhost", "any"], ["any", "localhost"]),
        ("app_network_allow", ["10.0.0.7", "2001:db8::/32"], ["10.0.0.7/32", "2001:db8::/32"]),
        ("app_network_allow", [], []),
        ("app_writable_paths", ["/srv/uploads", "/var/lib/shop-index"], None),
        ("app_writable_paths", "/mnt/nfs@1/shop", ["/mnt/nfs@1/shop"]),
        ("app_writable_paths", "./sql_app.db", ["sql_app.db"]),
        ("app_writable_paths", ["uploads", "data/index.d/", "/srv/x"], None),
        (
            "app_writable_paths",
            {"path": "static", "keep": "no"},
            [{"path": "static", "keep": False}],
        ),
        ("app_writable_paths", [{"path": "media", "keep": True}], ["media"]),
        ("app_devices", ["/dev/nvidia0", "/dev/dri/renderD128"], None),
        ("app_sandbox", {"jit": "yes"}, {"jit": True, "netlink": False}),
        ("app_sandbox", {}, {"jit": False, "netlink": False}),
    ],
)
def test_what_an_application_needs_is_taken(name: str, value: object, normal: object) -> None:
    assert check(name, value) == (value if normal is None else normal, [])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "app_network_allow",
            ["any", "intranet"],
            "app_network_allow[1] is intranet; expected any, localhost, link-local, or a network "
            "such as 10.0.0.0/8; set it in group_vars/app.yml",
        ),
        (
            "app_network_allow",
            "10.0.0.7/8",
            "app_network_allow is 10.0.0.7/8; expected the address of a network, such as "
            "10.0.0.0/8, or a single one; set it in group_vars/app.yml",
        ),
        (
            "app_network_allow",
            "0.0.0.0/0",
            "app_network_allow is 0.0.0.0/0; expected any, localhost and link-local for "
            "everything, each by name; set it in group_vars/app.yml",
        ),
        (
            "app_writable_paths",
            ["../uploads"],
            "app_writable_paths[0] is ../uploads; expected an absolute path such as /srv/uploads, "
            "or a path inside of the source such as uploads; of letters, digits and ._@+,=~-, "
            "without ..; set it in group_vars/app.yml",
        ),
        (
            "app_writable_paths",
            ".",
            "app_writable_paths is .; expected a folder or a file inside of the source, and not "
            "all of it, nor what is installed; name the folder in it that the application writes",
        ),
        (
            "app_writable_paths",
            [{"path": "/srv/uploads", "keep": False}],
            "app_writable_paths[0] is /srv/uploads with keep: false; expected keep: false only for "
            "a path inside of the source; remove keep",
        ),
        (
            "app_writable_paths",
            ["media", "media/thumbnails"],
            "app_writable_paths is media/thumbnails, which lies in media; expected each path once; "
            "remove one",
        ),
        (
            "app_writable_paths",
            "/etc/shop",
            "app_writable_paths is /etc/shop, which is the system's own; expected a path that is "
            "the application's alone, such as /srv/uploads or one below /var/opt; "
            "set it in group_vars/app.yml",
        ),
        (
            "app_writable_paths",
            "/var/lib",
            "app_writable_paths is /var/lib, which is shared with others; expected a path that is "
            "the application's alone, such as /srv/uploads or one below /var/opt; "
            "name the folder below it",
        ),
        (
            "app_writable_paths",
            "/opt/shop/releases/1.0",
            "app_writable_paths is /opt/shop/releases/1.0, which is of releases and never changes; "
            "expected a path that is the application's alone, such as /srv/uploads or one below "
            "/var/opt; set it in group_vars/app.yml",
        ),
        (
            "app_devices",
            ["/dev/sda1"],
            "app_devices is /dev/sda1; expected the path of a device, such as /dev/nvidia0; none "
            "of a disk, of memory or of the machine; remove it",
        ),
        (
            "app_sandbox",
            {"jti": True},
            "app_sandbox.jti is not a key; expected jit and netlink; remove it",
        ),
        (
            "app_sandbox",
            {"jit": "perhaps"},
            "app_sandbox.jit is perhaps; expected true or false; set it in group_vars/app.yml",
        ),
        (
            "app_sandbox",
            ["jit"],
            'app_sandbox is ["jit"]; expected a mapping of jit and netlink to true or false; '
            "set it in group_vars/app.yml",
        ),
    ],
)
def test_refusal_says_what_is_allowed(name: str, value: object, message: str) -> None:
    assert check(name, value)[1] == [message]


@pytest.mark.parametrize(
    "path",
    [
        *("/usr/share/x", "/proc/1", "/home/x", "/run/x", "/var/run/x", "/dev/shm", "/", "/var"),
        *("/srv/../etc", "/srv//x", "/srv/x/", "/srv/a b", "/srv/%i", '/srv/"x"', "-/srv/x", None),
    ],
)
def test_path_of_the_system_and_one_that_systemd_would_misread_are_refused(path: object) -> None:
    assert len(check("app_writable_paths", [path])[1]) == 1


@pytest.mark.parametrize(
    "path", ["/dev/mem", "/dev/nvme0n1", "/dev/mapper/x", "/dev/disk/by-id/x", "/srv/x", "/dev"]
)
def test_device_that_is_the_machine_is_refused(path: str) -> None:
    assert len(check("app_devices", [path])[1]) == 1


def test_path_of_another_application_on_the_machine_is_refused() -> None:
    def on(machine: str, name: str, *paths: str) -> Examination:
        return Examination({"app_name": name, "app_writable_paths": list(paths)}, [], machine)

    problems = judge(
        {
            "web1": on("10.0.0.1:22", "shop", "/var/lib/blog/state", "/srv/blog"),
            "web1-blog": on("10.0.0.1:22", "blog", "/var/lib/blog/more"),
            "web2": on("10.0.0.2:22", "shop", "/var/lib/blog/state"),
        }
    )
    assert [(problem.hosts, problem.message) for problem in problems] == [
        (
            ("web1",),
            "app_writable_paths is /var/lib/blog/state, which is of the application blog "
            "(web1-blog); expected a path of its own; share a folder below /srv that belongs to "
            "neither, or remove the path",
        )
    ]
