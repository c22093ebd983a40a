"""The command line: nothing is sent but to loopback and private networks."""

import pytest

from tests.load.options import parse

URL = "--url=https://demo.localhost:8443"


@pytest.mark.parametrize(
    ("connect", "address", "port"),
    [
        ("127.0.0.1:8443", "127.0.0.1", 8443),
        ("127.9.9.9:1", "127.9.9.9", 1),
        ("[::1]:443", "::1", 443),
        ("10.88.0.5:443", "10.88.0.5", 443),
        ("172.16.0.1:443", "172.16.0.1", 443),
        ("192.168.1.1:65535", "192.168.1.1", 65535),
    ],
)
def test_connect_takes_loopback_and_private_addresses(
    connect: str, address: str, port: int
) -> None:
    options = parse([URL, f"--connect={connect}"])
    assert (options.address, options.port) == (address, port)


@pytest.mark.parametrize(
    "connect",
    [
        "93.184.216.34:443",
        "172.32.0.1:443",
        "11.0.0.1:443",
        "0.0.0.0:443",
        "[2001:db8::1]:443",
        "localhost:443",
        "demo.example:443",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:70000",
        "",
    ],
)
def test_connect_refuses_everything_else_with_status_2(
    connect: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        parse([URL, f"--connect={connect}"])
    assert refusal.value.code == 2
    assert "expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mix=get,telnet"],
        ["--mix="],
        ["--connections=0"],
        ["--connections=2"],
        ["--connections=513"],
        ["--rate=0"],
        ["--rate=10001"],
        ["--rate=nan"],
        ["--seconds=-1"],
        ["--seconds=inf"],
        ["--timeout=0"],
        ["--cacert=/nowhere.pem"],
        ["--url=ftp://demo.localhost"],
        ["--url=http://demo.localhost"],
        ["--url=https://demo.localhost/?a=b"],
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        parse([URL, "--connect=127.0.0.1:8443", *arguments])
    assert refusal.value.code == 2


def test_connect_must_be_given() -> None:
    with pytest.raises(SystemExit) as refusal:
        parse([URL])
    assert refusal.value.code == 2


def test_defaults_leave_a_small_machine_room_to_deploy() -> None:
    options = parse([URL + "/api/", "--connect=127.0.0.1:8443"])
    assert options.rate == 1500
    assert options.connections == 16
    assert options.mix == ("get", "post", "h2", "ws", "sse")
    assert options.url.path == "/api"
