"""What has moved since a plan was made, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import AppPlan, Document
from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.text import SHORT, named

#: What a document lacks at a place that the other one has.
_MISSING = object()


def moved(plan: Document, now: Document) -> list[str]:
    """Return a line for each thing that is not as a plan saw it.

    Causes are told, not what follows from them: with another release on a host, other commits lie
    between. If there is no cause that has a name, all that differs is told by its place.

    Args:
        plan: The plan.
        now: The plan that would be made now.
    """
    found = [*_run(plan, now), *_hosts(plan, now), *_apps(plan, now)]
    return found or sorted(_anything(plan, now, ""))


def _run(plan: Document, now: Document) -> Iterator[str]:
    if plan["kind"] != now["kind"]:
        yield f"the plan is of {plan['kind']}.yml; this is {now['kind']}.yml"
    if plan["collection"] != now["collection"]:
        yield f"asgi.fleet is {now['collection']}; the plan was made by {plan['collection']}"


def _hosts(plan: Document, now: Document) -> Iterator[str]:
    for host in sorted(now["hosts"].keys() - plan["hosts"].keys()):
        yield f"hosts: {host} is new"
    for host in sorted(plan["hosts"].keys() - now["hosts"].keys()):
        yield f"hosts: {host} is missing (no longer in the inventory, or left out by --limit)"
    both = [host for host in plan["hosts"] if host in now["hosts"]]
    changed: dict[str, list[str]] = {}
    for host in both:
        then, here = plan["hosts"][host], now["hosts"][host]
        if then["before"] != here["before"]:
            yield (
                f"{host}: live release is {here['before'] or 'none'}; "
                f"the plan saw {then['before'] or 'none'}"
            )
        if then["machine"] != here["machine"]:
            yield (
                f"{host}: it is another machine than the plan saw, or sshd has new keys; "
                "its variables cannot be compared"
            )
            continue
        for text in _variables(then["variables"], here["variables"]):
            changed.setdefault(text, []).append(host)
    for text, hosts in changed.items():
        yield text if len(hosts) == len(both) else f"{named(hosts)}: {text}"
    for host in both:
        if plan["hosts"][host]["before"] == now["hosts"][host]["before"]:
            yield from _on_host(host, plan["hosts"][host], now["hosts"][host], bool(changed))


def _variables(then: Mapping[str, str], here: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(then.keys() | here.keys()):
        if then.get(name) == here.get(name):
            continue
        variable, _dot, key = name.partition(".")
        how = "is new" if name not in then else "is gone" if name not in here else "changed"
        yield f"{variable}: {key} {how}" if key else f"{variable} {how}"


def _on_host(
    host: str, then: Mapping[str, Any], here: Mapping[str, Any], inventory: bool
) -> Iterator[str]:
    """Yield what has changed on a host itself: what an inventory asks of it is told before."""
    if inventory:
        return
    subjects = then["provision"].keys() | here["provision"].keys()
    for subject in sorted(subjects):
        before, after = (set(one["provision"].get(subject, ())) for one in (then, here))
        if new := sorted(after - before):
            yield f"{host}: {subject}: {', '.join(new)} would change now; the plan saw no change"
        if gone := sorted(before - after):
            yield f"{host}: {subject}: {', '.join(gone)} is as wanted now; the plan saw a change"
    if then["slot_files"] != here["slot_files"] or then["settings"] != here["settings"]:
        yield f"{host}: the files of the live slot are others than the plan saw"
    elif _reasons(then) != _reasons(here):
        saw, sees = _seen(_reasons(then)), _seen(_reasons(here))
        yield f"{host}: cut over: {sees} now; the plan saw {saw}"


def _reasons(host: Mapping[str, Any]) -> list[str]:
    """Return why a host is switched, but for the release, which is told with its source."""
    return [text for text in host["cut_over"] if not text.startswith("release ")]


def _apps(plan: Document, now: Document) -> Iterator[str]:
    for app in sorted(plan["apps"].keys() & now["apps"].keys()):
        then, here = plan["apps"][app], now["apps"][app]
        several = f"{app}: " if len(plan["apps"]) > 1 else ""
        if told := _source(then, here):
            yield f"{several}source: {told}"
        # Other hosts are told of already.
        if (
            set(chain(*then["waves"])) == set(chain(*here["waves"]))
            and then["waves"] != here["waves"]
        ):
            yield f"{several}waves: {_waves(here)}; the plan had {_waves(then)}"


def _source(then: AppPlan, here: AppPlan) -> str:
    if then["commit"] != here["commit"]:
        version = here["source"].get("version") or "the source"
        return (
            f"{version} is at {here['commit'][:SHORT] or 'no commit'} now; "
            f"the plan was for {then['commit'][:SHORT] or 'no commit'}"
        )
    if then["release"] != here["release"]:
        return f"it makes {here['release']} now; the plan was for {then['release']}"
    return ""


def _waves(app: AppPlan) -> str:
    return " | ".join(named(wave) for wave in app["waves"])


def _anything(then: object, here: object, place: str) -> Iterator[str]:
    """Yield each place at which two documents differ."""
    if isinstance(then, Mapping) and isinstance(here, Mapping):
        for key in then.keys() | here.keys():
            inner = f"{place}.{key}" if place else str(key)
            yield from _anything(then.get(key, _MISSING), here.get(key, _MISSING), inner)
    elif then != here:
        yield f"{place}: {_seen(here)} now; the plan saw {_seen(then)}"


def _seen(value: object) -> str:
    if value is _MISSING or value in ("", [], {}):
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
