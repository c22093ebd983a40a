"""What every action plugin does around its work."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.controller import too_old


class Action(ActionBase):
    """An action plugin that checks its options, and works in check mode."""

    _supports_check_mode = True
    _supports_diff = True

    options: ClassVar[dict[str, Any]]
    """The argument spec."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the result of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if reason := too_old(ansible_version):
            return result | {"failed": True, "msg": reason}
        _validation, options = self.validate_argument_spec(argument_spec=self.options)
        return result | self.act(options, task_vars or {})

    @abstractmethod
    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do the work, and return what it adds to the result."""


class ControllerAction(Action):
    """One that contacts no host."""

    _requires_connection = False

    def read_file(self, path: str) -> bytes:
        """Read a file of the controller; decrypt it if Vault encrypted it.

        Raises:
            OSError: It cannot be read, or not decrypted.
        """
        try:
            return Path(self._loader.get_real_file(path)).read_bytes()
        except AnsibleError as error:
            raise OSError(0, str(error.message)) from error
