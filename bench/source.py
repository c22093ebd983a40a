"""What packing a large source costs the controller: seconds, and memory at its peak.

    python -m bench.source --type git --megabytes 3000    # one JSON line

It makes a source of that size (files of 1 to 100 MB that do not compress, and a thousand small
ones), packs it and reads its archive as a release does, and does so again without a change. `peak_mb` is the largest sum
of what the process that packs and all that it started hold at once: resident, shared pages once
(PSS), sampled 20 times a second. `peak_of_git_mb` is the part of other programs than Python.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_SAMPLES = 0.05
PACK = """
import json, sys
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import prepare
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.tree import read_tree
source = prepare(json.loads(sys.argv[1]), sys.argv[2])
read_tree(source.archive)
print(json.dumps({"size": source.size, "notes": source.notes, "digest": source.digest}))
"""


def main() -> None:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--type", choices=["path", "git", "archive"], default="path")
    parser.add_argument("--megabytes", type=int, default=3000)
    parser.add_argument("--folder", help="where to work, with three times the room")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="asgi-fleet-bench-") as folder:
        source = make(Path(folder), options.type, options.megabytes)
        first = pack(source, folder)
        again = pack(source, folder)
    told = {"type": options.type, "megabytes": options.megabytes}
    print(json.dumps(told | first | {f"again_{name}": again[name] for name in MEASURED}))


MEASURED = ("seconds", "peak_mb")


def make(folder: Path, kind: str, megabytes: int) -> dict[str, str]:
    """Make a source of a type and return it."""
    root = folder / "shop"
    chance = random.Random(megabytes)  # noqa: S311 (no secret)
    left, number = megabytes, 0
    while left > 0:
        size = min(left, chance.choice([1, 5, 20, 100]))
        path = root / ("models" if size > 20 else "data") / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for _ in range(size):
                file.write(chance.randbytes(1_000_000))
        left, number = left - size, number + 1
    for number in range(1000):
        path = root / "shop" / f"part{number % 20}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"value = {number}\n" * 50)
    if kind == "git":
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
        for command in (
            ("init", "--quiet", "--initial-branch=main"),
            ("-c", "core.bigFileThreshold=1m", "add", "."),
            (*identity, "commit", "--quiet", "--message=bench"),
        ):
            subprocess.run(["git", "-C", str(root), *command], check=True)
        return {"type": "git", "url": f"file://{root}", "version": "main"}
    if kind == "archive":
        with tarfile.open(folder / "shop.tar.gz", "w:gz", compresslevel=1) as archive:
            archive.add(root, "shop")
        return {"type": "archive", "path": str(folder / "shop.tar.gz")}
    return {"type": "path", "path": str(root)}


def pack(source: dict[str, str], folder: str) -> dict[str, object]:
    """Pack a source in a process of its own and return what that cost."""
    began = time.monotonic()
    command = [sys.executable, "-c", PACK, json.dumps(source), str(Path(folder) / "cache")]
    paths = {"PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | paths)
    peaks = {"all": 0, "other": 0}
    watch = threading.Thread(target=_watch, args=(process, peaks))
    watch.start()
    output, _errors = process.communicate()
    watch.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "peak_mb": round(peaks["all"] / 1000),
        "peak_of_git_mb": round(peaks["other"] / 1000),
        **json.loads(output),
    }


def _watch(process: subprocess.Popen[bytes], peaks: dict[str, int]) -> None:
    while process.poll() is None:
        sizes = {pid: _kilobytes(pid) for pid in _family(process.pid)}
        total = sum(sizes.values())
        peaks["all"] = max(peaks["all"], total)
        peaks["other"] = max(peaks["other"], total - sizes.get(process.pid, 0))
        time.sleep(SECONDS_BETWEEN_SAMPLES)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _kilobytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
