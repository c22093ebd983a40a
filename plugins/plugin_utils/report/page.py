"""The page of a rollout: one HTML file that needs nothing else, no script and no network.

What it shows is computed here; the files in `templates/` only lay it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.chart import chart
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page_hosts import groups, plans
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page_served import (
    Release,
    figures,
    release,
    shares,
    verdict,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Record
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timeline import (
    FEW,
    PHASES,
    axis,
    frame,
    kind,
    lanes,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    between,
    clean,
    clock,
    counted,
    day,
    duration,
    machine_time,
)
from jinja2 import Environment, FileSystemLoader, StrictUndefined

#: Beside the code, also in an installed collection.
TEMPLATES = Path(__file__).with_name("templates")

KINDS = {
    "release": "Release",
    "rollback": "Rollback",
    "restart": "Restart",
    "scale": "Change of workers",
    "patch": "System update",
}
#: How each outcome is to look, and what it means, where the verdict below does not say so.
OUTCOMES = {
    "succeeded": ("good", ""),
    "reverted": ("warn", "Hosts that had been switched were switched back."),
    "interrupted": ("warn", "It was interrupted before its end."),
    "failed": ("bad", "It ended before every host had done its part."),
    "refused": ("bad", ""),
}


@dataclass(frozen=True)
class Reason:
    """Why it did not succeed.

    Attributes:
        app: The application, if there are several.
        first: The first line.
        rest: The others, such as the journal.
    """

    app: str
    first: str
    rest: str


@dataclass(frozen=True)
class Head:
    """What stands at the top.

    Attributes:
        title: Of the browser's window.
        kind: What was done.
        name: The application, or how many.
        outcome: How it ended; `tone` is how that is to look, `meaning` what it means, or empty.
        facts: Labels with their values.
        began: When, for programs.
    """

    title: str
    kind: str
    name: str
    outcome: str
    tone: str
    meaning: str
    began: str
    facts: tuple[tuple[str, str], ...]


def page(record: Record) -> str:
    """Return the page of a rollout: the same record gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = frame(record)
    receipt = record["receipt"]
    hosts = record["hosts"]
    releases = [
        release(name, app, [one for one in hosts.values() if one["app"] == name])
        for name, app in record["apps"].items()
    ]
    occurring = {kind(phase["name"]) for one in hosts.values() for phase in one["phases"]}
    return environment.get_template("page.html.j2").render(
        head=_head(record, releases),
        reasons=_reasons(record),
        next=[clean(command) for command in record["next"]],
        verdict=verdict(record),
        figures=figures(receipt),
        span=between(receipt["from"], receipt["to"]) if receipt else "",
        shares=shares(record),
        chart=chart(record, shown),
        axis=axis(shown),
        lanes=lanes(record, shown),
        legend=[name for name in PHASES if kind(name) in occurring],
        releases=releases,
        several=len(releases) > 1,
        groups=groups(record),
        is_folded=len(hosts) > FEW,
        plans=plans(record),
        lines="\n".join(clean(line) for line in record["lines"]),
        id=clean(record["id"]),
    )


def _head(record: Record, releases: list[Release]) -> Head:
    names = [one.app for one in releases]
    name = names[0] if len(names) == 1 else f"{len(names)} applications" if names else "The fleet"
    kind_of = KINDS.get(record["kind"], clean(record["kind"]))
    outcome = clean(record["outcome"])
    tone, meaning = OUTCOMES.get(record["outcome"], ("warn", ""))
    began, ended = record["began_at"], record["ended_at"]
    waves = max((len(app["waves"]) for app in record["apps"].values()), default=0)
    hosts = counted(len(record["hosts"]), "host")
    what = f" {releases[0].after}" if len(names) == 1 and releases[0].after else ""
    facts = [
        ("When", f"{day(began)}, {clock(began)} UTC"),
        ("Took", duration(None if ended is None else ended - began)),
        ("By", clean(record["who"])),
        ("Inventory", clean(record["inventory"])),
        ("Hosts", f"{hosts} in {counted(waves, 'wave')}" if waves else f"{hosts}; no wave began"),
    ]
    return Head(
        f"{name}{what}: {kind_of.lower()} {outcome}",
        kind_of,
        name,
        outcome,
        tone,
        meaning,
        machine_time(began),
        tuple((label, value or "not known") for label, value in facts),
    )


def _reasons(record: Record) -> list[Reason]:
    """Return why it did not succeed: of the rollout, and of applications what that does not say."""
    whole = clean(record["reason"]).strip()
    found = [("", whole)] if whole else []
    for name, app in record["apps"].items():
        reason = clean(app["reason"]).strip()
        if reason and reason not in whole:
            found.append((clean(name) if len(record["apps"]) > 1 else "", reason))
    split = [(app, *reason.partition("\n")[::2]) for app, reason in found]
    return [Reason(app, first, dedent(rest.strip("\n"))) for app, first, rest in split]
