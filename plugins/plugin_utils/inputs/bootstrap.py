"""The variables of playbooks/bootstrap.yml: they fit any inventory, without a deployment.

Pure, but for the files of keys, which are handed in.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.names import (
    OPERATORS,
    OWN_NAMES,
    SYSTEM_NAMES,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.public_keys import (
    PublicKey,
    is_private,
    parse,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import values
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.variable import Variable

PREFIX = "bootstrap_"
#: Where to set them, as messages say.
ADVICE = "set it in the inventory, or with -e"
USER = "deploy"
ROOT = "root"
#: useradd(8), without the final $ of Samba. A dot would hide the account's file from sudo.
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_LOGIN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
#: What a key with one of these is good for, instead of a log-in.
_LOCKING = {
    "command": "runs that command instead of what Ansible asks for",
    "expiry-time": "lets nobody in after that day, when root is closed",
    "cert-authority": "is an authority, and no key of its own",
}
#: What a connection by SSH is called; nothing is Ansible's default.
_BY_SSH = (None, "", "ssh", "smart", "ansible.builtin.ssh")

ReadFile = Callable[[Path], str]


def user(value: object, findings: Findings) -> object:
    """Check the name of the account that operates the hosts."""
    if not isinstance(value, str) or not _USER.fullmatch(value):
        findings.refuse(
            seen(value),
            "a name of a-z, 0-9, _ and - that begins with a letter, of at most 32, such as deploy",
        )
    elif value == ROOT:
        findings.refuse(value, "an account of its own, since root is closed", "choose another")
    elif value in OWN_NAMES or SYSTEM_NAMES.get(value, OPERATORS) != OPERATORS:
        owner = SYSTEM_NAMES.get(value, "asgi.fleet on the hosts")
        findings.refuse(value, f"no name of {owner}", "choose another, such as deploy")
    return value


def login(value: object, findings: Findings) -> object:
    """Check the name of the account of the first log-in."""
    if not isinstance(value, str) or not _LOGIN.fullmatch(value):
        findings.refuse(seen(value), "the name of an account, such as root, ubuntu or debian")
    return value


def pattern(value: object, findings: Findings) -> object:
    """Check a pattern of hosts; Ansible says what is wrong with it."""
    if not isinstance(value, str) or not value.strip():
        findings.refuse(seen(value), "a pattern of hosts, such as all, app or web1:web2")
    return value


def keys(value: object, findings: Findings) -> object:
    """Check that keys are texts; `Keys` reads them."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        findings.refuse(seen(value), "a list of public keys, or of files that have them")
        return []
    return listed


BOOTSTRAP: tuple[Variable, ...] = (
    Variable(
        "bootstrap_user",
        "text",
        "The account that operates the hosts from now on; unset, ansible_user of the inventory if "
        "that is not root, and else deploy.",
        "a name of a-z, 0-9, _ and - that begins with a letter; not root, nor a name of the "
        "distribution or of an application",
        "deploy",
        values.optional(user),
        advice=ADVICE,
    ),
    Variable(
        "bootstrap_keys",
        "list",
        "Who may log in as that account; unset, the key of ansible_ssh_private_key_file, or else "
        "each ~/.ssh/id_*.pub of this machine.",
        "public keys, as authorized_keys has them, or files that have them; a path is relative to "
        "the inventory",
        "[~/.ssh/id_ed25519.pub, keys/ada.pub]",
        values.optional(keys),
        advice=ADVICE,
    ),
    Variable(
        "bootstrap_login",
        "text",
        "Who logs in for the first time, with a key or a password (-k).",
        "the name of an account that is root, or may become it by sudo (-K asks for its password)",
        "ubuntu",
        values.optional(login),
        ROOT,
        advice=ADVICE,
    ),
    Variable(
        "bootstrap_close_root",
        "boolean",
        "Root may no longer log in by SSH.",
        "true or false",
        "false",
        values.boolean,
        True,
        advice=ADVICE,
    ),
    Variable(
        "bootstrap_close_passwords",
        "boolean",
        "Nobody may log in by a password any more.",
        "true or false",
        "false",
        values.boolean,
        True,
        advice=ADVICE,
    ),
    Variable(
        "bootstrap_hosts",
        "text",
        "Which hosts, as a pattern; unset, those of the groups app and balancer. On the command "
        "line only.",
        "a pattern of Ansible",
        "all",
        values.optional(pattern),
        advice="set it with -e",
    ),
)
_BY_NAME = {variable.name: variable for variable in BOOTSTRAP}


@dataclass(frozen=True)
class Controller:
    """What is looked at on the controller.

    Attributes:
        home: The home of whoever runs Ansible.
        read: Returns the text of a file.
        extra: Names of variables of the command line.
        remote_user: What -u of the command line says; empty for nothing.
    """

    home: Path
    read: ReadFile
    extra: frozenset[str] = frozenset()
    remote_user: str = ""


@dataclass
class Checked:
    """What one host is bootstrapped with.

    Attributes:
        user: The account.
        login: Who logs in first.
        keys: Lines of authorized_keys.
        names: Whose keys these are, for people.
        close_root: Whether root is closed.
        close_passwords: Whether passwords are.
        problems: What was refused.
    """

    user: str = ""
    login: str = ROOT
    keys: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    close_root: bool = True
    close_passwords: bool = True
    problems: list[Problem] = field(default_factory=list)


def checked(host_vars: Mapping[str, Any], base: Path, controller: Controller) -> Checked:
    """Check the variables of one host.

    Args:
        host_vars: All of its variables.
        base: The folder that relative paths of keys begin at.
        controller: The machine that runs Ansible.
    """
    found = Checked()
    valid: dict[str, Any] = {}
    for variable in BOOTSTRAP:
        findings = Findings(variable.name, variable.advice)
        valid[variable.name] = variable.check(
            host_vars.get(variable.name, variable.default), findings
        )
        found.problems += findings.problems
    found.problems += _unknown(host_vars) + _of_ansible(host_vars, controller)
    known = host_vars.get("ansible_user")
    named = valid["bootstrap_user"] or (known if known not in (None, "", ROOT) else USER)
    if valid["bootstrap_user"] is None:
        findings = Findings("ansible_user", "set bootstrap_user to another one")
        user(named, findings)
        found.problems += findings.problems
    found.user = str(named)
    found.problems += _of_applications(found.user, host_vars)
    first = controller.remote_user if "bootstrap_login" not in host_vars else ""
    found.login = str(first or valid["bootstrap_login"] or ROOT)
    found.close_root = bool(valid["bootstrap_close_root"])
    found.close_passwords = bool(valid["bootstrap_close_passwords"])
    if any(problem.variable == "bootstrap_keys" for problem in found.problems):
        return found
    reading = Keys(base, controller)
    listed = reading.listed(valid["bootstrap_keys"], host_vars.get("ansible_ssh_private_key_file"))
    found.problems += reading.findings.problems
    unique = {key.blob: key for key in listed}
    found.keys = [key.line for key in unique.values()]
    found.names = [key.shown for key in unique.values()]
    return found


class Keys:
    """Reads public keys, and refuses what is none."""

    def __init__(self, base: Path, controller: Controller) -> None:
        """Take where relative paths begin, and the machine that has the files."""
        self.base, self.controller = base, controller
        self.findings = Findings("bootstrap_keys", ADVICE)

    def listed(self, given: Sequence[str] | None, private: object) -> list[PublicKey]:
        """Return the keys.

        Args:
            given: The variable; None if it is not set.
            private: `ansible_ssh_private_key_file` of the host.
        """
        if given is not None:
            if not given:
                self.findings.refuse(
                    "empty", "at least one public key", "list one, or leave the variable out"
                )
            return [key for n, one in enumerate(given) for key in self._of_entry(one, f"[{n}]")]
        if private:
            return self._of_private(str(private))
        folder = self.controller.home / ".ssh"
        paths = sorted(folder.glob("id_*.pub"))
        found = [key for path in paths for key in self._of_file(path, "", f"{path}")]
        if not found and not self.findings.problems:
            self.findings.refuse(
                f"not set, and {folder} has no id_*.pub",
                "a public key",
                "make one (ssh-keygen -t ed25519), or set bootstrap_keys; `ssh-add -L` prints "
                "those of an agent",
            )
        return found

    def _of_private(self, private: str) -> list[PublicKey]:
        path = Path(f"{_expanded(private, self.controller.home)}.pub")
        try:
            self.controller.read(path)
        except (OSError, ValueError):
            self.findings.refuse(
                f"not set, and {path} is not there",
                "the public key of ansible_ssh_private_key_file, or others",
                f"make it (ssh-keygen -y -f {private} > {path}), or set bootstrap_keys",
            )
            return []
        return self._of_file(path, "", str(path))

    def _of_entry(self, entry: str, at: str) -> list[PublicKey]:
        text = entry.strip()
        if is_private(text):
            self._refuse_private("the text of a private key", at)
            return []
        if key := parse(text):
            return self._usable(key, at)
        if not text or len(text.split()) > 1:
            self.findings.refuse(
                seen(text),
                "a public key such as `ssh-ed25519 AAAA... ada@laptop`, or a file",
                at=at,
            )
            return []
        path = self.base / _expanded(text, self.controller.home)
        return self._of_file(path, at, text)

    def _of_file(self, path: Path, at: str, named: str) -> list[PublicKey]:
        try:
            text = self.controller.read(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            self.findings.refuse(
                f"{named}, which cannot be read ({reason})", "a file of keys", at=at
            )
            return []
        if is_private(text):
            self._refuse_private(f"{named}, a private key", at, f"{named}.pub")
            return []
        found: list[PublicKey] = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if key := parse(line):
                found += self._usable(key, at)
            else:
                self.findings.refuse(
                    f"{named}, whose line {number} is no public key", "one key in each line", at=at
                )
        if not found and not self.findings.problems:
            self.findings.refuse(f"{named}, which has no key", "a file of keys", at=at)
        return found

    def _refuse_private(self, is_: str, at: str, public: str = "") -> None:
        self.findings.refuse(
            is_,
            "the public one; the private one stays on this machine",
            f"write {public}" if public else "write the content of its .pub",
            at=at,
        )

    def _usable(self, key: PublicKey, at: str) -> list[PublicKey]:
        for name in key.options:
            if name in _LOCKING:
                self.findings.refuse(
                    f"the key {seen(key.shown)} with the option {name}, which {_LOCKING[name]}",
                    "a key without it",
                    "remove the option, or list another key",
                    at=at,
                )
                return []
        return [key]


def advice(found: Mapping[str, Checked], users: Mapping[str, Any], inventory: str) -> list[str]:
    """Return what to write and to type once the hosts are bootstrapped.

    Args:
        found: By host.
        users: `ansible_user` of the inventory, by host.
        inventory: As the command line had it; empty for none.
    """
    by_user: dict[str, list[str]] = {}
    for host, one in found.items():
        if users.get(host) != one.user:
            by_user.setdefault(one.user, []).append(host)
    option = f" -i {inventory}" if inventory else ""
    lines = [
        f"write into the inventory, for {', '.join(hosts)}: ansible_user: {name}"
        for name, hosts in by_user.items()
    ]
    return [*lines, f"then type: ansible-playbook{option} deploy.yml"]


def _expanded(path: str, home: Path) -> Path:
    return home / path[2:] if path.startswith("~/") else Path(path)


def _unknown(host_vars: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for name in sorted(name for name in host_vars if name.startswith(PREFIX)):
        if name not in _BY_NAME:
            near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.7)
            todo = f"did you mean {near[0]}? rename it" if near else "remove it"
            problems.append(Problem(name, f"{name} is not a variable of bootstrap.yml; {todo}"))
    return problems


def _of_ansible(host_vars: Mapping[str, Any], controller: Controller) -> list[Problem]:
    """Refuse settings of Ansible with which the proof would prove nothing."""
    problems = []
    for name, is_wrong, expected, todo in (
        (
            "ansible_user",
            "ansible_user" in controller.extra,
            "it in the inventory only, since two accounts log in",
            "use -e bootstrap_login=... for the first log-in, or bootstrap_user",
        ),
        (
            "ansible_connection",
            host_vars.get("ansible_connection") not in _BY_SSH,
            "ssh, which is what is closed",
            "leave this host out: --limit",
        ),
        (
            "ansible_become_method",
            str(host_vars.get("ansible_become_method") or "sudo").rpartition(".")[2] != "sudo",
            "sudo, which is what the account gets",
            "remove it",
        ),
        (
            "ansible_become",
            str(host_vars.get("ansible_become", True)).lower() in ("false", "no"),
            "true, since the account becomes root by sudo",
            "remove it",
        ),
    ):
        if is_wrong:
            findings = Findings(name)
            findings.refuse(seen(host_vars.get(name)), expected, todo)
            problems += findings.problems
    if "bootstrap_hosts" in host_vars and "bootstrap_hosts" not in controller.extra:
        findings = Findings("bootstrap_hosts")
        findings.refuse("set in the inventory", "it on the command line only", "use -e")
        problems += findings.problems
    return problems


def _of_applications(name: str, host_vars: Mapping[str, Any]) -> list[Problem]:
    """Refuse an application's own account: whoever breaks into that would be root."""
    application = str(host_vars.get("app_name") or "")
    own = {application, f"{application}-build", str(host_vars.get("gunicorn_service_user") or "")}
    if not name or name not in own - {"", "-build"}:
        return []
    findings = Findings("bootstrap_user", ADVICE)
    findings.refuse(name, "no account of the application, which must not become root")
    return findings.problems
