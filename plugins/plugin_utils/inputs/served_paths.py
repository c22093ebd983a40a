"""What nginx serves of an application by path: static files, and its place under another's domain.

Checks of `app_static` and `app_mount_of`; those of several applications of one machine as well.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import values
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import (
    Findings,
    Problem,
    seen,
)

if TYPE_CHECKING:
    from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.examination import Examination

_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_FOLDER = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)*")


def static(value: object, findings: Findings) -> dict[str, str]:
    """Check the folders of the source that nginx serves, by the path of the application."""
    if not isinstance(value, dict):
        findings.refuse(seen(value), "a mapping of paths to folders, such as {/static: static}")
        return {}
    normal: dict[str, str] = {}
    for path, folder in value.items():
        if not isinstance(path, str) or not _PREFIX.fullmatch(path):
            findings.refuse(
                "not a path that nginx can serve files under",
                "a path that begins with / and does not end with it, such as /static",
                "correct it; the files of / itself are the application's",
                at=f".{path}",
            )
        elif not isinstance(folder, str) or not _FOLDER.fullmatch(folder.rstrip("/")):
            findings.refuse(
                seen(folder),
                "a folder inside of the source, without .. and hidden folders, such as static",
                at=f".{path}",
            )
        else:
            normal[path] = folder.rstrip("/")
    for path in normal:
        above = [other for other in normal if path.startswith(f"{other}/")]
        if above:
            findings.refuse(
                f"below {above[0]}",
                "paths of which none is below another",
                "remove it, or move one of both",
                at=f".{path}",
            )
    return normal


def mount_of(value: object, findings: Findings) -> object:
    """Check the name of the application under whose domain this one is served; empty for none."""
    return value if value == "" else values.app_name(value, findings)


def path_problems(deployment: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong between the variables of one application."""
    findings = Findings("app_static")
    for path, folder in deployment.get("app_static", {}).items():
        for place in deployment.get("app_writable_paths", []):
            written = posixpath.normpath(str(place["path"] if isinstance(place, dict) else place))
            if _overlap(written, folder):
                findings.refuse(
                    f"{folder}, of which the application may write {written} (app_writable_paths)",
                    "a folder that only a release changes, since it is published with the release",
                    "leave it to the application, or keep what it writes elsewhere",
                    at=f".{path}",
                )
    mount = Findings("app_mount_of")
    if deployment.get("app_mount_of"):
        target = deployment["app_mount_of"]
        if target == deployment.get("app_name"):
            mount.refuse(f"{target}, the application itself", "another application of the host")
        if deployment.get("app_root_path") == "":
            mount.refuse(
                f"{target}, and app_root_path is empty",
                "a path of its own under the domain of the other application",
                "set app_root_path, for example app_root_path: /api",
            )
    return [*findings.problems, *mount.problems]


def missing_folders(deployment: Mapping[str, Any]) -> list[Problem]:
    """Return the folders of `app_static` that a source on the controller lacks.

    What a repository or an archive has is seen on the host, before anything live changes.
    """
    findings = Findings("app_static")
    source = deployment.get("app_source", {})
    root = Path(str(source.get("path") or ""), str(source.get("subdirectory") or ""))
    if source.get("type") != "path" or not root.is_dir():
        return []
    for path, folder in deployment.get("app_static", {}).items():
        if not (root / folder).is_dir():
            findings.refuse(folder, f"a folder of {root}", at=f".{path}")
    return findings.problems


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def mount_problems(
    examinations: Mapping[str, Examination], others: Mapping[str, Examination] | None = None
) -> list[Problem]:
    """Return what is wrong between applications that share a domain.

    Args:
        examinations: The hosts that are deployed to.
        others: Hosts of the inventory that `--limit` leaves out, as far as they are known.
    """
    everyone = {**(others or {}), **examinations}
    problems = []
    for host, examination in examinations.items():
        deployment = examination.deployment
        if not deployment.get("app_mount_of"):
            continue
        beside = {
            name: one.deployment
            for name, one in everyone.items()
            if name != host and (one.machine, one.way) == (examination.machine, examination.way)
        }
        findings = Findings("app_mount_of")
        _judge(deployment, beside, findings)
        problems += [replace(problem, hosts=(host,)) for problem in findings.problems]
    return problems


def _judge(
    deployment: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]], findings: Findings
) -> None:
    target, path = deployment["app_mount_of"], deployment.get("app_root_path", "")
    known = {one.get("app_name"): one for one in beside.values()}
    if target not in known:
        names = ", ".join(sorted(str(name) for name in known if name))
        findings.refuse(
            f"{target}, which is no other application of this machine",
            f"one of {names}" if names else "an application that the inventory has there too",
            "correct it, or add a host of the inventory with the same ansible_host for it",
        )
        return
    front = known[target]
    if front.get("app_mount_of"):
        findings.refuse(
            f"{target}, which is itself mounted on {front['app_mount_of']}",
            "an application with a site of its own",
            f"set app_mount_of: {front['app_mount_of']}",
        )
    if front.get("app_domain") != deployment.get("app_domain"):
        findings.refuse(
            f"{target}, whose app_domain is {seen(front.get('app_domain'))}",
            "the same app_domain for both, since they are one site",
            "set the same app_domain for both",
        )
    if path and path == front.get("app_root_path"):
        findings.refuse(
            f"{target}, whose app_root_path is {path} too",
            "a path of its own for each application",
            "change app_root_path of one of them",
        )
    for served in front.get("app_static", {}):
        if _overlap(f"{front.get('app_root_path', '')}{served}", path):
            findings.refuse(
                f"{target}, whose app_static has {served}",
                "a path that does not meet one of the other application's static files",
                "change app_root_path, or app_static there",
            )
    for other in beside.values():
        same = other.get("app_mount_of") == target and other.get("app_root_path") == path
        if same and path:
            findings.refuse(
                f"{target}, on which {other.get('app_name')} has app_root_path {path} too",
                "a path of its own for each application",
                "change app_root_path of one of them",
            )
