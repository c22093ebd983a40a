"""The features of an HAProxy program, read from the output of `haproxy -vv`."""

from __future__ import annotations

import re
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.features.output import (
    printed,
    version_in,
)


class HaproxyFeatures(TypedDict):
    """The features that the templates of `haproxy_balancer` read."""

    installed: bool
    version: str
    openssl: str
    mlkem: bool


#: Assumed while HAProxy is not installed yet: the oldest supported version (Ubuntu 22.04).
OLDEST = "HAProxy version 2.4.0\nRunning on OpenSSL version : OpenSSL 3.0.2"


def parse_features(text: object) -> HaproxyFeatures:
    """Read the features from the output of `haproxy -vv`.

    Args:
        text: Its standard output; an empty text means that haproxy is not installed.

    Returns:
        The features; those of the oldest supported haproxy when it is not installed.

    Raises:
        ValueError: the text holds no haproxy version, or is none.
    """
    given = printed(text, program="haproxy", command="haproxy -vv", stream="stdout").strip()
    output = given or OLDEST
    version = version_in(
        output,
        r"^HA-?Proxy version (\d+(?:\.\d+)+)",
        program="haproxy",
        command="haproxy -vv",
        sample="begins with 'HAProxy version 2.6.12'",
    )
    # A distribution updates OpenSSL alone, so the running version counts. A fork of OpenSSL has
    # numbers of its own and does not match.
    openssl = re.search(r"Running on OpenSSL version : OpenSSL (\d+)\.(\d+)", output)
    return HaproxyFeatures(
        installed=bool(given),
        version=version,
        openssl=".".join(openssl.groups()) if openssl else "",
        # OpenSSL 3.5 brought ML-KEM; an older one refuses the whole list of curves.
        mlkem=openssl is not None and tuple(map(int, openssl.groups())) >= (3, 5),
    )
