"""Gunicorn's settings in the container: workers by the container's limits, times in order."""

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import capacity

from bench import containers

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = ROOT / "app" / "container" / "gunicorn.conf.py"
MIB = 1024 * 1024
#: A machine with 8 cores and 16 GiB.
CORES = 8
MEMORY = "MemTotal:       16777216 kB\n"

#: What podman and Docker show inside of a container with --cpus=1 --memory=512m, in both versions.
V2 = {
    "proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw,nsdelegate\n",
    "proc/self/cgroup": "0::/\n",
    "sys/fs/cgroup/cpu.max": "100000 100000\n",
    "sys/fs/cgroup/cpuset.cpus.effective": "0-7\n",
    "sys/fs/cgroup/memory.max": f"{512 * MIB}\n",
}
POD = "/libpod_parent/libpod-19ba3c70"
V1 = {
    "proc/self/mountinfo": (
        f"246 245 0:29 {POD} /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
        f"248 245 0:31 {POD} /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
        f"249 245 0:32 {POD} /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    ),
    "proc/self/cgroup": f"4:memory:{POD}\n3:cpuset:{POD}\n1:cpu:{POD}\n0::{POD}\n",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpuset/cpuset.effective_cpus": "0-7\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{512 * MIB}\n",
}
UNLIMITED = {name: text for name, text in V2.items() if not name.startswith("sys/")}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the settings read a machine of a test's own; `limit` fills it."""
    monkeypatch.setattr(
        capacity,
        "read_own_capacity",
        lambda slice_name: capacity.read_capacity(tmp_path, CORES, slice_name),
    )
    for name in ("WEB_CONCURRENCY", "WORKER_MEMORY_MB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        sys, "path", [str(ROOT / "roles" / "gunicorn_service" / "files"), *sys.path]
    )
    for name in ("draining_worker", "slot_master"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def limit(machine: Path, files: dict[str, str]) -> None:
    for name, text in {"proc/meminfo": MEMORY, **files}.items():
        (machine / name).parent.mkdir(parents=True, exist_ok=True)
        (machine / name).write_text(text, encoding="utf-8")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gunicorn_settings", SETTINGS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        folder = Path(f"/dev/shm/gunicorn-{os.getpid()}")
        if folder.is_dir():
            folder.rmdir()
    return module


@pytest.mark.parametrize("files", [V1, V2], ids=["cgroup v1", "cgroup v2"])
def test_one_core_of_eight_counts_as_one(machine: Path, files: dict[str, str]) -> None:
    limit(machine, files)
    settings = load()
    assert settings.workers == 3
    assert settings.plan.memory_mb == 512


def test_without_a_limit_the_machine_counts(machine: Path) -> None:
    limit(machine, UNLIMITED)
    assert load().workers == 2 * CORES + 1


def test_little_memory_counts_before_the_cores(machine: Path) -> None:
    limit(machine, {**V2, "sys/fs/cgroup/memory.max": f"{256 * MIB}\n"})
    assert load().workers == 1


def test_environment_decides(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(machine, V2)
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    assert load().workers == 2
    monkeypatch.setenv("WEB_CONCURRENCY", "")
    monkeypatch.setenv("WORKER_MEMORY_MB", "400")
    assert load().workers == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("WEB_CONCURRENCY", "workers is '0'"), ("WORKER_MEMORY_MB", "worker_memory_mb is '0'")],
)
def test_wrong_value_is_refused(
    machine: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    limit(machine, V2)
    monkeypatch.setenv(name, "0")
    with pytest.raises(
        SystemExit, match=f"^WEB_CONCURRENCY, WORKER_MEMORY_MB: {message}; expected"
    ):
        load()


def test_requests_end_before_gunicorn_kills_and_gunicorn_before_podman_does(machine: Path) -> None:
    limit(machine, V2)
    settings = load()
    assert settings.slot.request_timeout < settings.graceful_timeout < containers.STOP_SECONDS
    dockerfile = (ROOT / "app" / "Dockerfile").read_text(encoding="utf-8")
    assert f"--stop-timeout {containers.STOP_SECONDS}" in dockerfile
    assert f"limit is {settings.graceful_timeout} s" in dockerfile.replace("\n# ", " ")


def test_build_context_has_what_the_dockerfile_copies_and_nothing_else() -> None:
    dockerfile = (ROOT / "app" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    copied: set[str] = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.M):
        copied.update(line.split()[:-1])
    ignore = (ROOT / "app" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)
    # In exec form, and not as root.
    assert re.search(r'^CMD \["gunicorn", ', dockerfile, re.M)
    assert re.search(r"^ARG BASE=", dockerfile, re.M)
