"""How the running haproxy gets a renewed certificate: against a real one, and against its words."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[3] / "roles" / "haproxy_balancer" / "files" / "load_certificates.py"
PROGRAM = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")
CONFIGURATION = """
global
    stats socket {folder}/admin.sock mode 600 level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend https
    bind unix@{folder}/https ssl crt {folder}/site.pem
    http-request return status 200
"""
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
#: SHA-1 of three zero bytes.
DIGEST = "29E2DCFBB16F63BB0254DF7585A15BB6FB5E927D"


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("load_certificates", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SOCKET", str(tmp_path / "admin.sock"))
    monkeypatch.setattr(module, "LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)
    return module


def make_pair(path: Path, name: str = "x") -> None:
    """Make a self-signed certificate, with its key where haproxy looks for it."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        f"-subj /CN={name} -out {path} -keyout {path}.key"
    )
    subprocess.run(command.split(), check=True, capture_output=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Return the certificate of a haproxy that runs."""
    if PROGRAM is None:
        pytest.skip("haproxy is not installed; tools/bootstrap --hosts installs it")
    path = tmp_path / "site.pem"
    make_pair(path)
    settings = tmp_path / "haproxy.cfg"
    settings.write_text(CONFIGURATION.format(folder=tmp_path))
    with subprocess.Popen([PROGRAM, "-db", "-f", str(settings)]) as process:
        deadline = time.monotonic() + 10
        while not (tmp_path / "admin.sock").exists():
            assert time.monotonic() < deadline
        yield path
        process.terminate()


def test_renewed_certificate_is_loaded_once(
    loader: ModuleType, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loader.main([]) == 0
    assert capsys.readouterr().out == ""
    make_pair(site, "renewed")
    assert loader.main(["--check"]) == 0
    assert capsys.readouterr().out == f"{site}\n"
    assert loader.main([str(site)]) == 0
    assert capsys.readouterr().out == f"{site}\n"
    assert "Subject: /CN=renewed" in loader.ask(f"show ssl cert {site}")
    assert loader.main([]) == 0
    assert capsys.readouterr().out == ""


def test_completed_chain_is_loaded(
    loader: ModuleType, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The certificate is the same; what follows it is not.
    make_pair(site.parent / "other.pem")
    site.write_text(site.read_text() + (site.parent / "other.pem").read_text())
    assert loader.main([]) == 0
    assert capsys.readouterr().out == f"{site}\n"
    assert loader.main([]) == 0
    assert capsys.readouterr().out == ""


def test_wrong_key_leaves_the_former_certificate(
    loader: ModuleType, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = Path(f"{site}.key").read_text()
    make_pair(site, "renewed")
    Path(f"{site}.key").write_text(key)
    assert loader.main([]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "inconsistencies between private key and certificate" in told.err
    assert told.err.endswith("; haproxy serves the former certificate\n")
    assert "Subject: /CN=x" in loader.ask(f"show ssl cert {site}")
    # The transaction is closed: the next one succeeds.
    assert loader.listed(loader.ask("show ssl cert"))[1] == ""
    make_pair(site, "renewed")
    assert loader.main([]) == 0


def test_transaction_that_a_killed_run_left_is_closed(loader: ModuleType, site: Path) -> None:
    loader.ask(f"set ssl cert {site} <<\n{loader.read_pair(str(site))}\n")
    assert loader.listed(loader.ask("show ssl cert")) == ([str(site)], str(site))
    make_pair(site, "renewed")
    assert loader.main([]) == 0
    assert loader.listed(loader.ask("show ssl cert")) == ([str(site)], "")


def test_path_that_haproxy_does_not_use_is_refused(
    loader: ModuleType, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loader.main(["/etc/other.pem"]) == 1
    expected = f"/etc/other.pem: haproxy does not use it; it uses {site}; haproxy serves the former"
    assert expected in capsys.readouterr().err


def test_file_without_a_certificate_is_refused(
    loader: ModuleType, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write_text("")
    assert loader.main([]) == 1
    assert f"{site}: the file has no certificate; " in capsys.readouterr().err


def test_haproxy_that_does_not_run_needs_nothing(
    loader: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loader.main([]) == 0
    assert capsys.readouterr() == ("", "")


class Haproxy:
    """Answers commands in turn."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, command: str) -> str:
        self.asked.append(command.split(" <<", maxsplit=1)[0])
        return self.answers.pop(0) if self.answers else ""


def test_reload_between_both_steps_begins_again(loader: ModuleType) -> None:
    created = "Transaction created for certificate /a!"
    haproxy = Haproxy(
        created,
        "No ongoing transaction! !\nCan't commit /a!",
        created,
        "Committing /a\nSuccess!",
        f"SHA1 FingerPrint: {DIGEST}",
    )
    loader.exchange("/a", PEM, haproxy)
    assert [one.split()[0] for one in haproxy.asked] == ["set", "commit", "set", "commit", "show"]


def test_commit_without_effect_is_a_failure(loader: ModuleType) -> None:
    haproxy = Haproxy("Transaction created", "Success!", "SHA1 FingerPrint: 00")
    with pytest.raises(loader.LoadError, match="has another one in memory"):
        loader.exchange("/a", PEM, haproxy)


def test_refusal_is_in_the_words_of_haproxy(loader: ModuleType) -> None:
    haproxy = Haproxy("unable to load\nCan't update /a!")
    with pytest.raises(loader.LoadError, match=r"^unable to load / Can't update /a!$"):
        loader.exchange("/a", PEM, haproxy)
    assert haproxy.asked == ["set ssl cert /a", "abort ssl cert /a"]


def test_empty_lines_do_not_end_the_payload(loader: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(f"{PEM}\r\n\r\n{PEM}\n\n")
    (tmp_path / "a.key").write_text("\nKEY\n")
    assert loader.read_pair(str(tmp_path / "a")) == f"{PEM}\n{PEM}\nKEY"
