"""Keeps an authority on the controller; see the module of the same name."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible.utils.display import Display
from ansible_collections.asgi.fleet.plugins.plugin_utils.entry.actions import ControllerAction
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.authorities import (
    OPTIONS,
    Where,
    find,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_authority import (
    SHARE_TO_REPLACE,
    Authority,
    AuthorityError,
)

display = Display()


class ActionModule(ControllerAction):
    """Makes an authority where there is none, and tells of the one that is there."""

    options: ClassVar[dict[str, Any]] = OPTIONS | {
        "state": {"type": "str", "choices": ["present", "replaced"], "default": "present"},
    }

    def act(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what clients have to trust."""
        now = datetime.now(timezone.utc)
        try:
            where = find(options, task_vars.get("inventory_dir") or "", self.read_file)
            authority, made = self._kept(where, options["state"], now)
        except AuthorityError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        folder = where.folder
        path = str(folder.certificate_path) if folder else ""
        if authority is None:
            # Check mode makes nothing.
            return {"changed": True, "path": path, "certificate": "", "fingerprint": ""}
        lines = _told(authority, path)
        if made and not self._task.check_mode:
            display.display("\n" + "\n".join(lines) + "\n")
        warnings = [folder.advice()] if folder else []
        if authority.share_left(now) < SHARE_TO_REPLACE:
            warnings.append(
                f"the authority {path or 'that is given'} has less than a quarter of its lifetime "
                "left; expected one that outlives what it issues; replace it, see "
                "docs/operations.md, Rotate the authority"
            )
        return {
            "changed": made,
            "path": path,
            "certificate": authority.pem,
            "fingerprint": authority.fingerprint,
            "lines": lines,
            "warnings": [warning for warning in warnings if warning],
        }

    def _kept(self, where: Where, state: str, now: datetime) -> tuple[Authority | None, bool]:
        """Return the authority, and whether it was made now; in check mode it is not."""
        if where.folder is None:
            if state == "replaced":
                raise AuthorityError(
                    [
                        "state is replaced, and the authority is given by certificate and key; "
                        "expected a folder; replace both halves where they are set, and run again"
                    ]
                )
            return where.given(now), False
        if self._task.check_mode:
            found = where.folder.look(now)
            return found, found is None or state == "replaced"
        if state == "replaced":
            return where.folder.replace(now), True
        return where.folder.keep(now)


def _told(authority: Authority, path: str) -> list[str]:
    ends = authority.root.not_valid_after_utc
    return [
        f"the authority {authority.root.subject.rfc4514_string()} signs the certificates, "
        f"until {ends:%Y-%m-%d}.",
        f"  SHA-256 {authority.fingerprint}",
        "Whoever visits the sites has to trust it: install "
        + (path or "its certificate, which each host has beside its own")
        + " where browsers run.",
    ]
