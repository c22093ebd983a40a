"""The command line of the load generator, and what it refuses."""

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

#: What can be asked for with --mix. `h2` is GET and POST in turn over HTTP/2.
KINDS = ("get", "post", "h2", "ws", "sse")
#: Networks that load may be sent to: loopback, and the private ones of RFC 1918.
NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
RATE_MAX = 10_000
CONNECTIONS_MAX = 512
SECONDS_MAX = 3600


@dataclass(frozen=True)
class Options:
    """What to send, where to and for how long.

    Attributes:
        url: Scheme, name for the Host header and for TLS, and the prefix of all paths.
        address: IP address that is connected to; the name in `url` is never looked up.
        port: TCP port that is connected to.
        cacert: PEM file of what TLS trusts; None for the system's.
        seconds: Longest duration.
        mix: Some of `KINDS`, each once.
        connections: Number of connections, dealt out to the kinds in turn.
        rate: Highest number of requests a second, of GET, POST and HTTP/2 together.
        timeout: Seconds without a byte of the answer after which a request has failed.
        until_file: The run ends when this file appears.
        events: File that gets one JSON line for each failure.
        answers: File that gets a line for each HTTP answer, good or bad: see `Tally`.
    """

    url: SplitResult
    address: str
    port: int
    cacert: Path | None = None
    seconds: float = 60.0
    mix: tuple[str, ...] = KINDS
    connections: int = 16
    rate: float = 1500.0
    timeout: float = 10.0
    until_file: Path | None = None
    events: Path | None = None
    answers: Path | None = None


def parse(arguments: Sequence[str]) -> Options:
    """Parses the command line.

    Raises:
        SystemExit: With status 2, after saying on stderr what does not fit.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--url", type=_url, required=True, help="as in https://demo.localhost:8443")
    parser.add_argument(
        "--connect",
        type=_endpoint,
        required=True,
        metavar="ADDRESS:PORT",
        help="where to connect to, loopback or RFC 1918",
    )
    parser.add_argument("--cacert", type=_existing, help="PEM file of what TLS trusts")
    parser.add_argument("--seconds", type=_between(0, SECONDS_MAX), default=60.0)
    parser.add_argument("--mix", type=_mix, default=KINDS, help=",".join(KINDS))
    parser.add_argument("--connections", type=_count, default=16)
    parser.add_argument("--rate", type=_between(0, RATE_MAX), default=1500.0)
    parser.add_argument("--timeout", type=_between(0, SECONDS_MAX), default=10.0)
    parser.add_argument("--until-file", type=Path, help="stop when this file appears")
    parser.add_argument("--events", type=Path, help="JSONL file of every failure")
    parser.add_argument("--answers", type=Path, help="file of when each HTTP answer ended")
    values = vars(parser.parse_args(arguments))
    address, port = values.pop("connect")
    options = Options(address=address, port=port, **values)
    if "h2" in options.mix and options.url.scheme != "https":
        parser.error(f"--url is {options.url.geturl()}; expected https for h2; leave h2 out of it")
    if options.connections < len(options.mix):
        parser.error(
            f"--connections is {options.connections}; expected at least one for each of the "
            f"{len(options.mix)} kinds in --mix"
        )
    return options


def _url(text: str) -> SplitResult:
    url = urlsplit(text.rstrip("/"))
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise argparse.ArgumentTypeError(f"{text}; expected http(s)://name[:port][/prefix]")
    return url


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}; expected ADDRESS:PORT, no name") from None
    if not any(address in network for network in NETWORKS) or not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"{text}; expected an address of loopback or RFC 1918")
    return str(address), number


def _existing(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text}; expected a file that exists")
    return Path(text)


def _mix(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(text.split(",")))
    if not set(kinds) <= set(KINDS):
        raise argparse.ArgumentTypeError(f"{text}; expected some of {','.join(KINDS)}")
    return kinds


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= CONNECTIONS_MAX:
        raise argparse.ArgumentTypeError(f"{text}; expected 1 to {CONNECTIONS_MAX}")
    return int(text)


class _between:  # noqa: N801 - used as a function, it names itself in argparse's messages
    """Parses a number above `low` and up to `high`."""

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def __call__(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not self.low < number <= self.high:
            raise argparse.ArgumentTypeError(f"{text}; expected above {self.low}, to {self.high}")
        return number
