"""The features of an nginx program, read from the output of `nginx -V`.

A feature depends on the version that introduced it, never on the name of a distribution: the same
distribution can have another nginx from its backports or from nginx.org.
"""

from __future__ import annotations

import re
from typing import TypedDict

from ansible_collections.asgi.fleet.plugins.plugin_utils.features.output import (
    printed,
    version_in,
)

Version = tuple[int, ...]

# Assumed while nginx is not installed yet, as in check mode on a bare host: the oldest supported
# version (Ubuntu 22.04), so that what is rendered for it is also valid for every later version.
OLDEST = "nginx version: nginx/1.18.0\nbuilt with OpenSSL 3.0.2\n--with-http_v2_module"


class NginxFeatures(TypedDict):
    """The features that the templates of `nginx_site` read."""

    installed: bool
    version: str
    openssl: str
    http2: bool
    http2_directive: bool
    http2_header_limits: bool
    http3: bool
    keepalive_min_timeout: bool
    mlkem: bool
    ssl_certificate_cache: bool
    ssl_reject_handshake: bool
    ticket_key_rotation: bool


def parse_version(text: str) -> Version:
    """Turn `1.22.1` into `(1, 22, 1)`; what follows the digits, as in `3.0.2-dev`, is left out."""
    return tuple(int(part) for part in re.findall(r"\d+", text.split("-")[0]))


def parse_features(text: object) -> NginxFeatures:
    """Read the features from the output of `nginx -V`.

    Args:
        text: standard error of `nginx -V` (nginx prints nothing on standard output); an empty text
            means that nginx is not installed.

    Returns:
        The features; those of the oldest supported nginx when it is not installed.

    Raises:
        ValueError: the text holds no nginx version, or is none.
    """
    given = printed(text, program="nginx", command="nginx -V", stream="stderr").strip()
    output = given or OLDEST
    named = version_in(
        output,
        r"nginx version: \S+?/(\d+(?:\.\d+)+)",
        program="nginx",
        command="nginx -V",
        sample="has a line 'nginx version: nginx/1.22.1'",
    )
    version = parse_version(named)
    openssl = _openssl(output)
    return NginxFeatures(
        installed=bool(given),
        version=named,
        openssl=openssl,
        http2="--with-http_v2_module" in output,
        # https://nginx.org/en/docs/http/ngx_http_v2_module.html#http2
        http2_directive=version >= (1, 25, 1),
        # https://nginx.org/en/docs/http/ngx_http_v2_module.html#http2_max_field_size
        http2_header_limits=version < (1, 19, 7) and "--with-http_v2_module" in output,
        # https://nginx.org/en/docs/http/ngx_http_v3_module.html
        http3=version >= (1, 25) and "--with-http_v3_module" in output,
        # https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_min_timeout
        keepalive_min_timeout=version >= (1, 27, 4),
        # OpenSSL 3.5 brought ML-KEM; an older one refuses the whole list of curves. Its forks have
        # version numbers of their own, so they never count.
        mlkem=bool(openssl) and parse_version(openssl) >= (3, 5),
        # https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_reject_handshake
        # https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_certificate_cache
        ssl_certificate_cache=version >= (1, 27, 4),
        ssl_reject_handshake=version >= (1, 19, 4),
        # Keys of session tickets are rotated in the shared session cache since 1.23.2.
        ticket_key_rotation=version >= (1, 23, 2),
    )


def _openssl(text: str) -> str:
    """Return the version of the OpenSSL in use, or an empty text for another library.

    A distribution updates OpenSSL alone, so the running version counts before the one built with.
    """
    for pattern in (r"running with OpenSSL (\d[\w.]*)", r"built with OpenSSL (\d[\w.]*)"):
        found = re.search(pattern, text)
        if found:
            return found.group(1)
    return ""
