"""What a host needs before it fetches anything: whom it trusts, and apt's proxy.

Of the store of authorities only the files that begin with `PREFIX` are ours: others stay.
"""

# ansible-test asks for run_command, which these functions do not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import ssl
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ansible_collections.asgi.fleet.plugins.module_utils.host.files import write_file
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.authorities import (
    SYSTEM_AUTHORITIES,
)

#: Where update-ca-certificates(8) finds what the host trusts besides the distribution's list.
AUTHORITIES = "/usr/local/share/ca-certificates"
PREFIX = "asgi-fleet-"
#: Added to the name of a certificate that goes, until the store is made without it.
#: update-ca-certificates(8) reads no such file; after a run that was cut, the next one sees it.
GONE = ".gone"
#: It makes SYSTEM_AUTHORITIES of them, for everything that is linked to OpenSSL or GnuTLS.
UPDATE = "/usr/sbin/update-ca-certificates"
PROXY = "/etc/apt/apt.conf.d/60-asgi-fleet-proxy"
#: apt.conf(5) is for everybody to read, apt_auth.conf(5) is not.
LOGIN = "/etc/apt/auth.conf.d/60-asgi-fleet-proxy.conf"
MANAGED = "Written by asgi.fleet (host_baseline): changes here are lost."


class NetworkError(Exception):
    """What is wanted cannot be; the message says what was seen."""


@dataclass(frozen=True)
class Network:
    """What is wanted.

    Attributes:
        authorities: Certificates of authorities in PEM, by name.
        apt_proxy: URL of the proxy that apt goes by, credentials included; empty for none.
        root: "/" on a host, and a folder in tests.
    """

    authorities: Mapping[str, str] = field(default_factory=dict)
    apt_proxy: str = ""
    root: str = "/"

    def place(self, path: str) -> str:
        """Return where an absolute path is."""
        return os.path.join(self.root, path.lstrip("/"))


@dataclass(frozen=True)
class Wanted:
    """A file that has to be there."""

    text: str
    mode: int = 0o644

    def is_at(self, path: str) -> bool:
        """Tell whether it is there as it has to be."""
        try:
            status = os.lstat(path)
            with open(path, encoding="utf-8", errors="replace", newline="") as file:
                same = file.read() == self.text
        except OSError:
            return False
        return same and stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == self.mode


def normal_certificate(text: str) -> str:
    """Return a certificate in PEM as every tool writes it, without what stands around it.

    Raises:
        NetworkError: There is not exactly one.
    """
    found = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    if len(found) != 1:
        raise NetworkError(f"has {len(found)} certificates")
    try:
        return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(found[0].replace("\r", "")))
    except ValueError as error:
        raise NetworkError("has a certificate that is cut or damaged") from error


def wanted_files(network: Network) -> dict[str, Wanted]:
    """Return the files that have to be there, by absolute path."""
    files = {}
    for name, text in network.authorities.items():
        try:
            files[f"{AUTHORITIES}/{PREFIX}{name}.crt"] = Wanted(normal_certificate(text))
        except NetworkError as error:
            raise NetworkError(
                f"host_baseline_certificate_authorities.{name} {error}; expected one in PEM, such "
                "as {{ lookup('ansible.builtin.file', 'authority.pem') }}"
            ) from error
    if network.apt_proxy:
        parts = urlsplit(network.apt_proxy)
        server = parts.netloc.rpartition("@")[2]
        url = f"{parts.scheme}://{server}/"
        files[PROXY] = Wanted(
            f'// {MANAGED}\nAcquire::http::Proxy "{url}";\nAcquire::https::Proxy "{url}";\n'
        )
        if parts.username:
            login = f"login {unquote(parts.username)} password {unquote(parts.password or '')}"
            files[LOGIN] = Wanted(
                f"# {MANAGED}\nmachine {parts.scheme}://{server} {login}\n", 0o600
            )
    return files


def differences(network: Network) -> list[str]:
    """Return the paths to write, to remove or to make anew."""
    wanted = wanted_files(network)
    present = [path for path in (PROXY, LOGIN) if os.path.lexists(network.place(path))]
    folder = Path(network.place(AUTHORITIES))
    present += [f"{AUTHORITIES}/{path.name}" for path in sorted(folder.glob(f"{PREFIX}*.crt"))]
    found = [path for path, file in wanted.items() if not file.is_at(network.place(path))]
    found += [path for path in present if path not in wanted]
    # Without its package there is none: its installation makes one of what it finds.
    if os.path.exists(network.place(UPDATE)) and (
        _going(network) or not _is_complete(network, wanted)
    ):
        found.append(SYSTEM_AUTHORITIES)
    return found


def bring(network: Network, changed: list[str]) -> None:
    """Make the host as it is wanted.

    Args:
        network: What is wanted.
        changed: From `differences`.

    Raises:
        NetworkError: The store of authorities cannot be made.
    """
    wanted = wanted_files(network)
    for path in changed:
        place = network.place(path)
        if path in wanted:
            _make_folder(os.path.dirname(place))
            write_file(place, wanted[path].text, wanted[path].mode)
        elif path.startswith(AUTHORITIES):
            os.rename(place, place + GONE)
            _unlink_from_store(network, path)
        elif path != SYSTEM_AUTHORITIES:
            os.unlink(place)
    touched = any(path == SYSTEM_AUTHORITIES or path.startswith(AUTHORITIES) for path in changed)
    if touched and os.path.exists(network.place(UPDATE)):
        done = subprocess.run(
            [network.place(UPDATE)], capture_output=True, text=True, check=False, umask=0o022
        )
        if done.returncode != 0 or not _is_complete(network, wanted):
            told = (done.stderr or done.stdout).strip()
            raise NetworkError(
                f"{UPDATE} did not take the authorities into {SYSTEM_AUTHORITIES} ({told}); run it "
                "on the host to see why, and run the same command again"
            )
    for certificate in _going(network):
        certificate.unlink()


def _going(network: Network) -> list[Path]:
    """Return the certificates that the store may still have, though they are not wanted."""
    return sorted(Path(network.place(AUTHORITIES)).glob(f"{PREFIX}*.crt{GONE}"))


def _is_complete(network: Network, wanted: Mapping[str, Wanted]) -> bool:
    """Tell whether the host's store has all the authorities."""
    ours = [file.text for path, file in wanted.items() if path.startswith(AUTHORITIES)]
    try:
        text = Path(network.place(SYSTEM_AUTHORITIES)).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return all(one.strip() in text for one in ours)


def _unlink_from_store(network: Network, path: str) -> None:
    """Remove the links to a certificate, by its name and by its hash.

    update-ca-certificates(8) keeps them, unless it makes all links anew: for a moment nothing would
    be trusted.
    """
    name = os.path.basename(path)
    targets = (path, f"{os.path.splitext(name)[0]}.pem")
    folder = os.path.dirname(network.place(SYSTEM_AUTHORITIES))
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as entries:
        ours = [one.path for one in entries if one.is_symlink() and os.readlink(one) in targets]
    for link in ours:
        os.unlink(link)


def _make_folder(path: str) -> None:
    if not os.path.isdir(path):
        os.makedirs(path)
        # Whatever the umask: not only root asks whom the host trusts.
        os.chmod(path, 0o755)  # noqa: S103
