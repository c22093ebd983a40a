"""The pictures of the documentation: pages of made-up rollouts, as a browser shows them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.containers import run
from tests import conftest, rollouts
from tests.browser.chromium import IMAGE, chromium

#: A picture that is larger is slow to load, and heavy in every clone.
MOST_BYTES = 150_000


def main() -> None:
    """Write docs/images/.

    Raises:
        SystemExit: A picture is too large.
    """
    # Only now: conftest makes the collection importable.
    from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page import page

    target = conftest.ROOT / "docs" / "images"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asgi-fleet-pages-") as folder:
        Path(folder).chmod(0o755)
        for name, record in (("good", rollouts.succeeded()), ("reverted", rollouts.reverted())):
            Path(folder, f"{name}.html").write_text(page(record))
        with chromium(Path(folder), "asgi-fleet-browser-pictures") as tab:
            for name, picture, width, dark in (
                ("good", "rollout-page", 1440, False),
                ("good", "rollout-page-phone", 360, True),
                ("reverted", "rollout-page-reverted", 1440, False),
            ):
                tab.open(f"{name}.html", width=width, dark=dark)
                # To the end of the timeline: what follows is tables.
                end = tab.evaluate(
                    "document.querySelector('.legend').getBoundingClientRect().bottom"
                )
                path = target / f"{picture}.png"
                tab.screenshot(path, height=round(end) + 10)
                _shrink(path)
                if path.stat().st_size > MOST_BYTES:
                    raise SystemExit(
                        f"{path} has {path.stat().st_size} bytes; expected {MOST_BYTES}"
                    )


def _shrink(path: Path) -> None:
    """Replace a picture by one with a palette, a third of the size."""
    program = ("pngquant", "--force", "--strip", "--quality=85-100", "--ext=.png", path.name)
    mounted = (f"--volume={path.parent}:/pictures", "--workdir=/pictures")
    run("podman", "run", "--rm", "--network=none", *mounted, IMAGE, *program)


if __name__ == "__main__":
    main()
