"""The picture of a run: lines of styled text that fit a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.text import printable
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.failures import grouped
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.fleet import Fleet, Host
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.phases import (
    FAILING,
    IN_WAVE,
    MOVING,
    TENTHS,
    Phase,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.screen.run import Run

Span = tuple[str, str]
"""Text, and its style as rich names it; an empty style is the terminal's own."""
Line = tuple[Span, ...]

#: Columns below which a host's line has no bar.
NARROW = 70
#: Most columns of a host's name.
NAME_COLUMNS = 24
#: Hosts of a line for many, and of a wave, that are named before they are counted.
NAMED_HOSTS = 6
#: After the first Ctrl-C, in a rollout that can be reverted and in one that cannot.
ENDING = (
    "ending after the running step; what was switched is put back (fleet_on_failure); "
    "Ctrl-C again stops at once"
)
ENDING_PATCH = "ending after the hosts that are being patched; Ctrl-C again stops at once"


@dataclass(frozen=True)
class Signs:
    """The signs of a picture, in what the terminal can show."""

    good: str = "✓"
    bad: str = "✗"
    now: str = "▶"
    later: str = "·"
    full: str = "█"
    empty: str = "░"
    more: str = "…"


ASCII = Signs(good="+", bad="x", now=">", later=".", full="#", empty="-", more="~")


def signs(encoding: str) -> Signs:
    """Return the signs that an encoding has."""
    try:
        "".join(vars(Signs()).values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return Signs()


@dataclass(frozen=True)
class Screen:
    """Where the picture is drawn.

    Attributes:
        width: Columns.
        height: Lines that the picture may have.
        signs: What the terminal can show.
    """

    width: int
    height: int
    signs: Signs = Signs()


def duration(seconds: float) -> str:
    """Return seconds as a clock shows them: `1:05`, `1:01:05`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def names(hosts: Sequence[str], limit: int = NAMED_HOSTS) -> str:
    """Return hosts by name, or some of them and the number of the others."""
    rest = len(hosts) - limit
    return ", ".join(hosts[:limit]) + (f" and {rest} more" if rest > 0 else "")


def text_of(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(text for text, _style in line)


def fitted(line: Line, screen: Screen) -> Line:
    """Return a line that is not wider than the screen, and in which nothing steers the terminal."""
    # Releases and reasons are what a host has told, and a host may be in other hands.
    line = tuple((text if text.isprintable() else _one_line(text), style) for text, style in line)
    room = screen.width
    if sum(len(text) for text, _style in line) <= room:
        return line
    kept: list[Span] = []
    room -= 1
    for text, style in line:
        kept.append((text[:room], style))
        room -= len(text)
        if room <= 0:
            break
    return (*kept, (screen.signs.more, "dim"))


def ending(run: Run) -> str:
    """Return what follows from the first Ctrl-C."""
    return ENDING_PATCH if run.kind == "patch" else ENDING


def _one_line(text: str) -> str:
    return printable(text).replace("\n", " ").replace("\t", " ")


def live_picture(run: Run, screen: Screen, now: float) -> list[Line]:
    """Return what stands at the end of the terminal while a playbook runs.

    From above: errors of the present task, what is rolled out, its waves, what the present wave
    has served, the hosts, and the present task.

    Args:
        run: The run.
        screen: Where it is drawn.
        now: Unix time.
    """
    top = [*_title(run, screen, now), *_waves(run, screen), *_served(run.fleet, now)]
    if run.fleet.asked and run.fleet.is_active:
        top[:0] = [((part.strip(), "bold yellow"),) for part in ending(run).split(";")]
    below = _present_task(run)
    room = screen.height - len(top) - len(below)
    fleet = _fleet(run.fleet, screen, room, now) if run.fleet.is_active else []
    errors = _errors(run, screen, room - len(fleet))
    return _cut([*errors, *top, *fleet, *below], screen)


def last_picture(run: Run, screen: Screen, now: float, recap: Sequence[str]) -> list[Line]:
    """Return what stays in the terminal when a playbook has ended.

    Args:
        run: The run.
        screen: Where it is drawn.
        now: Unix time.
        recap: What else to say, below it; a command is not cut where the screen ends.
    """
    top = [*_title(run, screen, now), *_waves(run, screen)]
    room = screen.height - len(top) - sum(1 + len(text) // screen.width for text in recap)
    lines = [*top, *_fleet(run.fleet, screen, room, now)]
    return [
        *(fitted(line, screen) for line in lines),
        *(((_one_line(text), ""),) for text in recap),
    ]


def _cut(lines: list[Line], screen: Screen) -> list[Line]:
    return [fitted(line, screen) for line in lines[: screen.height]]


def _state(run: Run, screen: Screen) -> Span:
    if run.has_failed:
        return (f"{screen.signs.bad} ", "bold red")
    if run.has_ended or run.fleet.ended_at:
        return (f"{screen.signs.good} ", "bold green")
    return (f"{screen.signs.now} ", "bold cyan")


def _title(run: Run, screen: Screen, now: float) -> Iterator[Line]:
    fleet = run.fleet
    state = _state(run, screen)
    clock = duration(now - run.began_at)
    if run.expected:
        clock += f" of about {duration(run.expected)}"
    if not fleet.is_known:
        yield (state, (run.kind, "bold"), (f"  {clock}", ""), (f"  {run.play}", "dim"))
        return
    subjects = [_subject(app, fleet) for app in fleet.waves]
    yield (state, (run.kind, "bold"), ("  ", ""), ("   ".join(subjects), "bold"))
    count = max(map(len, fleet.waves.values()), default=0)
    wave = f"wave {fleet.wave} of {count}" if fleet.wave else "before the first wave"
    if run.kind == "patch":
        wave = f"{len(fleet.hosts)} hosts"
    who = f"  by {fleet.who}" if fleet.who else ""
    asked = [(", interrupted", "bold yellow")] if fleet.asked else []
    yield ((f"  {wave}", ""), *asked, (f"  {clock}{who}", ""), (f"  rollout {fleet.id}", "dim"))


def _subject(app: str, fleet: Fleet) -> str:
    """Return an application with its releases: `shop 1.4.1-2c26b46b -> 1.5.0-9f86d081`."""
    hosts = [host for host in fleet.hosts.values() if host.app == app]
    before = " ".join(dict.fromkeys(host.before for host in hosts if host.before))
    after = " ".join(dict.fromkeys(host.after for host in hosts if host.after))
    if not after or before == after:
        return f"{app} {before}".rstrip()
    return f"{app} {before} -> {after}" if before else f"{app} {after}"


def _waves(run: Run, screen: Screen) -> Iterator[Line]:
    """Yield the waves of each application, each with its state and its hosts."""
    fleet = run.fleet
    if run.kind == "patch":
        return
    for app, waves in fleet.waves.items():
        line: list[Span] = [("  ", "")]
        if len(fleet.waves) > 1:
            line.append((f"{app}: ", ""))
        short = sum(len(", ".join(wave)) + 8 for wave in waves) > screen.width
        for number, wave in enumerate(waves, 1):
            sign, style = _wave_state([fleet.hosts[name] for name in wave], screen)
            named = f"{len(wave)} host{'s' if len(wave) > 1 else ''}" if short else ", ".join(wave)
            line.append((f"{sign} {number}: {named}   ", style))
        yield tuple(line)


def _wave_state(hosts: Sequence[Host], screen: Screen) -> Span:
    phases = {host.phase for host in hosts}
    if phases & FAILING:
        return screen.signs.bad, "red"
    if phases <= {Phase.LIVE}:
        return screen.signs.good, "green"
    if phases & (IN_WAVE - {Phase.REVERTED}):
        return screen.signs.now, "cyan"
    return screen.signs.later, "dim"


def _served(fleet: Fleet, now: float) -> Iterator[Line]:
    """Yield what the hosts of the present wave have served, while it soaks."""
    if not fleet.is_active or not any(h.phase is Phase.SOAKING for h in fleet.hosts.values()):
        return
    rest = fleet.soaked_at - now
    soaks = f"; soaks {duration(rest)} more" if rest > 0 else ""
    pool = fleet.served()
    served = pool.line() if pool else "is watched"
    style = "bold red" if pool and pool.errors else "cyan"
    yield ((f"  wave {fleet.wave}: ", ""), (served, style), (soaks, ""))


def _present_task(run: Run) -> list[Line]:
    if run.task is None:
        return []
    done, known = run.progress
    count = f"  {done}/{known}" if known > 1 else ""
    name = run.task.name.replace("asgi.fleet.", "")
    return [((f"  {name}{count}", "dim"),)]


def _errors(run: Run, screen: Screen, room: int) -> list[Line]:
    """Return the errors of the present task, as far as there is room.

    They are shown whole above the picture when the task has ended on all hosts.
    """
    lines: list[Line] = []
    for group in grouped(failure for failure in run.failures if not failure.ignored):
        heading, *text = group.lines
        lines.append(((f"{screen.signs.bad} {heading}", "bold red"),))
        lines += [((line, ""),) for line in text]
    if len(lines) <= room:
        return lines
    if room < 2:
        return lines[: max(0, room)]
    rest = len(lines) - room + 1
    return [*lines[: room - 1], ((f"  {screen.signs.more} and {rest} more lines", "dim"),)]


def _fleet(fleet: Fleet, screen: Screen, room: int, now: float) -> list[Line]:
    """Return the hosts: those that failed first, each with its line; folded if there is no room."""
    bad = [(name, host) for name, host in fleet.hosts.items() if host.phase in FAILING]
    good = sorted(
        ((name, host) for name, host in fleet.hosts.items() if host.phase not in FAILING),
        key=lambda pair: pair[1].phase not in MOVING,
    )
    width = min(NAME_COLUMNS, screen.width // 3, max(map(len, fleet.hosts), default=0))
    lines = [_host(name, host, screen, width, now) for name, host in bad]
    groups = [
        list(alike) for _key, alike in itertools.groupby(_by_phase(good), key=lambda pair: pair[0])
    ]
    folded: set[Phase] = set()
    # The largest groups first, until the rest fits.
    for phase, count in sorted(
        ((group[0][0], len(group)) for group in groups), key=lambda pair: -pair[1]
    ):
        if len(lines) + sum(_height(group, folded) for group in groups) <= room or count < 2:
            break
        folded.add(phase)
    for group in groups:
        if group[0][0] in folded:
            lines.append(_folded(group[0][0], [name for _phase, name, _host in group], screen))
        else:
            lines += [_host(name, host, screen, width, now) for _phase, name, host in group]
    if len(lines) > room > 0:
        rest = len(lines) - room + 1
        left = f"  {screen.signs.more} and {rest} more"
        lines = [*lines[: room - 1], ((left, "dim"),)]
    return lines


def _by_phase(hosts: Iterable[tuple[str, Host]]) -> list[tuple[Phase, str, Host]]:
    """Return hosts in the order of the first of each phase."""
    order: dict[Phase, list[tuple[Phase, str, Host]]] = {}
    for name, host in hosts:
        order.setdefault(host.phase, []).append((host.phase, name, host))
    return [entry for entries in order.values() for entry in entries]


def _height(group: Sequence[tuple[Phase, str, Host]], folded: set[Phase]) -> int:
    return 1 if group[0][0] in folded else len(group)


def _style(phase: Phase) -> str:
    if phase in FAILING:
        return "bold red"
    if phase in (Phase.LIVE, Phase.PATCHED):
        return "green"
    if phase in (Phase.REVERTING, Phase.REVERTED):
        return "yellow"
    return "cyan" if phase in MOVING or phase in IN_WAVE else "dim"


def _bar(phase: Phase, screen: Screen) -> str:
    if screen.width < NARROW:
        return ""
    full = TENTHS[phase]
    return screen.signs.full * full + screen.signs.empty * (10 - full) + "  "


def _host(name: str, host: Host, screen: Screen, width: int, now: float) -> Line:
    style = _style(host.phase)
    short = name if len(name) <= width else name[: width - 1] + screen.signs.more
    since = duration(now - host.since) if host.phase in MOVING else ""
    release = _runs(host)
    return (
        (f"  {short:<{width}}  ", ""),
        (f"{host.phase.value:<12}  ", style),
        (_bar(host.phase, screen), style),
        (f"{since:>5}  " if since else "", ""),
        (f"{release}  " if release else "", "dim" if host.phase is Phase.NOT_BEGUN else ""),
        (host.note, style if host.phase in FAILING else "dim"),
    )


def _runs(host: Host) -> str:
    """Return the release that a host runs, as far as that is known."""
    if host.phase in (Phase.LIVE, Phase.CUT_OVER, Phase.SOAKING, Phase.UNHEALTHY):
        return host.after
    if host.phase in (Phase.STARTING, Phase.REVERTING, Phase.UNREACHABLE, Phase.NOT_REVERTED):
        return ""
    return host.before


def _folded(phase: Phase, hosts: Sequence[str], screen: Screen) -> Line:
    return (
        (f"  {len(hosts)} hosts  ", "bold"),
        (f"{phase.value:<12}  ", _style(phase)),
        (_bar(phase, screen), _style(phase)),
        (", ".join(hosts), "dim"),
    )
