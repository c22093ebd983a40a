"""Has a builder make wheels, and fetches them to the controller; see the module of this name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.sending import (
    private_places,
    within_call,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.stock import Stock


class ActionModule(ActionBase):
    """Runs the module on the builder, unless the controller has what it would make."""

    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the module returned, and where the controller has it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        local = str(arguments.pop("local_archive", "") or "")
        cache = str(arguments.pop("cache", "") or "")
        arguments, problem = private_places(arguments)
        if problem:
            return result | {"failed": True, "msg": problem}
        state = arguments.get("state", "built")
        if state == "looked":
            return result | self._module(arguments, task_vars)
        stock = Stock(cache, str(arguments.get("platform", "")))
        name, release = str(arguments["name"]), str(arguments.get("id", ""))
        if state == "uv":
            found = stock.uv_wheel(str(arguments["uv_version"]))
            there = os.path.isfile(found)
        else:
            found = stock.archive(name, release)
            there = stock.told(name, release) is not None
        if there or self._task.check_mode:
            return result | {"changed": not there, **({"path": found} if there else {})}
        target = found if state == "uv" else os.path.dirname(found)
        os.makedirs(target, mode=0o700, exist_ok=True)
        folder = self._make_tmp_path()
        try:
            arguments["destination"] = folder
            if local and state == "built":
                arguments |= self._archive(local, folder)
            answer = self._module(arguments, task_vars)
            if answer.get("failed"):
                where = (
                    f"on the builder {self._task.delegate_to}: " if self._task.delegate_to else ""
                )
                return result | answer | {"msg": f"{where}{answer.get('msg', '')}"}
            with tempfile.TemporaryDirectory(prefix=".fetched.", dir=target) as own:
                told = {key: answer[key] for key in TOLD if key in answer}
                file = "wheels.tar" if state == "built" else os.path.basename(answer["file"])
                fetched = os.path.join(own, file)
                remote = self._connection._shell.join_path(folder, file)
                self._connection.fetch_file(remote, fetched)
                if state == "uv":
                    # The host compares it with the lock.
                    path = os.path.join(target, file)
                    os.replace(fetched, path)
                else:
                    path = stock.keep(name, release, fetched, told)
        except ValueError as error:
            return result | {"failed": True, "msg": str(error)}
        finally:
            self._remove_tmp_path(folder)
        return result | {"changed": True, "path": path}

    def _archive(self, local: str, folder: str) -> dict[str, Any]:
        """Return the options by which the module gets the source."""
        archive = Path(local)
        if content := within_call(archive):
            return content
        path = self._connection._shell.join_path(folder, archive.name)
        self._transfer_file(str(archive), path)
        return {"archive": path, "archive_name": archive.name}

    def _module(
        self, arguments: dict[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="asgi.fleet.wheelhouse", module_args=arguments, task_vars=task_vars
        )
        return answer


#: What the controller keeps of a builder's answer.
TOLD = ("sha256", "digest", "wheels", "built_on", "hashes", "notes")
