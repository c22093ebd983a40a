"""The last step of a build: the service's account imports the application, as the service will."""

from __future__ import annotations

import re

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import as_service
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.causes import probable_cause
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import ConfinementError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    tail,
)

#: Seconds that importing the application may take.
IMPORT_TIMEOUT = 120


def import_application(recipe: Recipe) -> None:
    """Import the ASGI callable as the service, with its environment.

    Raises:
        BuildError: with the traceback.
    """
    module, _colon, attribute = recipe.module.partition(":")
    attribute = re.split(r"[(\[]", attribute)[0]
    code = (
        "import importlib, sys\n"
        "sys.path.insert(0, '.')\n"
        f"found = importlib.import_module({module!r})\n"
        f"for part in {attribute!r}.split('.'):\n"
        "    found = getattr(found, part)\n"
        "assert callable(found), f'{found!r} cannot be called'\n"
    )
    confinement = as_service(
        recipe.path,
        "import",
        recipe.user,
        recipe.environment,
        IMPORT_TIMEOUT,
        recipe.sandbox,
        recipe.memory_max,
    )
    try:
        outcome = confined.run([recipe.venv_python, "-B", "-c", code], confinement)
    except ConfinementError as error:
        told = printable(redacted(str(error), recipe.environment, recipe.secret_names))
        raise BuildError(f"{recipe.module} cannot be imported: {told}") from error
    if outcome.timed_out:
        raise BuildError(
            f"importing {recipe.module} did not end within {IMPORT_TIMEOUT} s; move what takes so "
            "long from import time to the application's lifespan"
        )
    if outcome.status != 0:
        # An application often prints a rejected setting with its value.
        told = redacted(outcome.output, recipe.environment, recipe.secret_names)
        raise BuildError(
            f"{recipe.prefix}module is {recipe.module}; importing it failed ({outcome.problem}); "
            "the release was not kept, and nothing live changed. "
            + probable_cause(told, recipe.path, recipe.environment)
            + f"The end of its output:\n{tail(printable(told))}"
        )
