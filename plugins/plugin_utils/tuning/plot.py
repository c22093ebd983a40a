"""The plot of a measurement (SVG): throughput and 99th percentile over the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from ansible_collections.asgi.fleet.plugins.plugin_utils.report.chart import nice
from ansible_collections.asgi.fleet.plugins.plugin_utils.tuning.recommendation import (
    Recommendation,
    Result,
)

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 70, 56, 48
SERVED, TAIL, CHOSEN = "#1f6feb", "#b35900", "#2da44e"


def plot(title: str, found: Sequence[Result], advice: Recommendation | None) -> str:
    """Return the plot; what does not count is not in it.

    Args:
        title: Application, host and release.
        found: What `results` returned.
        advice: The recommendation, if there is one.
    """
    good = [one for one in found if not one.problem]
    top_rps = nice(max((one.rps for one in good), default=1.0) * 1.05)
    top_ms = nice(max((one.p99_ms for one in good), default=1.0) * 1.05)
    x = _places([one.workers for one in good])
    shapes = [_axes(top_rps, top_ms)]
    shapes += [_tick(x(one.workers), str(one.workers)) for one in good]
    if advice:
        at = x(advice.workers)
        shapes.append(
            f'<line x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{CHOSEN}" '
            'stroke-width="2" stroke-dasharray="4 4"/>'
        )
    shapes.append(_curve([(x(one.workers), _y(one.rps, top_rps)) for one in good], SERVED))
    shapes.append(_curve([(x(one.workers), _y(one.p99_ms, top_ms)) for one in good], TAIL))
    said = advice.reason if advice else "nothing is recommended"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(said)}</desc>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        f'<text x="{LEFT}" y="22" font-size="15" font-weight="600">{escape(title)}</text>\n'
        f'<text x="{LEFT}" y="42" fill="{SERVED}">requests a second</text>\n'
        f'<text x="{WIDTH - RIGHT}" y="42" fill="{TAIL}" text-anchor="end">p99, ms</text>\n'
        + "\n".join(shapes)
        + f'\n<text x="{WIDTH / 2:g}" y="{HEIGHT - 10}" text-anchor="middle">workers</text>\n'
        "</svg>\n"
    )


def _places(workers: Sequence[int]) -> Callable[[int], float]:
    """Return what places a number of workers between the left and the right edge."""
    least, most = min(workers, default=0), max(workers, default=0)
    inside = WIDTH - LEFT - RIGHT - 40
    return lambda count: round(LEFT + 20 + inside * (count - least) / max(most - least, 1), 1)


def _y(value: float, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top, 1)


def _axes(top_rps: int, top_ms: int) -> str:
    lines = []
    for part in (0, 1, 2, 3, 4):
        y = _y(part, 4)
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#d0d7de"/>'
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{SERVED}">'
            f"{top_rps * part / 4:,.0f}</text>"
            f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4}" fill="{TAIL}">'
            f"{top_ms * part / 4:,.4g}</text>"
        )
    return "\n".join(lines)


def _tick(x: float, label: str) -> str:
    return f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>'


def _curve(points: Sequence[tuple[float, float]], colour: str) -> str:
    line = " ".join(f"{x},{y}" for x, y in points)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
