"""What a haproxy binary can do, read from what `haproxy -vv` prints."""

from __future__ import annotations

import re
from typing import TypedDict


class HaproxyFeatures(TypedDict):
    """The answers that the templates of `haproxy_balancer` ask for."""

    installed: bool
    version: str
    openssl: str
    mlkem: bool


#: Assumed while haproxy is not installed yet: the oldest supported one (Ubuntu 22.04).
OLDEST = "HAProxy version 2.4.0\nRunning on OpenSSL version : OpenSSL 3.0.2"


def parse_features(text: str) -> HaproxyFeatures:
    """Read the features from the output of `haproxy -vv`.

    Args:
        text: Its standard output; an empty text means that haproxy is not installed.

    Returns:
        The features; those of the oldest supported haproxy when it is not installed.

    Raises:
        ValueError: the text holds no haproxy version.
    """
    installed = bool(text.strip())
    if not installed:
        text = OLDEST
    found = re.search(r"^HA-?Proxy version (\d+(?:\.\d+)+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(
            f"the haproxy version is {text.strip()[:80]!r}; expected the output of haproxy -vv, "
            "which begins with 'HAProxy version 2.6.12'; run haproxy -vv on the host to see it"
        )
    # A distribution updates OpenSSL alone, so the running version counts. A fork of OpenSSL has
    # numbers of its own and does not match.
    openssl = re.search(r"Running on OpenSSL version : OpenSSL (\d+)\.(\d+)", text)
    return HaproxyFeatures(
        installed=installed,
        version=found.group(1),
        openssl=".".join(openssl.groups()) if openssl else "",
        # OpenSSL 3.5 brought ML-KEM; an older one refuses the whole list of curves.
        mlkem=openssl is not None and tuple(map(int, openssl.groups())) >= (3, 5),
    )
