"""User names and passwords in URLs: kept out of messages, arguments and files.

Every user of a machine can read the arguments of its processes, so git gets them through its
environment, by a credential helper for that one server.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

#: User name and password of a URL; a password may contain an @.
CREDENTIALS = re.compile(r"//[^/\s]*@")
#: What the caller's environment may say to git: how it reaches a server. Anything else is about a
#: repository of the caller's own, such as the one whose hook runs a deployment.
_CONNECTION = re.compile(
    r"GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|ALLOW_PROTOCOL|(?:SSL|PROXY|HTTP)(?:_\w+)?)"
)
#: printf is the shell's own: no process gets the values as arguments.
_HELPER = (
    "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' "
    '"$ASGI_FLEET_GIT_USER" "$ASGI_FLEET_GIT_PASSWORD"; }; f'
)


def without_credentials(text: str) -> str:
    """Return a text without the user names and passwords in its URLs."""
    return CREDENTIALS.sub("//", text)


def shown(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source without user names and passwords in its URLs."""
    return {
        key: without_credentials(value) if isinstance(value, str) else value
        for key, value in source.items()
    }


def separate(url: str) -> tuple[str, str, str]:
    """Return a URL without its credentials, its user name, and its password.

    Only of HTTP: the user name of `ssh://git@host` is no secret, and there is no password.
    """
    parts = urllib.parse.urlsplit(url)
    credentials, at, place = parts.netloc.rpartition("@")
    if not at or parts.scheme not in ("http", "https"):
        return url, "", ""
    user, _colon, password = credentials.partition(":")
    unquote = urllib.parse.unquote
    return parts._replace(netloc=place).geturl(), unquote(user), unquote(password)


def of_caller(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what it says of another repository of git."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_") or _CONNECTION.fullmatch(name)
    }


def git_environment(
    url: str, user: str, password: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment with which git logs in to the server of a URL, and to no other."""
    if not user and not password:
        return dict(environment)
    parts = urllib.parse.urlsplit(url)
    count = int(environment.get("GIT_CONFIG_COUNT") or 0)
    key = f"credential.{parts.scheme}://{parts.netloc}.helper"
    return {
        **environment,
        "GIT_CONFIG_COUNT": str(count + 2),
        # An empty one forgets the helpers of the operator's own configuration.
        f"GIT_CONFIG_KEY_{count}": key,
        f"GIT_CONFIG_VALUE_{count}": "",
        f"GIT_CONFIG_KEY_{count + 1}": key,
        f"GIT_CONFIG_VALUE_{count + 1}": _HELPER,
        "ASGI_FLEET_GIT_USER": user,
        "ASGI_FLEET_GIT_PASSWORD": password,
    }
