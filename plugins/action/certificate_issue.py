"""Issues a certificate on the controller; see the module of the same name."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.authorities import OPTIONS, find
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    AuthorityError,
    issue,
)


class ActionModule(ControllerAction):
    """Signs a host's request with the authority's key."""

    options: ClassVar[dict[str, Any]] = OPTIONS | {
        "request": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "domains": {"type": "list", "elements": "str", "required": True},
        "days": {"type": "int", "default": 30},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the certificate; nothing is written."""
        now = datetime.now(timezone.utc)
        try:
            where = find(options, task_vars.get("inventory_dir") or "", self.read_file)
            authority = where.folder.look(now) if where.folder else where.given(now)
            if authority is None:
                return _failed(
                    f"{where.folder.path if where.folder else ''} has no authority; expected one; "
                    "call asgi.fleet.certificate_authority first"
                )
            issued = issue(
                authority,
                options["request"],
                options["name"],
                options["domains"],
                options["days"],
                now,
            )
        except AuthorityError as error:
            return _failed(str(error))
        except ValueError as error:
            return _failed(
                f"the host's request cannot be signed: {error}; expected what "
                "community.crypto.openssl_csr_pipe returns; remove the host's key and run again"
            )
        return {"changed": False, "certificate": issued, "authority": authority.pem}


def _failed(message: str) -> dict[str, Any]:
    return {"changed": False, "failed": True, "msg": message}
