"""The short form of `make bench-serve`, while nobody else asks: it fails on ratios only.

The host has as many workers as the deployment gives it, as `make demo` has: with three, the workers
asked directly are quicker, and p99 is worse than the guide's, which has four.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from events import ROOT, Shop

INVENTORIES = (ROOT / "molecule/shared/inventory/lab.yml", Path(__file__).parent / "inventory")


def test_serves_as_much_faster_than_the_guides_as_promised(shop: Shop) -> None:
    live = shop.live()
    result = subprocess.run(
        [sys.executable, "-m", "bench.serve", "--short", "--inventory", *map(str, INVENTORIES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(result.stdout, result.stderr)
    assert result.stdout, result.stderr
    assert json.loads(result.stdout)["broken"] == []
    assert result.returncode == 0
    assert shop.live() == live
