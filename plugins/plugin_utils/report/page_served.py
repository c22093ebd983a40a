"""The receipt and the releases as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import (
    Application,
    Host,
    Receipt,
    Record,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.timeline import percent, tone
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.words import (
    clean,
    clock,
    counted,
    link,
    milliseconds,
    names,
    number,
    share,
    without_credentials,
)

#: Letters of a commit that are shown large; the whole one is there too.
SHORT_COMMIT = 12


@dataclass(frozen=True)
class Figure:
    """A figure of the receipt.

    Attributes:
        detail: More about it; may be empty.
        tone: How it is to look: `good`, `bad`, or empty.
    """

    label: str
    value: str
    detail: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Share:
    """A release with its part of the requests.

    Attributes:
        role: `before`, `after` or empty: whether it was live before the rollout, or was released.
        percent: Its part.
        x: Where that begins in a bar of all, in per cent.
        width: How wide it is there.
    """

    release: str
    role: str
    requests: str
    failed: str
    tone: str
    percent: str
    x: str
    width: str


@dataclass(frozen=True)
class Release:
    """What was released of an application.

    Attributes:
        before: What was live before; empty if nothing was, or if that is not known.
        source: Where it is from, as text.
        url: The same as a link, or empty.
        outcome: How it ended; `tone` is how that is to look.
        waves: How many hosts each wave has.
        is_live: Whether a host runs it since; a rollout that has failed may leave it on some.
    """

    app: str
    domain: str
    before: str
    after: str
    commit: str
    short: str
    subject: str
    source: str
    url: str
    outcome: str
    tone: str
    waves: str
    is_live: bool


def verdict(record: Record) -> str:
    """Return in a sentence what was served while it ran, or that nothing was done."""
    receipt = record["receipt"]
    if record["outcome"] == "refused":
        return "It ended before any host was switched."
    unknown = [clean(host) for host, one in record["hosts"].items() if not one["receipt"]]
    if receipt is None:
        return "What was served while it ran is not known."
    also = f" Nothing is known of {names(unknown)}." if unknown else ""
    if not receipt["requests"]:
        return "No request came while it ran." + also
    requests = counted(receipt["requests"], "request")
    if receipt["failed"]:
        part = share(receipt["failed"], receipt["requests"])
        return f"{number(receipt['failed'])} of {requests} failed while it ran ({part})." + also
    was = "was" if receipt["requests"] == 1 else "were"
    return f"{requests} {was} served while it ran. None failed." + also


def figures(receipt: Receipt | None) -> tuple[Figure, ...]:
    """Return the figures of a receipt; none if there was no request."""
    if not receipt or not receipt["requests"]:
        return ()
    failed = receipt["failed"]
    when = "" if receipt["gap_at"] is None else f"at {clock(receipt['gap_at'])}"
    return (
        Figure("Requests", number(receipt["requests"])),
        Figure(
            "Failed",
            number(failed),
            share(failed, receipt["requests"]) if failed else "answered with 5xx",
            "bad" if failed else "good",
        ),
        Figure("Longest gap", milliseconds(receipt["longest_gap_ms"]), when),
        Figure("Slowest", milliseconds(receipt["slowest_ms"])),
        Figure("99 of 100 within", milliseconds(receipt["p99_ms"])),
    )


def shares(record: Record) -> tuple[Share, ...]:
    """Return the releases that answered, with their parts of the requests: the older ones first."""
    receipt = record["receipt"]
    if not receipt or not receipt["requests"]:
        return ()
    before = {release for app in record["apps"].values() for release in app["before"]}
    after = {app["release"] for app in record["apps"].values()} - before
    roles = {**dict.fromkeys(before, "before"), **dict.fromkeys(after, "after")}
    order = ("before", "after", "")
    found = []
    x = 0.0
    for release, count in sorted(
        receipt["by_release"].items(), key=lambda item: (order.index(roles.get(item[0], "")), item)
    ):
        width = 100 * count["requests"] / receipt["requests"]
        found.append(
            Share(
                clean(release) or "not known",
                roles.get(release, ""),
                number(count["requests"]),
                number(count["failed"]),
                "bad" if count["failed"] else "",
                share(count["requests"], receipt["requests"]),
                percent(x),
                percent(width),
            )
        )
        x += width
    return tuple(found)


def release(name: str, app: Application, hosts: Iterable[Host]) -> Release:
    """Return what was released of an application."""
    commit = clean(app["commit"])
    source = without_credentials(app["url"])
    sizes = [len(wave) for wave in app["waves"]]
    return Release(
        clean(name),
        clean(app["domain"]),
        ", ".join(clean(one) for one in app["before"]),
        clean(app["release"]),
        commit,
        commit[:SHORT_COMMIT],
        clean(app["subject"]),
        source,
        link(app["url"]),
        clean(app["outcome"]),
        tone(app["outcome"]),
        " + ".join(map(str, sizes)) + (" host" if sizes == [1] else " hosts") if sizes else "",
        app["outcome"] == "succeeded" or any(host["after"] == app["release"] for host in hosts),
    )
