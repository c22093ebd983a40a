"""A certificate by ACME, ordered and renewed on the host itself; certbot speaks the protocol.

    renew_acme.py order CONFIG    as the client's own account: order or renew, if it is time
    renew_acme.py take CONFIG     as root, after it: check the pair, bring it into use, note how
                                  it went
    renew_acme.py ensure CONFIG   as root: order now, unless the pair in use is as wanted
    renew_acme.py now CONFIG      as root: order or renew now, whatever the back-off says
    renew_acme.py hook CONFIG add|remove   as the client's account: the DNS hook, called by certbot

The unit runs the first two; an operator may call `now`. Standard library alone.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

import acme_reasons as reasons
import acme_schedule as schedule
import pair

#: Seconds that certbot may take: less than the unit's own limit, so that the reason is noted.
PATIENCE = 780
#: Bytes of a file of the client's account that root reads.
MOST_BYTES = 1 << 20
CERTBOT = "import sys; from certbot.main import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Config:
    """What the role has written for one certificate.

    Attributes:
        name: Of the certificate.
        domains: What it has to cover.
        directory: URL of the ACME directory.
        contact: E-mail address; empty for none.
        challenge: `http-01`, `dns-01` or `dns-persist-01`.
        hook: Command of dns-01.
        profile: Required profile; empty for the directory's own choice.
        ca_bundle: File of authorities for the directory; empty for those of the host.
        pairs: Folder of the pairs.
        state: Folder of the client.
        account: The account that the client runs as.
        thumbprint: Of the account's key.
        python: Interpreter of the client's virtual environment.
        key_group: Group that may read the key.
        key_mode: Mode of the key, in octal digits.
        renewed_command: What tells a server; empty for none.
        unit: Name of the unit without its type.
    """

    name: str
    domains: list[str]
    directory: str
    contact: str
    challenge: str
    hook: str
    profile: str
    ca_bundle: str
    pairs: str
    state: str
    account: str
    thumbprint: str
    python: str
    key_group: str
    key_mode: str
    renewed_command: str
    unit: str

    @property
    def order(self) -> str:
        """What makes another order of it: certbot has one lineage for each."""
        told = json.dumps([self.directory, self.profile, sorted(self.domains)])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def file(self) -> str:
        """Where the role has written this."""
        return os.path.join(self.pairs, "acme.json")

    @property
    def folder(self) -> str:
        """The configuration of certbot, another for another key."""
        return os.path.join(self.state, f"config-{self.thumbprint[:16]}")

    @property
    def key(self) -> str:
        """The account's key."""
        return os.path.join(self.pairs, "acme-account.pem")

    @property
    def accounts(self) -> str:
        """Where certbot has the accounts of the directory."""
        server = urlsplit(self.directory)
        return os.path.join(self.folder, "accounts", server.netloc + server.path)

    def path(self, *parts: str) -> str:
        """Return a path of the client."""
        return os.path.join(self.state, *parts)


def read_config(path: str) -> Config:
    """Read what the role has written."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    return Config(**{field.name: content[field.name] for field in fields(Config)})


def order(config: Config) -> int:
    """Order or renew, if it is time, and leave the outcome for `take`."""
    state = pair.read_state(config.pairs)
    if failures(state) and time.time() < number(state, "next"):
        outcome: dict[str, Any] = {"waits": True}
    else:
        reason = attempt(config)
        if reasons.account_is_gone(reason):
            # The directory has lost it: it gets it again, with the same key, so what is served for
            # the challenges stays right.
            shutil.rmtree(config.accounts, ignore_errors=True)
            reason = attempt(config)
        outcome = {"waits": False, "reason": reason}
    path = config.path("outcome.json")
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(outcome, file)
    os.replace(f"{path}.new", path)
    return 0


def attempt(config: Config) -> str:
    """Register the account if need be, and let certbot work; return why that failed."""
    # From it the new key may come out.
    os.umask(0o077)
    beside = os.path.dirname(__file__)
    if not os.path.isdir(config.accounts) and (
        reason := run(config, [os.path.join(beside, "acme_account.py"), *account(config)])
    ):
        return reason
    client = ["-c", CERTBOT]
    if config.challenge == "dns-persist-01":
        client = [os.path.join(beside, "acme_standing_record.py"), config.accounts]
    return run(config, [*client, *certbot(config)])


def account(config: Config) -> list[str]:
    """Return the arguments of acme_account.py."""
    return [config.directory, config.key, config.folder, config.contact]


def certbot(config: Config) -> list[str]:
    """Return the arguments of certbot: an order that is there is renewed when it is time."""
    me = [sys.executable, *("-s", "-E", "-B"), os.path.abspath(__file__), "hook"]
    hook = shlex.join([*me, config.file])
    by_dns = config.challenge == "dns-01"
    arguments = [
        *("certonly", "--non-interactive", "--agree-tos", "--keep-until-expiring", "--manual"),
        *("--preferred-challenges", config.challenge),
        # nginx and HAProxy answer http-01 by themselves, from the account's key alone; and the
        # record of dns-persist-01 stands.
        *("--manual-auth-hook", f"{hook} add" if by_dns else "/bin/true"),
        *("--server", config.directory, "--cert-name", config.order),
        *("--config-dir", config.folder, "--work-dir", config.path("work")),
        *("--logs-dir", config.path("logs"), "--max-log-backups", "9", "--no-directory-hooks"),
    ]
    if by_dns:
        arguments += ["--manual-cleanup-hook", f"{hook} remove"]
    if config.profile:
        arguments += ["--required-profile", config.profile]
    for domain in config.domains:
        is_address = re.fullmatch(r"[0-9.]+|.*:.*", domain)
        arguments += ["--ip-address" if is_address else "--domain", domain]
    return arguments


def run(config: Config, arguments: list[str]) -> str:
    """Run Python code in the client's environment; return why it failed, in plain words."""
    environment = read_secrets().get("proxies", {}) | {
        "HOME": config.state,
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "REQUESTS_CA_BUNDLE": config.ca_bundle or "/etc/ssl/certs/ca-certificates.crt",
        "CREDENTIALS_DIRECTORY": os.environ.get("CREDENTIALS_DIRECTORY", ""),
    }
    try:
        done = subprocess.run(
            [config.python, "-s", "-E", "-B", *arguments],
            cwd=config.state,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return reasons.told(str(error), config.directory)
    # For the journal.
    print(done.stdout + done.stderr, flush=True)
    if done.returncode == 0:
        return ""
    return reasons.told(done.stdout + done.stderr, config.directory)


def call_hook(config: Config, verb: str) -> int:
    """Call the operator's hook, with the environment that is meant for it."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("CERTBOT_") or name in ("PATH", "HOME", "LC_ALL") or "proxy" in name
    }
    environment |= read_secrets().get("hook_environment", {})
    return subprocess.run(
        [*shlex.split(config.hook), verb], env=environment, check=False
    ).returncode


def read_secrets() -> dict[str, Any]:
    """Return what systemd has handed to the unit."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    try:
        with open(os.path.join(folder, "secrets"), encoding="utf-8") as file:
            content: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return {}
    return content


def take(config: Config) -> int:
    """Bring a pair that has come into use, note how it went, and plan the next time."""
    now = time.time()
    state = pair.read_state(config.pairs)
    outcome = json.loads(read_as(config, config.path("outcome.json")) or "{}")
    if outcome.get("waits"):
        schedule.plan(config.unit, number(state, "next"), now)
        return 0
    reason = str(outcome.get("reason", "the client ended without an outcome; see its journal"))
    renewed = number(state, "renewed")
    if not reason:
        try:
            if exchange(config, again=failures(state) > 0):
                renewed = now
                print(f"{config.name}: a new certificate is in use", flush=True)
        except pair.PairError as error:
            reason = f"what the directory issued cannot be used: {error}"
    count = failures(state) + 1 if reason else 0
    following = schedule.next_time(pair.in_use(config.pairs), count, reason, now)
    pair.write_state(
        config.pairs,
        mode="acme",
        checked=int(now),
        renewed=int(renewed),
        failures=count,
        reason=reason,
        next=int(following),
        ordered=str(state.get("ordered", "")) if reason else config.order,
    )
    schedule.plan(config.unit, following, now)
    if reason:
        print(f"{config.name}: {reason}", file=sys.stderr, flush=True)
    return 1 if reason else 0


def exchange(config: Config, *, again: bool = False) -> bool:
    """Bring the client's newest pair into use; return whether it is another than before.

    Args:
        config: The certificate.
        again: Tell the server even if nothing changed: the last time may have failed at that.

    Raises:
        PairError: It cannot serve, or the server could not be told.
    """
    lineage = os.path.join(config.folder, "live", config.order)
    certificate, key = (
        read_as(config, os.path.join(lineage, name)) for name in (pair.CERTIFICATE, pair.KEY)
    )
    changed = pair.install(
        config.pairs,
        "acme",
        certificate,
        key,
        config.domains,
        group=config.key_group,
        mode=int(config.key_mode, 8),
    )
    if (changed or again) and config.renewed_command:
        done = subprocess.run(
            shlex.split(config.renewed_command), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            told = (done.stderr or done.stdout).strip()[-500:]
            raise pair.PairError(f"{config.renewed_command} failed: {told}")
    return changed


def read_as(config: Config, path: str) -> str:
    """Read a file of the client with the rights of its account: it may be a link to anything."""
    user = config.account if os.geteuid() == 0 else None
    done = subprocess.run(
        ["head", "-c", str(MOST_BYTES), "--", path],
        user=user,
        group=user,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=10,
    )
    return done.stdout


def ensure(config: Config) -> int:
    """Order at once, unless the pair in use is what the configuration asks for."""
    state = pair.read_state(config.pairs)
    if state.get("mode") == "acme" and state.get("ordered") == config.order and serves(config):
        print("unchanged")
        return 0
    return at_once(config)


def serves(config: Config) -> bool:
    """Return whether the pair in use came by ACME and is valid for the domains."""
    link = os.path.join(config.pairs, pair.CURRENT)
    if not os.path.islink(link) or not os.readlink(link).startswith("acme-"):
        return False
    certificate = pair.in_use(config.pairs)
    try:
        left = pair.validity(certificate).left(time.time())
    except pair.PairError:
        return False
    return left > 0 and all(pair.covers(certificate, domain) for domain in config.domains)


def at_once(config: Config) -> int:
    """Run the unit now, without regard to a back-off, and tell how it went."""
    state = pair.read_state(config.pairs)
    pair.write_state(config.pairs, **{**state, "next": 0})
    subprocess.run(
        ["systemctl", "start", f"{config.unit}.service"], capture_output=True, check=False
    )
    state = pair.read_state(config.pairs)
    reason = state.get("reason") if failures(state) else ""
    if not reason and not serves(config):
        reason = f"{config.unit}.service brought no certificate; journalctl -u {config.unit} tells"
    if reason:
        print(f"{reason}\n{ends_at(config)}", file=sys.stderr)
        return 1
    print("ordered")
    return 0


def ends_at(config: Config) -> str:
    """Return what serves meanwhile, and until when."""
    try:
        ends = pair.validity(pair.in_use(config.pairs)).ends
    except pair.PairError:
        return "no certificate is in use"
    moment = datetime.datetime.fromtimestamp(ends, datetime.timezone.utc)
    return f"the certificate in use serves until {moment:%Y-%m-%d %H:%M} UTC"


def failures(state: dict[str, object]) -> int:
    """Return how many attempts have failed since the last that did not."""
    return int(number(state, "failures"))


def number(state: dict[str, object], name: str) -> float:
    """Return a number of the state; 0 if there is none."""
    value = state.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0


COMMANDS: dict[str, Callable[[Config], int]] = {
    "order": order,
    "take": take,
    "ensure": ensure,
    "now": at_once,
}


def main(arguments: list[str]) -> int:
    """Run one command."""
    command, path, *rest = arguments
    config = read_config(path)
    if command == "hook":
        return call_hook(config, *rest)
    return COMMANDS[command](config)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
