"""What every filter does around its core."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ansible.errors import AnsibleFilterError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def refusing(core: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Turn a `ValueError` of the core, which is a refusal, into an error of the task."""

    @wraps(core)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return core(*args, **kwargs)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return call
