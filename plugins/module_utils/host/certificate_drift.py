"""How the certificate, the key and the links on a host differ from what is wanted.

A pair is a folder with `fullchain.pem` and `privkey.pem`. The link `current` beside it leads to the
pair in use, and the two paths that a server is given lead through `current`. `compare` is pure;
`look` reads what it compares.

A pair is never changed while it is in use, since a server may read it at any moment: what is
renewed is made in another folder, `<kind>-<16 digits>`.
"""

from __future__ import annotations

import grp
import hashlib
import ipaddress
import os
import pwd
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.asgi.fleet.plugins.module_utils.host.certificates import (
    Certificate,
    read_certificate,
    read_public_key,
)

CERTIFICATE = "fullchain.pem"
KEY = "privkey.pem"
#: Beside the certificate of one's own authority: what its visitors have to trust.
AUTHORITY = "authority.pem"
#: Kinds of pairs, which the role removes once another one is in use.
KINDS = ("selfsigned", "provided", "internal_ca")
#: The certificate may be from a machine whose clock is ahead.
CLOCKS_DIFFER = 3600
EMPTY = "empty"
CERTIFICATE_MODE = "0644"
FOLDER_MODE = "0755"
#: Begins the base64 of every public key on the curve P-256 (RFC 5480): its algorithm comes first.
P256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"


@dataclass(frozen=True)
class Access:
    """Who may use a file: its owner, its group and its mode in octal digits."""

    owner: str
    group: str
    mode: str


@dataclass(frozen=True)
class SelfSigned:
    """A self-signed certificate as it is wanted.

    Attributes:
        name: Its common name.
        domains: What it is for.
        renew_percent: The share of its lifetime that must be left.
    """

    name: str
    domains: tuple[str, ...]
    renew_percent: int


@dataclass(frozen=True)
class Issued(SelfSigned):
    """A certificate of one's own authority as it is wanted.

    Attributes:
        authority: The SHA-256 of the authority's file, in hexadecimal digits.
    """

    authority: str


@dataclass(frozen=True)
class Provided:
    """The SHA-256 of the two files of a provided pair, in hexadecimal digits."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Layout:
    """Where the pair and the links to it are.

    Attributes:
        directory: The folder of the pairs.
        pair: The name of the pair's folder.
        certificate_path: Where a server looks for the certificate.
        key_path: Where a server looks for the key.
    """

    directory: str
    pair: str
    certificate_path: str
    key_path: str

    @property
    def folder(self) -> str:
        """The folder of the pair."""
        return os.path.join(self.directory, self.pair)

    @property
    def current(self) -> str:
        """The link to the pair in use."""
        return os.path.join(self.directory, "current")

    @property
    def authority_path(self) -> str:
        """What visitors have to trust, if an authority of one's own has issued the certificate."""
        return os.path.join(self.folder, AUTHORITY)

    @property
    def links(self) -> dict[str, str]:
        """What each link must lead to."""
        return {
            self.current: self.pair,
            self.certificate_path: os.path.join(self.current, CERTIFICATE),
            self.key_path: os.path.join(self.current, KEY),
        }


@dataclass(frozen=True)
class Found:
    """What is on the host.

    Attributes:
        access: Owner, group and mode of the folder, the certificate and the key that are there.
        links: What the links lead to; only links of the user that runs this.
        certificate: What the certificate says; None if it cannot be read.
        public_key: The public half of the private key.
        digests: The SHA-256 of the files that are there.
        superseded: Folders of pairs that are not used any more.
    """

    access: Mapping[str, Access] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    certificate: Certificate | None = None
    public_key: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    superseded: tuple[str, ...] = ()


def look(layout: Layout) -> Found:
    """Read what is on the host."""
    files = [os.path.join(layout.folder, name) for name in (CERTIFICATE, KEY, AUTHORITY)]
    places = (layout.folder, os.path.join(layout.folder, EMPTY), *files)
    return Found(
        access={path: seen for path in places if (seen := read_access(path))},
        links={path: target for path in layout.links if (target := read_link(path))},
        certificate=read_certificate(files[0]),
        public_key=read_public_key(files[1]) if os.path.isfile(files[1]) else "",
        digests={path: digest(path) for path in files if os.path.isfile(path)},
        superseded=tuple(superseded(layout)),
    )


def examine(
    layout: Layout, key: Access, wanted: SelfSigned | Provided, now: float
) -> tuple[str, dict[str, list[str]]]:
    """Return the name of the wanted pair's folder, and what differs; see `compare`.

    Args:
        layout: Where everything belongs; what the role makes itself may be in another folder.
        key: Who may read the private key.
        wanted: The pair.
        now: Unix time.
    """
    used = os.path.basename(read_link(layout.current))
    if isinstance(wanted, Provided) or not re.fullmatch(
        rf"{re.escape(layout.pair)}(-[0-9a-f]{{16}})?", used
    ):
        return layout.pair, compare(layout, key, wanted, look(layout), now)
    at = replace(layout, pair=used)
    drift = compare(at, key, wanted, look(at), now)
    why = {subject: drift[subject] for subject in ("key", "certificate") if subject in drift}
    if not why:
        return used, drift
    fresh = replace(layout, pair=f"{layout.pair}-{os.urandom(8).hex()}")
    return fresh.pair, compare(fresh, key, wanted, look(fresh), now) | why


def compare(
    layout: Layout, key: Access, wanted: SelfSigned | Provided, found: Found, now: float
) -> dict[str, list[str]]:
    """Return what differs from what is wanted.

    Args:
        layout: Where everything belongs.
        key: Who may read the private key.
        wanted: The pair.
        found: From `look`.
        now: Unix time.

    Returns:
        For each of `access`, `key`, `certificate`, `links` and `superseded` that differs, a
        sentence for each difference; for the last two, the paths.
    """
    certificate_path, key_path = (os.path.join(layout.folder, name) for name in (CERTIFICATE, KEY))
    access = {
        layout.folder: Access("root", "root", FOLDER_MODE),
        # The root of nginx's server, which finds the pair by it.
        os.path.join(layout.folder, EMPTY): Access("root", "root", FOLDER_MODE),
        certificate_path: Access("root", "root", CERTIFICATE_MODE),
        key_path: key,
    }
    if isinstance(wanted, Issued):
        access[layout.authority_path] = Access("root", "root", CERTIFICATE_MODE)
    if isinstance(wanted, Provided):
        key_drift = digest_drift(key_path, wanted.key, found)
        certificate_drift = digest_drift(certificate_path, wanted.certificate, found)
    else:
        key_drift = curve_drift(key_path, found)
        certificate_drift = self_made_drift(certificate_path, wanted, found, now)
        if isinstance(wanted, Issued):
            certificate_drift += authority_drift(layout.authority_path, wanted, found)
    drift = {
        "access": [told for path in access for told in access_drift(path, access[path], found)],
        "key": key_drift,
        "certificate": certificate_drift,
        "links": [path for path, end in layout.links.items() if found.links.get(path) != end],
        "superseded": list(found.superseded),
    }
    return {subject: reasons for subject, reasons in drift.items() if reasons}


def self_made_drift(path: str, wanted: SelfSigned, found: Found, now: float) -> list[str]:
    """Return why the certificate is not the one that is wanted."""
    seen = found.certificate
    if seen is None:
        return [f"{path} holds no readable certificate"]
    percent = 100 * seen.share_left(now)
    names, domains = canonical_names(seen.names), canonical_names(wanted.domains)
    usages = (seen.key_usage, seen.extended_key_usage, seen.basic_constraints)
    wanted_usages = (("Digital Signature",), ("TLS Web Server Authentication",), ("CA:FALSE",))
    own = not isinstance(wanted, Issued)
    reasons = (
        (
            percent < wanted.renew_percent,
            f"has {max(percent, 0):.0f} % of its lifetime left; "
            f"expected at least {wanted.renew_percent}",
        ),
        (seen.begins > now + CLOCKS_DIFFER, "is not valid yet"),
        (
            names != domains,
            f"is for {', '.join(sorted(names)) or 'no name'}; "
            f"expected {', '.join(sorted(domains))}",
        ),
        (
            common_name(seen.subject) != wanted.name,
            f"has the subject {seen.subject}; expected CN={wanted.name}",
        ),
        (own and seen.issuer != seen.subject, f"was issued by {seen.issuer}; expected itself"),
        (seen.public_key != found.public_key, "belongs to another key"),
        (usages != wanted_usages, "is not limited to the use by a server"),
    )
    return [f"{path} {reason}" for holds, reason in reasons if holds]


def authority_drift(path: str, wanted: Issued, found: Found) -> list[str]:
    """Return a sentence if another authority has issued the certificate."""
    if found.digests.get(path) == wanted.authority:
        return []
    return [f"{path} is not the authority that issues certificates now"]


def digest_drift(path: str, wanted: str, found: Found) -> list[str]:
    """Return a sentence if a file is not there with the content of the provided one."""
    if found.digests.get(path) == wanted:
        return []
    return [f"{path} differs from the provided file"]


def curve_drift(path: str, found: Found) -> list[str]:
    """Return a sentence if there is no private key such as a self-signed certificate gets."""
    if found.public_key.startswith(P256):
        return []
    return [f"{path} holds no readable key on the curve P-256"]


def access_drift(path: str, wanted: Access, found: Found) -> list[str]:
    """Return a sentence if a file or folder is missing, or has another owner, group or mode."""
    seen = found.access.get(path)
    if seen is None:
        return [f"{path} is missing"]
    if resolved(seen) == resolved(wanted):
        return []
    told = " ".join((seen.owner, seen.group, seen.mode))
    return [f"{path} is {told}; expected {wanted.owner} {wanted.group} {wanted.mode}"]


def resolved(access: Access) -> tuple[int | str, int | str, int | str]:
    """Return IDs and mode as numbers, so that `0` and `root`, `600` and `0600` are the same.

    What is no number and no known name stays a text, and differs from everything on a host.
    """
    return (
        _number(access.owner, lambda name: pwd.getpwnam(name).pw_uid),
        _number(access.group, lambda name: grp.getgrnam(name).gr_gid),
        int(access.mode, 8) if re.fullmatch("[0-7]+", access.mode) else access.mode,
    )


def read_access(path: str) -> Access | None:
    """Return owner, group and mode of a file or folder; None if there is none, or only a link."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return None
    return Access(str(status.st_uid), str(status.st_gid), f"{stat.S_IMODE(status.st_mode):04o}")


def read_link(path: str) -> str:
    """Return what a link of the user that runs this leads to; empty if there is no such link."""
    try:
        status = os.lstat(path)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            return ""
        return os.readlink(path)
    except OSError:
        return ""


def digest(path: str) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def superseded(layout: Layout) -> list[str]:
    """Return the folders of pairs that are not the wanted one, and nothing uses any more."""
    try:
        entries = sorted(os.listdir(layout.directory))
    except OSError:
        return []
    ours = re.compile(rf"({'|'.join(KINDS)})(-[0-9a-f]{{16}})?")
    paths = [
        os.path.join(layout.directory, name)
        for name in entries
        if ours.fullmatch(name) and name != layout.pair
    ]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def canonical_names(names: tuple[str, ...]) -> frozenset[str]:
    """Return the names as they compare: addresses in their short form, others in ASCII."""
    return frozenset(map(_canonical_name, names))


def common_name(subject: str) -> str:
    """Return the common name of a subject that has nothing else, as RFC 2253 writes it."""
    found = re.fullmatch(r"CN=((?:[^,+\\]|\\.)*)", subject)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def _canonical_name(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name if name.isascii() else name.encode("idna").decode()


def _number(name: str, look_up: Callable[[str], int]) -> int | str:
    try:
        return int(name) if name.isdigit() else look_up(name)
    except KeyError:
        return name
