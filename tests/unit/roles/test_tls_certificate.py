"""The exchange of a pair on a host, and when and why a renewal by ACME is tried again."""

from __future__ import annotations

import grp
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILES = Path(__file__).parents[3] / "roles" / "tls_certificate" / "files"
NAMES = ("pair", "acme_reasons", "acme_schedule", "renew_acme")
DAY = 86400.0
DIRECTORY = "https://ca.example/dir"

REFUSED = """Saving debug log to /var/lib/shop/acme/logs/letsencrypt.log
Requesting a certificate for shop.example.com

Certbot failed to authenticate some domains (authenticator: manual). The CA reported these problems:
  Identifier: shop.example.com
  Type:   unauthorized
  Detail: Key authorization "x" does not match

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org.
"""
DOWN = (
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='ca.example', port=443): Max "
    "retries exceeded with url: /dir (Caused by NewConnectionError('Connection refused'))"
)
LIMITED = (
    "An unexpected error occurred:\nError creating new order :: too many certificates (5) already "
    "issued for this exact set of identifiers in the last 168h0m0s, retry after 2031-01-01 "
    "00:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/\n"
)


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The programs as they find each other on a host."""
    monkeypatch.syspath_prepend(str(FILES))
    yield
    for name in NAMES:
        sys.modules.pop(name, None)


def program(name: str) -> ModuleType:
    return importlib.import_module(name)


def make(folder: Path, *names: str, days: int = 90) -> tuple[str, str]:
    """Make a certificate and its key, as PEM text."""
    told = ",".join(names)
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        f"-days {days} -subj /CN=x -addext subjectAltName={told} -keyout {folder}/k -out {folder}/c"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return (folder / "c").read_text(), (folder / "k").read_text()


def group() -> str:
    return grp.getgrgid(os.getegid()).gr_name


@pytest.fixture
def installed(tmp_path: Path) -> tuple[Path, str, str]:
    """A folder of pairs with one in use."""
    certificate, key = make(tmp_path, "DNS:shop.example.com")
    pairs = tmp_path / "tls"
    pairs.mkdir()
    assert program("pair").install(
        str(pairs), "acme", certificate, key, ["shop.example.com"], group=group(), mode=0o640
    )
    return pairs, certificate, key


def test_pair_is_in_use_by_one_link(installed: tuple[Path, str, str]) -> None:
    pairs, certificate, key = installed
    current = pairs / "current"
    assert (current / "fullchain.pem").read_text() == certificate
    assert (current / "privkey.pem").read_text() == key
    assert (current / "privkey.pem").stat().st_mode & 0o777 == 0o640
    assert list((current / "empty").iterdir()) == []


def test_pair_that_is_in_use_changes_nothing(installed: tuple[Path, str, str]) -> None:
    pairs, certificate, key = installed
    assert not program("pair").install(
        str(pairs), "acme", certificate, key, ["shop.example.com"], group=group()
    )


def test_former_pair_stays_and_older_ones_go(
    installed: tuple[Path, str, str], tmp_path: Path
) -> None:
    pairs, _, _ = installed
    used = [(pairs / "current").readlink().name]
    (pairs / "selfsigned").mkdir()
    for _ in range(2):
        pem = make(tmp_path, "DNS:shop.example.com")
        program("pair").install(str(pairs), "acme", *pem, ["shop.example.com"], group=group())
        used.append((pairs / "current").readlink().name)
    folders = {path.name for path in pairs.iterdir() if path.is_dir() and not path.is_symlink()}
    assert folders == {"selfsigned", *used[1:]}


@pytest.mark.parametrize(
    ("names", "domains", "told"),
    [
        (
            ["DNS:other.example"],
            ["shop.example.com"],
            "the certificate is not for shop.example.com",
        ),
        (["DNS:*.example.com"], ["*.example.com", "www.example.com"], ""),
        (["DNS:www.example.com"], ["*.example.com"], "the certificate is not for *.example.com"),
        (["IP:192.0.2.1", "IP:2001:db8::1"], ["192.0.2.1", "2001:db8::1"], ""),
        (["IP:192.0.2.1"], ["192.0.2.2"], "the certificate is not for 192.0.2.2"),
    ],
)
def test_pair_must_be_for_the_domains(
    tmp_path: Path, names: list[str], domains: list[str], told: str
) -> None:
    pair = program("pair")
    certificate, key = make(tmp_path, *names)
    if not told:
        assert pair.check(certificate, key, domains).lifetime > 0
        return
    with pytest.raises(pair.PairError) as refused:
        pair.check(certificate, key, domains)
    assert str(refused.value) == told


def test_pair_that_cannot_serve_changes_nothing(
    installed: tuple[Path, str, str], tmp_path: Path
) -> None:
    pairs, certificate, key = installed
    before = (pairs / "current").readlink().name
    _, other = make(tmp_path, "DNS:shop.example.com")
    pair = program("pair")
    for bad, told in (
        ((certificate, other), "belongs to another"),
        (("", key), "cannot be read"),
        ((certificate, ""), "belongs to another"),
    ):
        with pytest.raises(pair.PairError, match=told):
            pair.install(str(pairs), "acme", *bad, ["shop.example.com"], group=group())
    assert (pairs / "current").readlink().name == before
    ends = pair.validity(certificate).ends
    with pytest.raises(pair.PairError, match="has expired"):
        pair.check(certificate, key, ["shop.example.com"], ends + 1)
    with pytest.raises(pair.PairError, match="not valid yet"):
        pair.check(certificate, key, ["shop.example.com"], ends - 100 * DAY)


@pytest.mark.parametrize(
    ("output", "said", "todo"),
    [
        (REFUSED, "shop.example.com: unauthorized, Key authorization", "on port 80"),
        (DOWN, "Connection refused", "does not reach the directory"),
        (LIMITED, "too many certificates (5)", "limits how often it issues"),
        ("CERTIFICATE_VERIFY_FAILED", "CERTIFICATE_VERIFY_FAILED", "app_tls.ca_bundle"),
        ("externalAccountRequired: x", "externalAccountRequired", "app_tls.eab"),
        ("Error: account is deactivated", "deactivated", "acme-account.pem"),
        ("The profile 'x' is not offered", "profile", "app_tls.profile"),
        ("CAA record for x prevents issuance", "CAA", "a CAA record"),
        ("Hook '--manual-auth-hook' ran with error code 1", "error code 1", "the hook failed"),
        ("DNS problem: NXDOMAIN looking up A", "NXDOMAIN", "does not find the record"),
        ("", "it did not say why", ""),
    ],
)
def test_reason_is_told_in_plain_words(output: str, said: str, todo: str) -> None:
    told = program("acme_reasons").told(output, DIRECTORY)
    assert told.startswith(f"{DIRECTORY} gave no certificate: ")
    assert said in told
    assert todo in told
    assert "\n" not in told
    assert "debug log" not in told


def test_retry_after_of_the_directory_is_found() -> None:
    reasons = program("acme_reasons")
    assert reasons.retry_after(reasons.told(LIMITED, DIRECTORY)) == 1924992000
    assert reasons.retry_after("nothing") == 0


@pytest.mark.parametrize(
    ("reason", "gone"),
    [
        ("urn:ietf:params:acme:error:accountDoesNotExist", True),
        (f"{DIRECTORY} gave no certificate: Account https://ca.example/acct/1 not found.", True),
        (REFUSED, False),
        (DOWN, False),
    ],
)
def test_account_that_is_gone_is_recognized(reason: str, gone: bool) -> None:
    assert program("acme_reasons").account_is_gone(reason) is gone


@pytest.mark.parametrize(
    ("lifetime", "waits"),
    [
        # 90 days: an hour, doubled, at most lifetime/24.
        (90 * DAY, {1: 3600, 2: 7200, 3: 14400, 7: 230400, 8: 324000, 30: 324000}),
        # 6 days: an hour at once.
        (6 * DAY, {1: 3600, 2: 7200, 4: 21600, 9: 21600}),
        # 6 minutes.
        (360, {1: 3.6, 2: 7.2, 3: 14.4, 4: 15, 99: 15}),
    ],
)
def test_back_off_is_a_share_of_the_lifetime(
    monkeypatch: pytest.MonkeyPatch, lifetime: float, waits: dict[int, float]
) -> None:
    schedule, pair = program("acme_schedule"), program("pair")
    monkeypatch.setattr(pair, "validity", lambda _: pair.Validity(0, lifetime))
    for count, wait in waits.items():
        following = schedule.next_time("", count, "", 1000)
        assert 0.9 * wait <= following - 1000 <= 1.1 * wait


@pytest.mark.parametrize(("lifetime", "share"), [(90 * DAY, 2 / 3), (6 * DAY, 1 / 2)])
def test_renewal_is_due_by_the_share_of_the_lifetime(
    monkeypatch: pytest.MonkeyPatch, lifetime: float, share: float
) -> None:
    schedule, pair = program("acme_schedule"), program("pair")
    monkeypatch.setattr(pair, "validity", lambda _: pair.Validity(0, lifetime))
    following = schedule.next_time("", 0, "", 1)
    # After certbot's own moment, and each host at another.
    assert share * lifetime < following <= (share + 0.01) * lifetime


def test_directory_that_says_when_is_not_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, pair = program("acme_schedule"), program("pair")
    monkeypatch.setattr(pair, "validity", lambda _: pair.Validity(0, 90 * DAY))
    assert schedule.next_time("", 1, LIMITED, 1000) == 1924992000


def config(tmp_path: Path, **changes: object) -> Any:  # noqa: ANN401
    values: dict[str, Any] = dict.fromkeys(
        ("contact", "hook", "profile", "ca_bundle", "renewed_command"), ""
    )
    values |= {
        "name": "shop",
        "domains": ["shop.example.com"],
        "directory": DIRECTORY,
        "challenge": "http-01",
        "pairs": str(tmp_path / "tls"),
        "state": str(tmp_path),
        "account": "shop-acme",
        "thumbprint": "t" * 43,
        "python": "/x",
        "key_group": group(),
        "key_mode": "0600",
        "unit": "shop-certificate",
    }
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(values | changes))
    return program("renew_acme").read_config(str(path))


def test_certbot_is_told_what_is_wanted(tmp_path: Path) -> None:
    renew = program("renew_acme")
    plain = renew.certbot(config(tmp_path, domains=["192.0.2.1", "2001:db8::1"], profile="short"))
    assert plain[plain.index("--ip-address") + 1] == "192.0.2.1"
    assert plain.count("--ip-address") == 2
    assert plain[plain.index("--required-profile") + 1] == "short"
    assert plain[plain.index("--preferred-challenges") + 1] == "http-01"
    assert "--manual-cleanup-hook" not in plain
    by_dns = renew.certbot(config(tmp_path, challenge="dns-01", hook="/usr/local/bin/hook -z a"))
    assert by_dns[by_dns.index("--preferred-challenges") + 1] == "dns-01"
    assert by_dns[by_dns.index("--manual-auth-hook") + 1].endswith("tls/acme.json add")
    assert by_dns[by_dns.index("--manual-cleanup-hook") + 1].endswith("tls/acme.json remove")


def test_standing_record_needs_another_program_and_no_hook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = program("renew_acme")
    one = config(tmp_path, challenge="dns-persist-01")
    Path(one.accounts).mkdir(parents=True)
    ran: list[list[str]] = []

    def run(_: object, arguments: list[str]) -> str:
        ran.append(arguments)
        return ""

    monkeypatch.setattr(renew, "run", run)
    assert renew.attempt(one) == ""
    [[script, accounts, *arguments]] = ran
    assert (Path(script).name, accounts) == ("acme_standing_record.py", one.accounts)
    assert arguments[arguments.index("--preferred-challenges") + 1] == "dns-persist-01"
    assert arguments[arguments.index("--manual-auth-hook") + 1] == "/bin/true"


def test_standing_record_is_in_the_reason_of_an_order_that_fails_without_it() -> None:
    told = program("acme_reasons").told(
        'standing record: _validation-persist.a.example. IN TXT "ca; accounturi=https://ca/1"\n'
        "Certbot failed to authenticate some domains\n"
        "  Identifier: a.example\n  Type:   unauthorized\n  Detail: No TXT records found\n",
        "https://ca/dir",
    )
    assert told == (
        "https://ca/dir gave no certificate: a.example: unauthorized, No TXT records found; the "
        'DNS must have, once and for all: _validation-persist.a.example. IN TXT "ca; '
        'accounturi=https://ca/1"; run the same command again when it has'
    )


def test_hook_gets_its_environment_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").write_text(json.dumps({"hook_environment": {"TOKEN": "a secret"}}))
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho $1 $2 $TOKEN $CERTBOT_DOMAIN ${{BUNDLE}} > {tmp_path}/told\n")
    hook.chmod(0o755)
    for name, value in (
        ("CREDENTIALS_DIRECTORY", str(tmp_path)),
        ("CERTBOT_DOMAIN", "shop.example.com"),
        ("BUNDLE", "of the directory"),
    ):
        monkeypatch.setenv(name, value)
    renew = program("renew_acme")
    assert renew.call_hook(config(tmp_path, hook=f"{hook} first"), "add") == 0
    assert (tmp_path / "told").read_text() == "first add a secret shop.example.com\n"


def test_account_that_is_gone_is_registered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = program("renew_acme")
    one = config(tmp_path)
    Path(one.accounts).mkdir(parents=True)
    ran: list[str] = []

    def run(_: object, arguments: list[str]) -> str:
        ran.append(Path(arguments[0]).name)
        return "Account x not found" if len(ran) == 1 else ""

    monkeypatch.setattr(renew, "run", run)
    assert renew.order(one) == 0
    assert ran == ["-c", "acme_account.py", "-c"]
    assert json.loads((tmp_path / "outcome.json").read_text()) == {"waits": False, "reason": ""}


def test_back_off_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renew = program("renew_acme")
    one = config(tmp_path)
    (tmp_path / "tls").mkdir()
    monkeypatch.setattr(renew, "run", lambda *_: pytest.fail("asked"))
    program("pair").write_state(one.pairs, failures=1, next=time.time() + 60)
    renew.order(one)
    assert json.loads((tmp_path / "outcome.json").read_text()) == {"waits": True}


def take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, command: str = ""
) -> tuple[int, dict[str, Any]]:
    """Let root take what the client has left; return the exit status and renewal.json."""
    renew = program("renew_acme")
    one = config(tmp_path, renewed_command=command)
    monkeypatch.setattr(program("acme_schedule"), "plan", lambda *_: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "outcome.json").write_text(json.dumps({"waits": False, "reason": reason}))
    status = renew.take(one)
    return status, program("pair").read_state(one.pairs)


def lineage(tmp_path: Path, certificate: str, key: str) -> None:
    one = config(tmp_path)
    folder = Path(one.folder, "live", one.order)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fullchain.pem").write_text(certificate)
    (folder / "privkey.pem").write_text(key)


def test_new_pair_comes_into_use_and_is_noted(
    installed: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, _, _ = installed
    certificate, key = make(tmp_path, "DNS:shop.example.com")
    lineage(tmp_path, certificate, key)
    status, state = take(tmp_path, monkeypatch, "")
    assert status == 0
    assert (pairs / "current/fullchain.pem").read_text() == certificate
    assert (state["mode"], state["failures"], state["reason"]) == ("acme", 0, "")
    assert state["renewed"] == state["checked"]
    assert state["next"] > time.time() + 59 * DAY


def test_failures_are_counted_and_the_old_one_stays(
    installed: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, certificate, _ = installed
    for count in (1, 2):
        status, state = take(tmp_path, monkeypatch, "the directory is down")
        assert (status, state["failures"]) == (1, count)
    assert state["reason"] == "the directory is down"
    assert (pairs / "current/fullchain.pem").read_text() == certificate


def test_server_that_could_not_be_told_is_told_again(
    installed: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, _, _ = installed
    certificate, key = make(tmp_path, "DNS:shop.example.com")
    lineage(tmp_path, certificate, key)
    status, state = take(tmp_path, monkeypatch, "", command="false")
    assert (status, state["failures"]) == (1, 1)
    assert (pairs / "current/fullchain.pem").read_text() == certificate
    status, state = take(tmp_path, monkeypatch, "", command=f"touch {tmp_path}/told")
    assert (status, state["failures"]) == (0, 0)
    assert (tmp_path / "told").exists()


def test_pair_for_other_names_is_not_taken(
    installed: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, certificate, _ = installed
    lineage(tmp_path, *make(tmp_path, "DNS:other.example"))
    status, state = take(tmp_path, monkeypatch, "")
    assert status == 1
    assert state["reason"] == (
        "what the directory issued cannot be used: the certificate is not for shop.example.com"
    )
    assert (pairs / "current/fullchain.pem").read_text() == certificate
