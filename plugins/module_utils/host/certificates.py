"""What a certificate file says, read by openssl(1), which every host with ca-certificates has."""

# ansible-test asks for the module's run_command, which this code does not have.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import subprocess
import time
from dataclasses import dataclass

SECONDS_PER_DAY = 86400
EXTENSIONS = ("subjectAltName", "keyUsage", "extendedKeyUsage", "basicConstraints")
#: What openssl prints of a certificate.
PRINTED = (
    *("-noout", "-subject", "-issuer", "-dates", "-pubkey"),
    *("-nameopt", "RFC2253,-esc_msb", "-ext", ",".join(EXTENSIONS)),
)
#: The text of a public key in PEM.
PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True)
class Certificate:
    """What a certificate says.

    Attributes:
        begins: When it becomes valid, Unix time.
        ends: When it expires, Unix time.
        names: The DNS names and addresses it is for.
        subject: Its subject, as RFC 2253 writes it.
        issuer: Its issuer, likewise.
        public_key: The public half of its key: DER in base64.
        key_usage: What the key may do, in OpenSSL's words.
        extended_key_usage: What the certificate is for, likewise.
        basic_constraints: Such as `CA:FALSE`.
    """

    begins: float
    ends: float
    names: tuple[str, ...] = ()
    subject: str = ""
    issuer: str = ""
    public_key: str = ""
    key_usage: tuple[str, ...] = ()
    extended_key_usage: tuple[str, ...] = ()
    basic_constraints: tuple[str, ...] = ()

    def share_left(self, now: float) -> float:
        """Return the share of its lifetime that is left; 0 or less when it has expired.

        Never days: what is plenty for a certificate of a year is all that one of a week has.
        """
        lifetime = self.ends - self.begins
        return (self.ends - now) / lifetime if lifetime > 0 else 0.0

    def days_left(self, now: float | None = None) -> int:
        """Return the whole days until it expires; negative if it has."""
        return int((self.ends - (time.time() if now is None else now)) // SECONDS_PER_DAY)


def read_certificate(path: str) -> Certificate | None:
    """Return what the first certificate of a file says; None if there is none to read."""
    if not path or not os.path.exists(path):
        return None
    return parse_certificate(openssl("x509", "-in", path, *PRINTED))


def read_served(certificate: bytes) -> Certificate | None:
    """Return what a certificate says that a server has sent, in DER; None if it has no dates."""
    return parse_certificate(openssl("x509", "-inform", "DER", *PRINTED, given=certificate))


def refusal(certificate: Certificate, domain: str, now: float | None = None) -> str:
    """Return why a visitor of a domain refuses a certificate by its dates and names; or nothing.

    Who has signed it is not asked: a self-signed certificate is allowed.
    """
    clock = time.time() if now is None else now
    if clock < certificate.begins:
        return "it is not valid yet"
    if clock > certificate.ends:
        days = -certificate.days_left(clock)
        return f"it expired {days} {'day' if days == 1 else 'days'} ago"
    names = {canonical(name) for name in certificate.names}
    # A wildcard stands for exactly the left-most label (RFC 6125, section 6.4.3).
    if names.isdisjoint({canonical(domain), "*." + domain.lower().partition(".")[2]}):
        return f"it is for {', '.join(certificate.names) or 'no name'}, not for {domain}"
    return ""


def canonical(name: str) -> str:
    """Return a name or an address of a certificate as they compare."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def read_public_key(path: str) -> str:
    """Return the public half of the private key in a file: DER in base64; empty without a key."""
    # An empty passphrase: openssl would ask for one that is missing.
    return find_public_key(openssl("pkey", "-in", path, "-pubout", "-passin", "pass:"))


def parse_certificate(text: str) -> Certificate | None:
    """Read what openssl(1) prints of a certificate; None if that has no dates."""
    lines = dict(line.partition("=")[::2] for line in text.splitlines())
    try:
        # Not strptime: AnsibleModule sets the host's locale, whose months may have other names.
        begins, ends = (
            ssl.cert_time_to_seconds(lines.get(name, "").strip())
            for name in ("notBefore", "notAfter")
        )
    except ValueError:
        return None
    return Certificate(
        begins=begins,
        ends=ends,
        names=tuple(
            value
            for kind, _colon, value in (
                name.partition(":") for name in _extension(text, "Subject Alternative Name")
            )
            if kind in ("DNS", "IP Address")
        ),
        subject=lines.get("subject", "").strip(),
        issuer=lines.get("issuer", "").strip(),
        public_key=find_public_key(text),
        key_usage=_extension(text, "Key Usage"),
        extended_key_usage=_extension(text, "Extended Key Usage"),
        basic_constraints=_extension(text, "Basic Constraints"),
    )


def find_public_key(text: str) -> str:
    """Return the base64 of the first public key in PEM text; empty if there is none."""
    found = PUBLIC_KEY.search(text)
    return "".join(found[1].split()) if found else ""


def openssl(*arguments: str, given: bytes = b"") -> str:
    """Return what the program openssl prints; nothing where it is not installed.

    Args:
        arguments: Of openssl.
        given: What it reads from its standard input.
    """
    try:
        result = subprocess.run(
            ["openssl", *arguments],
            capture_output=True,
            check=False,
            input=given,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return ""
    return result.stdout.decode(errors="replace")


def _extension(text: str, name: str) -> tuple[str, ...]:
    found = re.search(rf"^X509v3 {name}:.*\n(.+)$", text, re.MULTILINE)
    return tuple(part.strip() for part in found[1].split(",")) if found else ()
