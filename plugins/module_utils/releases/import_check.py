"""The last step of a build: the service's account imports the application, as the service will."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.module_utils.application.confinement import as_service
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.causes import probable_cause
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import ConfinementError
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import redacted
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.module_utils.releases import import_probe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.advice import missing_module
from ansible_collections.asgi.fleet.plugins.module_utils.releases.programs import text_of
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    tail,
)

NOT_KEPT = "the release was not kept, and nothing live changed"


def import_application(recipe: Recipe) -> None:
    """Import the ASGI callable as the service, with its environment.

    Raises:
        BuildError: with what is wrong with it, or with the traceback.
    """
    confinement = as_service(
        recipe.path,
        "import",
        recipe.user,
        recipe.environment,
        recipe.import_timeout,
        recipe.sandbox,
        recipe.memory_max,
    )
    command = [recipe.venv_python, "-B", "-c", text_of(import_probe), recipe.module]
    try:
        outcome = confined.run(command, confinement)
    except ConfinementError as error:
        told = printable(redacted(str(error), recipe.environment, recipe.secret_names))
        raise BuildError(f"{recipe.module} cannot be imported: {told}") from error
    variable = f"{recipe.prefix}module is {recipe.module}"
    if outcome.timed_out:
        limit = "health_timeout" if recipe.prefix == "app_" else "import_timeout_seconds"
        raise BuildError(
            f"{variable}; importing it did not end within {recipe.import_timeout:g} s; raise "
            f"{recipe.prefix}{limit}, or move what takes so long to the application's lifespan"
        )
    if outcome.status != 0:
        # An application often prints a rejected setting with its value.
        output = printable(redacted(outcome.output, recipe.environment, recipe.secret_names))
        found = [line for line in output.splitlines() if line.startswith(import_probe.MARK)]
        if found:
            raise BuildError(f"{variable}; {found[-1][len(import_probe.MARK) :]}; {NOT_KEPT}")
        raise BuildError(
            f"{variable}; importing it failed ({outcome.problem}); {NOT_KEPT}. "
            + missing_module(output, recipe)
            + probable_cause(output, recipe.path, recipe.environment)
            + f"The end of its output:\n{tail(output)}"
        )
