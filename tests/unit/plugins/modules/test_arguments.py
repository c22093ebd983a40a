"""Secrets in the options of modules: none is forgotten, and each call keeps them to itself."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.asgi.fleet.plugins.module_utils.entry.module import REFUSAL, Module

PACKAGE = "ansible_collections.asgi.fleet.plugins.modules"
FOLDER = Path(__file__).parents[4] / "plugins" / "modules"
#: Those that run on hosts; the others have an action plugin on the controller, and no code here.
MODULES = sorted(
    path.stem for path in FOLDER.glob("*.py") if "def main()" in path.read_text(encoding="utf-8")
)

#: What an option is called that is a secret, or that contains one.
NAMED_LIKE_A_SECRET = re.compile(
    r"pass|pwd|secret|token|key|auth|cred|environment|content|command|index|links|mirror|url|body"
)
FILES = (
    "files of the system: diffs must show them; a template has no secret that a diff may not show"
)
COMMAND = "a failure must name it; secrets reach it by the environment"
URL = "its credentials are cut out of the answer by the frame, the rest is told in messages"
#: Options that are not hidden in the answer, though they could carry a secret, and why.
SHOWN = {
    "*.secret_names": "names, not values",
    "haproxy_claim.ports": "numbers, and names of variables",
    "*.files": FILES,
    "*.unit_files": FILES,
    "*.authorities": "certificates, which everybody may read",
    "config_files.programs": FILES,
    "config_files.seeds": FILES,
    "backup.command": COMMAND,
    "hook.commands": COMMAND,
    "hook.commands.command": COMMAND,
    "slot.*_activate.command": COMMAND,
    "run.command": COMMAND,
    "logs.position": "how far a log was read, and names of releases",
    "certificate_drift.key_*": "path, account and mode of the file",
    "certificate_drift.renewal.files": "digests by path",
    "certificate_drift.issued.authority_sha256": "a digest",
    "certificate_drift.provided.key_sha256": "a digest of 256 bits",
    "*.installation.build_environment": "versions from git, and no secrets",
    "*.sandbox.options": "directives of a unit, which everybody may read",
    "singletons.last": "when timers have elapsed",
    "slot.static": "paths and folders",
    "slot.*.processes": "units, which everybody may read",
    "*.health_body": "what anybody gets who asks for the health path",
    "*.index": URL,
    "*.find_links": URL,
    "*.python_mirror": URL,
    "release.wheelhouse.wheels": "names of files, and digests",
    "release.manifest": "what the host keeps for all to read; its source has no credentials",
    "release.present": "manifests",
    "rollout.told": "releases, commits and outcomes, which the host keeps for all to read",
    "host_drift.sysctl": "kernel parameters",
    "login.keys": "public keys",
    "haproxy_config.renewed": "paths",
}


def arguments(name: str) -> tuple[type[AnsibleModule], dict[str, Any]]:
    """Return what a module makes of itself, and its options."""
    module = importlib.import_module(f"{PACKAGE}.{name}")
    made: list[tuple[type[AnsibleModule], dict[str, Any]]] = []

    def note(self: AnsibleModule, argument_spec: dict[str, Any], **_more: object) -> None:
        made.append((type(self), argument_spec))
        raise InterruptedError

    with mock.patch.object(AnsibleModule, "__init__", note), pytest.raises(InterruptedError):
        module.main()
    return made[0]


def options(spec: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, option in spec.items():
        yield f"{prefix}.{name}", option
        yield from options(option.get("options") or {}, f"{prefix}.{name}")


def fragments(name: str) -> list[str]:
    """Return the shared parts of a module's documentation."""
    documentation = importlib.import_module(f"{PACKAGE}.{name}").DOCUMENTATION
    named: str | list[str] = yaml.safe_load(documentation).get("extends_documentation_fragment", [])
    return [named] if isinstance(named, str) else named


def may_carry_a_secret(path: str, option: dict[str, Any]) -> bool:
    """Tell whether an option's name sounds like it, or it holds whatever the caller likes."""
    free = "dict" in (option["type"], option.get("elements")) and "options" not in option
    text = option["type"] in ("str", "path", "raw", "list", "dict", "json", "jsonarg")
    return free or (text and bool(NAMED_LIKE_A_SECRET.search(path.rpartition(".")[2])))


def reasons(path: str) -> list[str]:
    return [
        pattern
        for pattern in SHOWN
        if re.fullmatch(re.escape(pattern).replace(r"\*", "[^.]*"), path)
    ]


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_its_options_out_of_the_journal(name: str) -> None:
    kind, _spec = arguments(name)
    assert issubclass(kind, Module), "AnsibleModule writes the options to the host's journal"


@pytest.mark.parametrize("name", MODULES)
def test_option_that_may_carry_a_secret_is_hidden_or_has_a_reason(name: str) -> None:
    _kind, spec = arguments(name)
    undecided = [
        path
        for path, option in options(spec, name)
        if may_carry_a_secret(path, option) and not option.get("no_log") and not reasons(path)
    ]
    assert undecided == [], "give each no_log, or a line in SHOWN that says why not"


@pytest.mark.parametrize("name", MODULES)
def test_hidden_option_is_a_long_text(name: str) -> None:
    """Ansible blanks each value of a hidden mapping wherever it shows: 1 blanks half the answer."""
    _kind, spec = arguments(name)
    hidden = [option for _path, option in options(spec, name) if option.get("no_log")]
    assert all(option["type"] == "str" for option in hidden)


def test_reason_is_of_an_option_that_needs_one() -> None:
    found = [
        path
        for name in MODULES
        for path, option in options(arguments(name)[1], name)
        if may_carry_a_secret(path, option) and not option.get("no_log")
    ]
    used = {pattern for path in found for pattern in reasons(path)}
    assert SHOWN.keys() - used == set()


@pytest.mark.parametrize("name", MODULES)
def test_option_of_refusals_is_documented_where_it_is(name: str) -> None:
    _kind, spec = arguments(name)
    assert (spec.items() >= REFUSAL.items()) == ("asgi.fleet.refusal" in fragments(name))
