"""Why nobody gets into a host that is to be bootstrapped, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """How a host is reached.

    Attributes:
        host: Its name in the inventory.
        address: What ssh connects to.
        port: The port there.
        user: The account that is to operate it.
        login: Who logs in as long as that one cannot.
        has_password: Whether a password was given for the log-in.
    """

    host: str
    address: str
    port: int
    user: str
    login: str
    has_password: bool

    @property
    def known_as(self) -> str:
        """What its line in known_hosts begins with."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"

    @property
    def scan(self) -> str:
        """The command that asks for its host key."""
        return f"ssh-keyscan {self._option}{self.address}"

    def ssh(self, user: str) -> str:
        """Return the command that logs in as an account."""
        return f"ssh {self._option}{user}@{self.address}"

    @property
    def _option(self) -> str:
        return "" if self.port == 22 else f"-p {self.port} "


_UNKNOWN = re.compile(r"Host key verification failed|Host Key checking is enabled")
_CHANGED = re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key for \S+ has changed")
_EXPIRED = re.compile(
    r"password has expired|required to change your password|Password change required"
    r"|password expired",
    re.IGNORECASE,
)
#: What the image of a cloud says to root instead of a session.
_OTHER_USER = re.compile(r"Please log ?in as the user \W*([a-z_][a-z0-9_-]*)")
_DENIED = "Permission denied"
_UNREACHED = re.compile(
    r"timed out|Connection refused|No route to host|Network is unreachable|Could not resolve"
)


def is_about_the_account(said: str) -> bool:
    """Return whether another account might get in where this one does not."""
    return not (_UNKNOWN.search(said) or _CHANGED.search(said) or _UNREACHED.search(said))


def is_denied(said: str) -> bool:
    """Return whether the host was reached, and did not let somebody in."""
    return _DENIED in said or bool(_UNKNOWN.search(said) or _CHANGED.search(said))


def explained(said: str, way: Way) -> str:
    """Return a sentence for why a log-in did not succeed.

    Args:
        said: What ssh, sudo or Ansible said.
        way: Where it led.
    """
    if _CHANGED.search(said):
        return (
            f"the host key of {way.host} ({way.known_as}) is not the one that this machine knows; "
            "expected that only after the host was installed anew; compare its fingerprint with "
            f"the provider's console ({way.scan} | ssh-keygen -lf -), then type: "
            f"ssh-keygen -R '{way.known_as}', and add the new one ({way.scan} >> "
            "~/.ssh/known_hosts)"
        )
    if _UNKNOWN.search(said):
        return (
            f"this machine does not know the host key of {way.host} ({way.known_as}); expected it "
            "in ~/.ssh/known_hosts; compare its fingerprint with the provider's console "
            f"({way.scan} | ssh-keygen -lf -), and if they are equal, type: "
            f"{way.scan} >> ~/.ssh/known_hosts"
        )
    if found := _OTHER_USER.search(said):
        return (
            f"{way.host} lets in {found[1]} instead of {way.login}; run again with "
            f"-e bootstrap_login={found[1]}"
        )
    if _EXPIRED.search(said):
        return (
            f"the password of {way.login} on {way.host} has expired, and a new one is asked for; "
            f"type: {way.ssh(way.login)}, set one, and run again with it"
        )
    if _DENIED in said:
        how = (
            "the password is wrong, or the host takes none"
            if way.has_password
            else (
                "no password was given (-k asks for it), and the host knows none of the keys here"
            )
        )
        return (
            f"{way.host} lets in neither {way.user} by a key nor {way.login}: {how}; expected one "
            f"of them; try it: {way.ssh(way.login)}; if another account gets in, run "
            "again with -e bootstrap_login=<account>"
        )
    return f"{way.host} ({way.known_as}) was not reached as {way.login}: {' '.join(said.split())}"
