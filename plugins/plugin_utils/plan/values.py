"""Variables as texts of which a host makes digests."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

#: Mappings whose keys are told one by one: each is a variable of the application.
BY_KEY = ("app_env", "app_secrets")

#: Where one controller keeps its files. They decide nothing on a host.
OF_THE_CONTROLLER = ("fleet_report_directory", "python_release_controller_cache")


def without_place(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source without the folder in which this controller has it.

    Another has its clone elsewhere. What is in it is part of the release's id.
    """
    found = dict(source)
    if isinstance(path := found.get("path"), str):
        found["path"] = os.path.basename(path.rstrip("/"))
    return found


def as_texts(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a text for each value, the same for the same value; `app_env.NAME` for a setting.

    Args:
        given: Variables by name.
    """
    found = {}
    for name, value in given.items():
        if name in OF_THE_CONTROLLER:
            continue
        if name == "app_source" and isinstance(value, Mapping):
            found[name] = _text(without_place(value))
        elif name in BY_KEY and isinstance(value, Mapping):
            found |= {f"{name}.{key}": _text(inner) for key, inner in value.items()}
        else:
            found[name] = _text(value)
    return found


def _text(value: object) -> str:
    # A text that Vault has encrypted is no `str`, and becomes one.
    return json.dumps(value, sort_keys=True, default=str)
