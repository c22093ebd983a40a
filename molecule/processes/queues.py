"""The queue of a host: what was enqueued by visitors, and what came of it."""

from __future__ import annotations

import json
import shutil
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from events import DOMAIN, ROOT, Shop

APPLICATIONS = ROOT / "molecule/shared/apps/good"
#: Requests a second, each of which enqueues a job.
RATE = 20
#: Seconds that a job may wait and run: the longest takes two.
PATIENCE = 40
#: What systemd says of a unit: systemd.journal-fields(7), `journalctl --catalog`.
MESSAGES = {
    "39f53479d3a045ac8e11786248231fbf": "started",
    "de5b426a63be47a7b6ac3eaac82e2f6f": "stopping",
    "9d1aaa27d60140bd96365438aad20286": "stopped",
}


@dataclass(frozen=True)
class Event:
    """What happened to a unit, and when (Unix time)."""

    at: float
    what: str
    unit: str


class Queue:
    """The queue of `queue1`."""

    def __init__(self, shop: Shop, application: str = "queue") -> None:
        self.shop = shop
        #: The application's folder.
        self.application = APPLICATIONS / application
        #: The numbers of the jobs that a visitor was told of.
        self.enqueued: list[int] = []
        self.failed: list[str] = []
        self.versions = 0

    def redis(self, *command: str) -> list[str]:
        """Ask redis on the host."""
        return self.shop.shell(f"redis-cli {' '.join(command)}").splitlines()

    def jobs(self, what: str) -> Counter[int]:
        """Return how often each job has started, or ended."""
        return Counter(map(int, self.redis("lrange", what, "0", "-1")))

    def forget(self) -> None:
        """Begin anew: a host that restarts may end redis before the scheduler."""
        self.enqueued.clear()
        self.failed.clear()
        self.redis("del", "started", "ended", "not_alone")
        self.redis("set", "schedulers", "1")

    @contextmanager
    def load(self) -> Iterator[None]:
        """Enqueue jobs by requests, as a visitor, for the length of a `with` block."""
        over = threading.Event()
        thread = threading.Thread(target=self._enqueue, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _enqueue(self, over: threading.Event) -> None:
        context = ssl.create_default_context(cafile=str(self.shop.folder / "ca.pem"))
        address = f"https://127.0.0.1:{self.shop.port}/jobs"
        extensions = {"sni_hostname": DOMAIN}
        with httpx.Client(verify=context, headers={"Host": DOMAIN}, timeout=10) as client:
            while not over.wait(1 / RATE):
                try:
                    answer = client.post(address, extensions=extensions)
                    self.enqueued.append(answer.raise_for_status().json()["job"])
                except (httpx.HTTPError, KeyError) as error:
                    self.failed.append(repr(error))

    def wait_done(self) -> None:
        """Wait until each job has ended."""
        deadline = time.monotonic() + PATIENCE
        while set(self.enqueued) - set(self.jobs("ended")) and time.monotonic() < deadline:
            time.sleep(0.5)

    def version(self, **files: str) -> dict[str, Any]:
        """Return another release of the application, with text at the end of files."""
        self.versions += 1
        source = self.shop.folder / f"{self.application.name}-{self.versions}"
        shutil.copytree(self.application, source)
        for name in {"main", *files}:
            with (source / f"{name}.py").open("a", encoding="utf-8") as file:
                file.write(f"\n# version {time.time_ns()}\n{files.get(name, '')}\n")
        return {"type": "path", "path": str(source)}

    def judge(self) -> None:
        """Wait for what was enqueued, and assert that no job was lost and none has run twice."""
        self.wait_done()
        started, ended = self.jobs("started"), self.jobs("ended")
        assert self.failed == []
        assert set(self.enqueued) - set(ended) == set()
        # The union of both: of each job the larger number.
        assert [number for number, count in (started | ended).items() if count > 1] == []
        assert self.redis("lrange", "not_alone", "0", "-1") == []

    def units(self, host: str = "") -> dict[str, str]:
        """Return the state of each unit of a process that systemd knows on a host."""
        told = self.shop.shell(
            "systemctl list-units --all --plain --no-legend --output=json 'shop@*-*-*.service'",
            host,
        )
        return {unit["unit"]: unit["active"] for unit in json.loads(told)}

    def running(self, host: str = "") -> set[str]:
        """Return the units of processes that run on a host."""
        return {unit for unit, state in self.units(host).items() if state == "active"}

    def enabled(self, host: str = "") -> set[str]:
        """Return the units of processes that start at boot."""
        told = self.shop.shell(
            "systemctl list-unit-files --plain --no-legend --state=enabled 'shop@*-*-*.service'",
            host,
        )
        return {line.split()[0] for line in told.splitlines()}

    def settled(self, expected: set[str], host: str = "", seconds: float = 30) -> None:
        """Assert that only the expected units run, in the end: what drains ends by itself."""
        deadline = time.monotonic() + seconds
        while self.running(host) != expected and time.monotonic() < deadline:
            time.sleep(0.5)
        assert self.running(host) == expected


def names(slot: str, *, workers: int = 2, scheduler: bool = True) -> set[str]:
    """Return the units of the processes that run in a slot."""
    found = {f"shop@{slot}-worker-{number + 1}.service" for number in range(workers)}
    return found | ({f"shop@{slot}-scheduler-1.service"} if scheduler else set())


def pid(shop: Shop, unit: str) -> str:
    """Return the main process of a unit."""
    return shop.shell(f"systemctl show --property=MainPID --value {unit}")


def slot(shop: Shop, host: str = "") -> str:
    """Return the slot that is live."""
    return shop.live(host).split()[0]


def events(shop: Shop, since: float, host: str) -> list[Event]:
    """What systemd did with the application's units."""
    told = shop.shell(
        f"journalctl --quiet --output=json --since=@{since:.3f} --unit='shop@*'"
        " --output-fields=MESSAGE_ID,UNIT _PID=1",
        host,
    )
    lines = map(json.loads, told.splitlines())
    return [
        Event(int(line["__REALTIME_TIMESTAMP"]) / 1e6, MESSAGES[line["MESSAGE_ID"]], line["UNIT"])
        for line in lines
        if line.get("MESSAGE_ID") in MESSAGES
    ]
