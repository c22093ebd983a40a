"""The servers of bench/serve.py on one host, in turns: what a user would pick instead, and ours.

Runs on the host as root, with its Python and nothing else. The others serve the same source, in an
environment of their own with the same versions, by the commands of the guides, behind an nginx as
the guides write it (TLS, `proxy_pass` to a TCP port). Ours is what deploy.yml has put there.

    python3 serving.py <app> <domain> <rounds> <seconds> <script of wrk>...
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = Path("/var/lib/fleet-bench-serve")
VENV = FOLDER / "venv"
PORT, HTTPS_PORT = 18600, 18643
START_SECONDS, STOP_SECONDS, TICK_SECONDS = 60.0, 30.0, 0.1
CONNECTIONS = 64
WARM_SECONDS = 2

GUNICORN = ("gunicorn", "main:app", "--no-control-socket", "--bind", f"127.0.0.1:{PORT}")
UVICORN_WORKER = (*GUNICORN, "-k", "uvicorn_worker.UvicornWorker", "-w")
AT = ("--host", "127.0.0.1", "--port", str(PORT))
OURS = "ours"
#: The commands, by what the table calls them.
WAYS = {
    "uvicorn --workers 4": ("uvicorn", "main:app", "--workers", "4", *AT),
    "gunicorn -k uvicorn_worker.UvicornWorker -w 4": (*UVICORN_WORKER, "4"),
    "gunicorn -k uvicorn_worker.UvicornWorker -w 2n+1": (
        *UVICORN_WORKER,
        str(2 * len(os.sched_getaffinity(0)) + 1),
    ),
    "gunicorn -k asgi -w 4": (*GUNICORN, "-k", "asgi", "-w", "4"),
    "granian --workers 4": ("granian", "--interface", "asgi", "--workers", "4", *AT, "main:app"),
    "hypercorn --workers 4": ("hypercorn", "--workers", "4", "-b", f"127.0.0.1:{PORT}", "main:app"),
    "fastapi run --workers 4": ("fastapi", "run", "--workers", "4", *AT, "main.py"),
}
#: Not in every release's environment.
PACKAGES = ("granian", "hypercorn", "fastapi-cli", "gunicorn>=24", "uvicorn-worker")

#: nginx as the guides have it: FastAPI's and Uvicorn's pages, and the distribution's defaults.
PLAIN = """\
daemon off;
user www-data;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
    access_log {folder}/access.log;
    server {{
        listen 127.0.0.1:{https} ssl;
        ssl_certificate /etc/{app}/tls/fullchain.pem;
        ssl_certificate_key /etc/{app}/tls/privkey.pem;
        client_max_body_size 4G;
        location / {{
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_redirect off;
            proxy_buffering off;
            proxy_pass http://127.0.0.1:{port};
        }}
    }}
}}
"""


def run(*command: str) -> str:
    """Run a command and return its output; a failure ends the bench with it."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed: {result.stderr[-2000:]}")
    return result.stdout


def live_slot(app: str) -> str:
    """Return the slot of an application that is live."""
    return Path(f"/var/lib/{app}/live.sock").readlink().stem


def prepare(app: str) -> tuple[Path, Path]:
    """Make the environment and get wrk; return the source and the program."""
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    release = Path(f"/opt/{app}/slots/{live_slot(app)}").resolve()
    uv = next(iter(sorted(Path("/opt").glob("**/uv"))), None) or shutil.which("uv")
    if not uv:
        raise SystemExit("this host has no uv; expected the one that a release brings")
    if not VENV.exists():
        run(str(uv), "venv", "--quiet", "--python", f"{release}/.venv/bin/python", str(VENV))
    frozen = run(str(uv), "pip", "freeze", "--python", f"{release}/.venv/bin/python")
    (FOLDER / "same.txt").write_text(frozen, encoding="utf-8")
    install = ("pip", "install", "--quiet", "--python", f"{VENV}/bin/python")
    run(str(uv), *install, "-r", str(FOLDER / "same.txt"), *PACKAGES)
    source = FOLDER / "src"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(release / "src", source, ignore_dangling_symlinks=True)
    run("chmod", "-R", "a+rX", str(FOLDER))
    if found := shutil.which("wrk"):
        return source, Path(found)
    archives = FOLDER / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    run(
        *("apt-get", "install", "--download-only", "--yes", "--no-install-recommends"),
        *("-o", f"Dir::Cache::archives={archives}", "wrk"),
    )
    for archive in archives.glob("*.deb"):
        run("dpkg-deb", "--extract", str(archive), str(FOLDER / "wrk"))
    return source, FOLDER / "wrk/usr/bin/wrk"


def processes(unit: str) -> list[int]:
    """Return the processes of a unit."""
    group = run("systemctl", "show", "--value", "--property=ControlGroup", unit).strip()
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            lines = (entry / "cgroup").read_text(encoding="utf-8") if entry.name.isdigit() else ""
            if group and any(line.rstrip().endswith(group) for line in lines.splitlines()):
                found.append(int(entry.name))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that processes have had, with that of their ended children."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            ticks += sum(map(int, text.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: Iterable[int]) -> float:
    """Return the memory of processes: pages that several share count once (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1024


@contextlib.contextmanager
def served(command: tuple[str, ...], app: str, source: Path) -> Iterator[str]:
    """Have a server for a while; yields its unit."""
    unit = "fleet-bench-serve.service"
    call = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--uid={app}"]
    call += [f"--working-directory={source}", "--property=LimitNOFILE=65536"]
    call += [f"--setenv=PATH={VENV}/bin:/usr/bin:/bin", "--setenv=HOME=/tmp"]
    run(*call, f"{VENV}/bin/{command[0]}", *command[1:])
    try:
        yield unit
    finally:
        run("systemctl", "stop", unit)


def load(wrk: Path, url: str, script: str, seconds: int) -> dict[str, object]:
    """Put load on a server, and return what the script counted."""
    libraries = ":".join(map(str, (FOLDER / "wrk/usr/lib").glob("*-linux-gnu*")))
    result = subprocess.run(
        [str(wrk), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, url],
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("fleet ")]
    if not lines:
        raise SystemExit(f"wrk has counted nothing: {result.stdout[-500:]} {result.stderr[-500:]}")
    found: dict[str, object] = json.loads(lines[-1][len("fleet ") :])
    return found


def answers(wrk: Path, url: str, script: str) -> bool:
    """Wait until a server answers well; tell whether it came to."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        told = load(wrk, url, script, 1)
        if told["requests"] and not told["bad"]:
            return True
        time.sleep(TICK_SECONDS)
    return False


def main() -> None:
    """Measure each way in each round, and write one JSON line for each measurement."""
    app, _domain, rounds, seconds, *scripts = sys.argv[1:]
    source, wrk = prepare(app)
    config = FOLDER / "nginx.conf"
    text = PLAIN.format(folder=FOLDER, https=HTTPS_PORT, port=PORT, app=app)
    config.write_text(text, encoding="utf-8")
    lines = FOLDER / "lines.jsonl"
    lines.unlink(missing_ok=True)
    front = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config)])
    try:
        for number in range(1, int(rounds) + 1):
            ways = [*WAYS, OURS] if number % 2 else [OURS, *reversed(WAYS)]
            for way in ways:
                for line in measured(way, app, source, wrk, int(seconds), scripts, front.pid):
                    with lines.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"way": way, "round": number, **line}) + "\n")
    finally:
        front.send_signal(signal.SIGTERM)
        front.wait(STOP_SECONDS)


def measured(
    way: str, app: str, source: Path, wrk: Path, seconds: int, scripts: list[str], front: int
) -> Iterator[dict[str, object]]:
    """Measure one way with each kind of request."""
    with contextlib.ExitStack() as stack:
        if way == OURS:
            unit, url = f"{app}@{live_slot(app)}.service", "https://127.0.0.1:443/"
            proxy = processes("nginx.service")
        else:
            unit = stack.enter_context(served(WAYS[way], app, source))
            url = f"https://127.0.0.1:{HTTPS_PORT}/"
            told = Path(f"/proc/{front}/task/{front}/children").read_text(encoding="utf-8")
            proxy = [front, *map(int, told.split())]
        if not answers(wrk, url, scripts[0]):
            yield {"problem": "did not answer"}
            return
        for script in scripts:
            load(wrk, url, script, WARM_SECONDS)
            pids = processes(unit)
            before = cpu_seconds([*pids, *proxy])
            told_ = load(wrk, url, script, seconds)
            spent = cpu_seconds([*pids, *proxy]) - before
            yield {
                "kind": Path(script).stem,
                "rps": round(float(str(told_["requests"])) / float(str(told_["seconds"])), 1),
                "p50_ms": told_["p50_ms"],
                "p99_ms": told_["p99_ms"],
                "failed": told_["bad"],
                "cpu_ms": round(1000 * spent / max(int(str(told_["requests"])), 1), 3),
                "memory_mb": round(memory_mb(pids)),
            }


if __name__ == "__main__":
    main()
