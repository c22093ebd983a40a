"""A host that serves something already: it goes on serving that, or the site is refused by name.

Before, the roles replaced nginx.conf and removed an edited default site without a word; apache2 on
port 80 showed only when nginx failed to start, at the end.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from events import ROOT
from odd import Odd

#: nginx as its packages have it, whatever another test has deployed; that comes back afterwards.
PACKAGED = r"""
    set -e
    export DEBIAN_FRONTEND=noninteractive
    if ! [ -e /etc/nginx/modules-enabled/50-mod-stream.conf ]; then
        apt-get -qq update
        apt-get -qq -y install nginx libnginx-mod-stream
    fi
    mkdir -p /etc/systemd/system/nginx.service.d
    rm -rf /root/was
    mkdir /root/was
    cp -a /etc/nginx /etc/systemd/system/nginx.service.d /root/was
    rm -rf /etc/nginx/conf.d/*.conf /etc/systemd/system/nginx.service.d
    if grep -q 'Written by' /etc/nginx/nginx.conf; then
        rm /etc/nginx/nginx.conf
        apt-get -qq -y -o Dpkg::Options::=--force-confmiss install --reinstall nginx-common
    fi
    ln -sf /etc/nginx/sites-available/default /etc/nginx/sites-enabled/default
"""
RESTORED = r"""
    rm -rf /etc/nginx /etc/systemd/system/nginx.service.d
    mv /root/was/nginx /etc/nginx
    mv /root/was/nginx.service.d /etc/systemd/system/
    systemctl daemon-reload
    systemctl reload-or-restart nginx
"""
#: What an operator has: a stream, a log format, another site, and a default site with a header.
SERVES = r"""
    set -e
    cat > /etc/nginx/old_stream.conf <<'END'
stream {
    server { listen 9443; return "the stream\n"; }
}
END
    sed -i 's|^http {|include old_stream.conf;\nhttp {\n    log_format old "$remote_addr";|' \
        /etc/nginx/nginx.conf
    sed -i 's|server_name _;|server_name _;\n\tadd_header X-Served-By the-old-default always;|' \
        /etc/nginx/sites-available/default
    cat > /etc/nginx/sites-enabled/blog <<'END'
server {
    listen 80;
    server_name blog.example.com;
    access_log /var/log/nginx/blog.log old;
    location / { return 200 "the blog\n"; }
}
END
    systemctl restart nginx
"""
#: What a site of ours would replace, or collide with.
RIVALS = r"""
    printf 'server { listen 80; server_name BESIDE.example.com; return 200 rival; }' \
        > /etc/nginx/sites-enabled/rival
    echo '# mine' > /etc/nginx/snippets/proxy.conf
    mkdir -p /etc/systemd/system/nginx.service.d
    printf '[Service]\nNice=1\n' > /etc/systemd/system/nginx.service.d/fleet.conf
    systemd-run --quiet --collect --unit apache2 python3 -m http.server 8443
    for _ in $(seq 50); do ss -lnt | grep -q :8443 && break; sleep 0.1; done
"""
NO_RIVALS = r"""
    rm /etc/nginx/sites-enabled/rival /etc/nginx/snippets/proxy.conf
    rm /etc/systemd/system/nginx.service.d/fleet.conf
    systemctl stop apache2
"""
#: All that a deployment could change, by content.
STATE = (
    "find /etc /opt -type f -exec sha256sum {} + | sort | sha256sum; sha256sum /var/lib/dpkg/status"
)
#: What clients of the host see.
SEEN = """
    curl --silent --include http://127.0.0.1/ | grep X-Served-By
    curl --silent --header 'Host: blog.example.com' http://127.0.0.1/
    timeout 5 bash -c 'cat < /dev/tcp/127.0.0.1/9443'
"""
SAME = "X-Served-By: the-old-default the blog the stream"
MAIN = "md5sum < /etc/nginx/nginx.conf"


def seen(full: Odd) -> str:
    return " ".join(full.shell(SEEN).split())


def site(full: Odd, **extra: object) -> str:
    """Run the part of provision.yml that is about nginx, and return what was printed."""
    command = [*full.command("provision", **OURS, **extra), "--tags=nginx_site"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def serving(full: Odd) -> Iterator[Odd]:
    """The host, with nginx, a stream, a site and a default site."""
    full.shell(PACKAGED + SERVES)
    assert seen(full) == SAME
    yield full
    full.shell(RESTORED, check=False)


def test_what_collides_is_refused_by_name_before_anything_changes(serving: Odd) -> None:
    serving.shell(RIVALS)
    try:
        before = serving.shell(STATE)
        serving.refused(
            "provision",
            "TCP 8443 is in use (python3, apache2.service, on 0.0.0.0)",
            "/etc/nginx/snippets/proxy.conf is someone's own",
            "/etc/systemd/system/nginx.service.d/fleet.conf is someone's own",
            "beside.example.com is served already, by /etc/nginx/sites-enabled/rival:1",
            "nothing was changed",
            nginx_site_https_port=8443,
            **OURS,
        )
        assert serving.shell(STATE) == before
        assert seen(serving) == SAME
    finally:
        serving.shell(NO_RIVALS)


def test_site_is_served_beside_what_is_there(serving: Odd) -> None:
    main = serving.shell(MAIN)

    result = serving.play("provision", **OURS)

    assert result.returncode == 0, result.stdout[-6000:]
    told = " ".join(result.stderr.split())
    assert told.count("/etc/nginx/nginx.conf is someone's own") == 1
    assert told.count("unknown host names are answered by a default server that is there") == 1
    assert serving.shell(MAIN) == main
    assert seen(serving) == SAME
    # There is no release yet: the application is what does not answer.
    assert "502" in serving.shell(
        "curl --silent --insecure --include --connect-to ::127.0.0.1: https://beside.example.com/"
    )
    assert "changed=0" in site(serving)


def test_main_configuration_is_replaced_where_that_is_asked_for_and_kept_beside(
    serving: Odd,
) -> None:
    main = serving.shell(MAIN)
    # What needs something of it would not work any more: nginx itself says so.
    told = site(serving, nginx_site_main_config_enabled=True)
    assert 'unknown log format "old" in /etc/nginx/sites-enabled/blog:4' in " ".join(told.split())
    assert serving.shell(MAIN) == main
    serving.shell("sed -i 's/ old;/;/' /etc/nginx/sites-enabled/blog")

    assert "failed=0" in site(serving, nginx_site_main_config_enabled=True)

    copy = "/etc/nginx/nginx.conf.before_asgi_fleet"
    assert serving.shell(f"md5sum < {copy}") == main
    assert "the blog" not in serving.shell("cat /etc/nginx/nginx.conf")
    serving.shell(f"mv {copy} /etc/nginx/nginx.conf; systemctl reload nginx")
    assert serving.shell(MAIN) == main


def test_balancer_of_someone_is_not_replaced(full: Odd) -> None:
    full.shell("mkdir -p /etc/haproxy; echo 'frontend mine' > /etc/haproxy/haproxy.cfg")
    given = json.dumps({"files": ["/etc/haproxy/haproxy.cfg"], "ports": {"22": "some_port"}})
    command = ["ansible", full.name, "-m", "asgi.fleet.haproxy_claim", "-a", given]
    command += full.command("provision")[2:-1]

    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout

    full.shell("rm -r /etc/haproxy")
    for refused in (
        "HAProxy cannot serve here beside what the host has, and nothing was changed",
        "/etc/haproxy/haproxy.cfg is someone's own",
        "mv /etc/haproxy/haproxy.cfg /etc/haproxy/haproxy.cfg.before",
        "TCP 22 is in use (sshd, ssh.service",
        "or set some_port to a free port",
    ):
        assert refused in " ".join(told.split()), told


#: An application of its own; the host's baseline is another subject, and takes its time.
OURS = {
    "app_name": "beside",
    "app_domain": "beside.example.com",
    "host_baseline_packages": [],
    "host_baseline_firewall_enabled": False,
    "host_baseline_time_sync_enabled": False,
    "host_baseline_unattended_upgrades_enabled": False,
    "host_baseline_sysctl": {},
}
#: Names of what a system has or may have; not all of it is on this host.
NAMES = [
    *("apt", "default", "dpkg", "ssl", "ufw", "cloud", "grub"),
    *("security", "network", "ubuntu", "deploy", "nginx", "systemd", "ssh"),
    *("sudo", "www-data", "root", "backup", "mail", "python3", "git"),
    *("docker", "postgresql", "redis", "misc", "private", "opt", "local"),
    *("kernel", "udev", "pam", "cron", "dbus", "skel", "logrotate"),
    *("rsyslog", "haproxy", "keepalived", "uv", "polkit", "perl", "curl"),
    *("openssl", "adduser", "passwd", "login", "procps", "bash", "coreutils"),
    *("netplan", "containerd", "caddy", "apache2", "mysql", "mariadb", "snap"),
    *("getty", "user"),
]
ASK = """
import json, sys, tarfile
tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz").extractall("/root/asked")
sys.path.insert(0, "/root/asked")
from ansible_collections.asgi.fleet.plugins.module_utils.application import provenance, removal
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
answers = {}
for name in sys.argv[1:]:
    try:
        claimed = provenance.claim(Application(name), check_mode=True, parents=provenance.PARENTS)
    except provenance.ForeignError as error:
        claimed = str(error)
    try:
        todo = removal.plan(Application(name), "", remove_data=True)
        removed = [*todo.units, *todo.paths, *todo.folders, *todo.accounts]
    except removal.RemovalError as error:
        removed = []
    answers[name] = (claimed, removed)
print(json.dumps(answers))
"""


def asked(full: Odd, names: list[str]) -> dict[str, tuple[object, list[str]]]:
    """Ask the host's own Python what it thinks of names."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in Path(ROOT, "plugins/module_utils").rglob("*.py"):
            inside = path.relative_to(ROOT)
            archive.add(path, f"ansible_collections/asgi/fleet/{inside}")
    script = f"python3 -c '{ASK}' {' '.join(names)}"
    result = subprocess.run(
        [*full.ssh[full.name], script], input=packed.getvalue(), capture_output=True, check=False
    )
    full.shell("rm -rf /root/asked")
    assert result.returncode == 0, result.stderr.decode()
    found: dict[str, tuple[object, list[str]]] = json.loads(result.stdout)
    return found


def test_no_name_of_the_system_is_taken_or_removed(full: Odd) -> None:
    answers = asked(full, [*NAMES, "storefront"])

    made, removed = answers.pop("storefront")
    assert made == [f"/{parent}/storefront" for parent in ("opt", "etc", "var/lib", "var/cache")]
    assert removed == []
    # A claim that is not refused tells what it would make, a list.
    assert {name for name, (claimed, _) in answers.items() if not isinstance(claimed, str)} == set()
    assert {name: paths for name, (_, paths) in answers.items() if paths} == {}
