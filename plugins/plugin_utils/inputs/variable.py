"""One deployment variable, as the tables of `spec_*.py` list them."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import SET_PLAIN
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import Check


@dataclass(frozen=True)
class Variable:
    """One deployment variable.

    Attributes:
        name: Its name in an inventory.
        type: Its type, in YAML's terms.
        meaning: One sentence.
        allowed: What is allowed, as the documentation says.
        example: A value, as YAML.
        check: Validates and normalises a value.
        default: The value when it is not set, in its normal form or one that `check` accepts.
        required: Whether there is no default.
        in_deployment: Whether the fact `deployment` contains it.
        advice: Where to set it, as messages say.
    """

    name: str
    type: str
    meaning: str
    allowed: str
    example: str
    check: Check
    default: object = None
    required: bool = False
    in_deployment: bool = True
    advice: str = SET_PLAIN
