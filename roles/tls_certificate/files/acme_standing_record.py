"""certbot with the challenge dns-persist-01, which it does not know: one standing TXT record.

Run by the interpreter of certbot's environment: acme_standing_record.py ACCOUNTS CERTBOT_ARGUMENTS.

The record names the CA and the account, so it is the same for every order
(draft-ietf-acme-dns-persist-01). Nothing here writes it: what it has to be is printed, and is in
the reason of an order that fails without it.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import josepy
from acme import challenges
from certbot._internal.plugins import manual
from certbot.main import main as certbot

LABEL = "_validation-persist"
#: How a line with a record begins; acme_reasons.py looks for it.
LINE = "standing record: "


@challenges.Challenge.register
class DnsPersist01(challenges.Challenge):  # type: ignore[misc]  # the linters have no certbot
    """What the directory asks for.

    Attributes:
        issuer_domain_names: Names of the CA; the record has one of them.
        account_uri: The account, where the directory tells it.
    """

    typ = "dns-persist-01"
    issuer_domain_names: tuple[str, ...] = josepy.field("issuer-domain-names", omitempty=True)
    account_uri: str = josepy.field("accounturi", omitempty=True)


@challenges.ChallengeResponse.register
class DnsPersist01Response(challenges.ChallengeResponse):  # type: ignore[misc]  # likewise
    """What asks the directory to look: an empty object."""

    typ = "dns-persist-01"

    def __bool__(self) -> bool:
        """Count as something: of what is false, the library sends nothing, and so only reads."""
        return True


def record(issuer: str, account: str, domain: str, domains: list[str]) -> str:
    """Return the record of a domain, as a zone file has it.

    Args:
        issuer: Name of the CA.
        account: URL of the account.
        domain: The domain, without `*.`.
        domains: All that are ordered: a wildcard has to be allowed by the record.
    """
    policy = "; policy=wildcard" if f"*.{domain}" in domains else ""
    return f'{LABEL}.{domain}. IN TXT "{issuer}; accounturi={account}{policy}"'


def install(account: str, domains: list[str]) -> None:
    """Have certbot's manual plugin, which the arguments choose, answer the challenge."""

    def perform(_self: object, asked: list[Any]) -> list[challenges.ChallengeResponse]:
        for one in asked:
            names = one.chall.issuer_domain_names or ("<the CA's name, as in a CAA record>",)
            told = one.chall.account_uri or account
            print(f"{LINE}{record(names[0], told, one.identifier.value, domains)}", flush=True)
        return [DnsPersist01Response() for _one in asked]

    manual.Authenticator.get_chall_pref = lambda _self, _domain: [DnsPersist01]
    manual.Authenticator.perform = perform
    manual.Authenticator.cleanup = lambda _self, _asked: None


def main(accounts: str, arguments: list[str]) -> int:
    """Run certbot."""
    found = sorted(Path(accounts).glob("*/regr.json"))
    account = str(json.loads(found[0].read_text(encoding="utf-8"))["uri"]) if found else ""
    pairs = itertools.pairwise(arguments)
    install(account, [value for option, value in pairs if option == "--domain"])
    result: int = certbot(arguments) or 0
    return result


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
