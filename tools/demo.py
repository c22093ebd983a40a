"""The demo: hosts in containers on this machine, with the sample application deployed to them.

`up` boots the hosts, writes inventory/demo/ and runs deploy.yml; `down` removes all of it;
`measure` times a first deploy, a deploy without changes, and a release. `make demo`,
`make demo-down` and `make demo-measure` call this program.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = ROOT / "inventory" / "demo"
# What its rollouts write beside it.
RECORDS = ROOT / "inventory" / "rollouts" / "demo"
CACHE = ROOT / ".cache"
SHARED = ROOT / "molecule" / "shared"
NETWORK = "fleet-demo"
IMAGES = "localhost/asgi-fleet-host"
APP = "demo"
DOMAIN = "demo.localhost"
# The first host's ports on this machine; the next hosts take the next ports.
SSH_PORT = 22001
HTTPS_PORT = 8443
HTTP_PORT = 8080
HOSTS_MAX = 9
TAIL_LINES = 60

HOSTS_FILE = """\
---
# Written by `make demo`, removed by `make demo-down`: containers on this machine.
app:
  vars:
    ansible_host: 127.0.0.1
    ansible_user: root
    ansible_ssh_private_key_file: "{{{{ inventory_dir }}}}/../../.cache/ssh/id_ed25519"
    # Only here: each demo creates new hosts, with new keys
    ansible_ssh_common_args: >-
      -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
    # For molecule/shared/create.yml, which boots them
    lab_network: {network}
    lab_subnet_prefix: "10.91.1"
    lab_source: {source}
    lab_container: "{{{{ inventory_hostname }}}}"
  hosts:
"""

HOST_ENTRY = """\
    {name}:
      ansible_port: {ssh}
      nginx_site_public_https_port: {https}
      lab_index: {index}
      lab_ssh_port: {ssh}
      lab_publish: ["127.0.0.1:{https}:443", "127.0.0.1:{http}:80"]
"""

APP_FILE = f"""\
---
# The deployment of the demo: all that the sample application in app/ needs.
# Everything else is a default.
app_name: {APP}
app_domain: {DOMAIN}
app_source:
  type: path
  path: "{{{{ (inventory_dir ~ '/../../app') | realpath }}}}"
app_tls:
  mode: selfsigned
app_hooks:
  # Once for each rollout, on one host, before any host starts the new release.
  before_rollout:
    - python -m fleet_sample.migrate
"""

RECAP = re.compile(r"^\S+ +: ok=\d+ +changed=(?P<changed>\d+) ")
HEADING = re.compile(r"^(?P<kind>PLAY|TASK|RUNNING HANDLER) \[(?P<name>.*)\] \**$")


class DemoError(Exception):
    """The demo cannot continue; the message says why and what to do."""


@dataclass(frozen=True)
class Host:
    """One host of the demo."""

    index: int

    @property
    def name(self) -> str:
        """The name in the inventory, and of the container."""
        return f"fleet-demo{self.index}"

    @property
    def ssh(self) -> int:
        """The port of this machine for SSH to the host."""
        return SSH_PORT + self.index - 1

    @property
    def https(self) -> int:
        """The port of this machine for HTTPS to the host."""
        return HTTPS_PORT + self.index - 1

    @property
    def http(self) -> int:
        """The port of this machine for HTTP to the host."""
        return HTTP_PORT + self.index - 1


@dataclass(frozen=True)
class Run:
    """The result of a playbook."""

    seconds: float
    changed: int


def say(text: str) -> None:
    """Prints one line of progress."""
    print(f"demo: {text}", flush=True)


def changes(changed: int) -> str:
    """Returns a number of changes as text: `0 changed`, `12 changed`."""
    return f"{changed} changed"


def hosts_file(hosts: Sequence[Host], source: str) -> str:
    """The inventory of the demo.

    Args:
        hosts: The hosts.
        source: What they are made of: a Debian suite or an image.

    Returns:
        The text of hosts.yml.
    """
    entries = (
        HOST_ENTRY.format(
            name=host.name, index=host.index, ssh=host.ssh, https=host.https, http=host.http
        )
        for host in hosts
    )
    return HOSTS_FILE.format(network=NETWORK, source=source) + "".join(entries)


def count_changes(output: str) -> int:
    """Adds up `changed=` of all hosts in the recap of a playbook."""
    return sum(int(match["changed"]) for match in map(RECAP.match, output.splitlines()) if match)


def podman(*arguments: str) -> str:
    """Runs podman.

    Returns:
        What it printed.

    Raises:
        DemoError: podman failed.
    """
    result = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        message = f"podman {shlex.join(arguments)} failed: {result.stderr.strip()}"
        raise DemoError(message)
    return result.stdout


def containers() -> list[str]:
    """Names of the demo's containers, running or not."""
    label = f"label=io.asgi.fleet.network={NETWORK}"
    return podman("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()


def check_ports(hosts: Sequence[Host]) -> None:
    """Refuses ports that something else on this machine uses.

    Args:
        hosts: The hosts that are going to be started.

    Raises:
        DemoError: A port is taken.
    """
    for host in hosts:
        for port in (host.ssh, host.https, host.http):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    message = (
                        f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); "
                        f"{host.name} needs it: stop what listens there "
                        f"(ss -ltnp 'sport = :{port}' names it)"
                    )
                    raise DemoError(message) from error


class Progress:
    """Shows the plays of a playbook as lines, and on a terminal the running task."""

    def __init__(self, *, verbose: bool) -> None:
        self.verbose = verbose
        self.terminal = sys.stdout.isatty()

    def feed(self, line: str) -> None:
        """Takes one line of ansible-playbook's output."""
        if self.verbose:
            print(line, end="", flush=True)
            return
        heading = HEADING.match(line)
        if heading is None:
            return
        self.clear()
        if heading["kind"] == "PLAY":
            print(f"  {heading['name']}", flush=True)
        elif self.terminal:
            width = shutil.get_terminal_size().columns - 6
            print(f"    {heading['name'][:width]}", end="", flush=True)

    def clear(self) -> None:
        """Removes the line of the running task."""
        if self.terminal and not self.verbose:
            print("\r\033[K", end="", flush=True)


def playbook(name: str, path: Path, *arguments: str) -> Run:
    """Runs a playbook with its output in .cache/logs/<name>.log and its progress on the terminal.

    Args:
        name: The name of the log.
        path: The playbook.
        arguments: Further arguments of ansible-playbook.

    Returns:
        How it went.

    Raises:
        DemoError: The playbook failed.
    """
    log = CACHE / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ["ansible-playbook", *arguments, str(path.relative_to(ROOT))]
    progress = Progress(verbose=bool(os.environ.get("VERBOSE")))
    start = time.monotonic()
    lines: list[str] = []
    # `Progress` reads the headings of Ansible's own output.
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in process.stdout:
            lines.append(line)
            progress.feed(line)
    progress.clear()
    seconds = time.monotonic() - start
    log.write_text("".join(lines), encoding="utf-8")
    if process.returncode:
        if not progress.verbose:
            print("".join(lines[-TAIL_LINES:]))
        message = f"{shlex.join(command)} failed; its whole output is in {log.relative_to(ROOT)}"
        raise DemoError(message)
    return Run(seconds, count_changes("".join(lines)))


def boot(hosts: Sequence[Host], source: str) -> float:
    """Writes the inventory and boots the hosts that do not run yet.

    Args:
        hosts: The hosts of the demo; containers of an earlier, larger demo are removed.
        source: What hosts are made of: a Debian suite or an image.

    Returns:
        The seconds it took.
    """
    start = time.monotonic()
    present = containers()
    for name in sorted(set(present) - {host.name for host in hosts}):
        say(f"removing {name}, of an earlier demo with more hosts")
        podman("rm", "--force", "--time", "1", name)
    check_ports([host for host in hosts if host.name not in present])
    (INVENTORY / "group_vars").mkdir(parents=True, exist_ok=True)
    (INVENTORY / "hosts.yml").write_text(hosts_file(hosts, source), encoding="utf-8")
    (INVENTORY / "group_vars" / "app.yml").write_text(APP_FILE, encoding="utf-8")
    names = ", ".join(host.name for host in hosts)
    if {host.name for host in hosts} <= set(present):
        say(f"making sure that {names} run")
    else:
        say(f"booting {names} from {source} (the first time an image is built: about a minute)")
    playbook(
        "demo-boot",
        SHARED / "create.yml",
        f"--inventory={(SHARED / 'inventory' / 'lab.yml').relative_to(ROOT)}",
        f"--inventory={INVENTORY.relative_to(ROOT)}",
    )
    return time.monotonic() - start


def deploy(*arguments: str) -> Run:
    """Runs deploy.yml as the README says."""
    say(shlex.join(["ansible-playbook", "deploy.yml", *arguments]))
    return playbook("demo-deploy", ROOT / "deploy.yml", *arguments)


def fetch_certificates() -> Path:
    """Fetches the hosts' certificates, over SSH, into one file for curl --cacert.

    Returns:
        The file.

    Raises:
        DemoError: A host has no certificate.
    """
    target = INVENTORY / "ca.pem"
    with tempfile.TemporaryDirectory() as folder:
        source = f"src=/etc/{APP}/tls/fullchain.pem dest={folder}/"
        result = subprocess.run(
            ["ansible", "app", "--module-name", "ansible.builtin.fetch", "--args", source],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            message = f"the certificates of the hosts could not be fetched:\n{result.stdout}"
            raise DemoError(message)
        parts = sorted(Path(folder).rglob("fullchain.pem"))
        target.write_text(
            "".join(part.read_text(encoding="utf-8") for part in parts), encoding="utf-8"
        )
    return target


def ask(host: Host, certificates: Path) -> None:
    """Shows the curl command for a host, and the answer.

    Args:
        host: The host.
        certificates: What curl trusts.

    Raises:
        DemoError: curl failed.
    """
    url = f"https://{DOMAIN}:{host.https}/whoami"
    command = ["curl", "--silent", "--show-error", "--fail", "--cacert"]
    command += [str(certificates.relative_to(ROOT)), url]
    print(f"\n  curl --cacert {certificates.relative_to(ROOT)} {url}")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        message = f"the application does not answer: {result.stderr.strip()}"
        raise DemoError(message)
    print(f"  {result.stdout.strip()}")


def up(hosts: Sequence[Host], source: str) -> None:
    """Boots, deploys, and shows the result."""
    first_time = not containers()
    boot(hosts, source)
    run = deploy()
    certificates = fetch_certificates()
    kind = "first deploy" if first_time else "deploy"
    say(f"{kind}: {changes(run.changed)}, {run.seconds:.0f} s")
    for host in hosts:
        ask(host, certificates)
    print(flush=True)
    subprocess.run(["ansible-playbook", "playbooks/status.yml"], cwd=ROOT, check=True)
    say(f"open https://{DOMAIN}:{HTTPS_PORT}/ (the certificate is self-signed: a browser will ask)")
    say("run `make demo` again and nothing changes; `make demo-down` removes it all")


def down(*, images: bool) -> None:
    """Removes containers, network, inventory, records and the SSH key; if asked, the images too.

    The key belongs to molecule's hosts too: it is kept while there are any.
    """
    names = containers()
    if names:
        say(f"removing {', '.join(sorted(names))}")
        podman("rm", "--force", "--time", "1", *names)
    if NETWORK in podman("network", "ls", "--format", "{{.Name}}").split():
        podman("network", "rm", "--force", NETWORK)
    shutil.rmtree(INVENTORY, ignore_errors=True)
    shutil.rmtree(RECORDS, ignore_errors=True)
    with contextlib.suppress(OSError):
        RECORDS.parent.rmdir()
    if podman("ps", "--all", "--filter", "label=io.asgi.fleet.network", "--format", "{{.Names}}"):
        say("test hosts of molecule are up: their SSH key and images are kept")
        return
    shutil.rmtree(CACHE / "ssh", ignore_errors=True)
    built = podman("images", "--filter", f"reference={IMAGES}", "--format", "{{.ID}}").split()
    if images and built:
        say(f"removing the images {IMAGES}")
        podman("rmi", "--force", *built)
    elif built:
        say(f"the images {IMAGES} are kept: IMAGES=1 removes them")


def measure(hosts: Sequence[Host], source: str) -> None:
    """Times a first deploy, a deploy without changes and a release, on new hosts.

    The last line printed is one JSON object.
    """
    down(images=False)
    boot_seconds = boot(hosts, source)
    first = deploy()
    unchanged = deploy()
    with tempfile.TemporaryDirectory() as folder:
        # A copy: the work tree stays clean, and its release is another by its content.
        copy = shutil.copytree(ROOT / "app", Path(folder) / "app")
        with (copy / "main.py").open("a", encoding="utf-8") as module:
            module.write(f"\n# Released {time.time_ns()}\n")
        source_value = {"app_source": {"type": "path", "path": str(copy)}}
        release = deploy("--extra-vars", json.dumps(source_value))
    result = {
        "bench": "demo",
        "hosts": len(hosts),
        "image": source,
        "boot_seconds": round(boot_seconds, 1),
        "first_deploy_seconds": round(first.seconds, 1),
        "unchanged_deploy_seconds": round(unchanged.seconds, 1),
        "unchanged_deploy_changed": unchanged.changed,
        "release_seconds": round(release.seconds, 1),
    }
    print(json.dumps(result))


def host_count(text: str) -> int:
    """Parses --hosts.

    Args:
        text: The argument.

    Returns:
        The number of hosts.

    Raises:
        argparse.ArgumentTypeError: It is no number from 1 to HOSTS_MAX.
    """
    if not text.isdecimal() or not 1 <= int(text) <= HOSTS_MAX:
        message = f"HOSTS is {text}; expected a number from 1 to {HOSTS_MAX}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def main() -> int:
    """Parses the command line and runs.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("up", "measure"):
        command = verbs.add_parser(verb)
        command.add_argument("--hosts", type=host_count, default=1)
        command.add_argument("--image", default="trixie", help="a Debian suite or an image")
    verbs.add_parser("down").add_argument("--images", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "down":
            down(images=arguments.images)
        else:
            hosts = [Host(index) for index in range(1, arguments.hosts + 1)]
            (up if arguments.verb == "up" else measure)(hosts, arguments.image)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
