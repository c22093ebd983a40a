"""Debian's chromium in a container without a network, driven over a pipe by its own protocol.

Two pipes instead of a port: nothing else on this machine can reach the browser, and two runs at
once do not collide. https://chromedevtools.github.io/devtools-protocol/ describes the messages.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from bench.containers import environment

IMAGE = "localhost/asgi-fleet-browser:trixie"
#: Where the container sees the folder of the pages.
PAGES = "/pages"
#: No sandbox: the container is one, and its root may not make another.
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
    *("--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir=/tmp/profile"),
)
#: What a page must not have, besides an exception.
LOUD = ("error", "warning")


@dataclass
class Tab:
    """A tab of the browser.

    Attributes:
        complaints: What the page put on the console, or what the browser said of it.
        requested: The URLs that it asked for.
    """

    commands: BinaryIO
    answers: BinaryIO
    session: str = ""
    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    _last: int = 0
    _seen: list[str] = field(default_factory=list)

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
            RuntimeError: The browser refused it, or has ended.
        """
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        self.commands.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, name: str, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a page of the folder, on a screen of that size."""
        self.complaints.clear()
        self.requested.clear()
        self._seen.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.send("Page.navigate", url=f"file://{PAGES}/{name}")
        while "Page.loadEventFired" not in self._seen:
            self._read()

    def evaluate(self, script: str) -> Any:  # noqa: ANN401 (whatever the page has)
        """Return what an expression gives in the page.

        Raises:
            RuntimeError: It raised an exception.
        """
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def screenshot(self, path: Path, *, height: int | None = None) -> None:
        """Write a picture of the whole page, or of its upper part, in the width of the screen."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "scale": 1}
        clip["height"] = min(size["height"], height or size["height"])
        taken = self.send(
            "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
        )
        path.write_bytes(base64.b64decode(taken["data"]))

    def _read(self) -> dict[str, Any]:
        raw = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            raw += byte
        message: dict[str, Any] = json.loads(raw)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, told: dict[str, Any]) -> None:
        self._seen.append(method)
        if method == "Log.entryAdded" and told["entry"]["level"] in LOUD:
            self.complaints.append(told["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(told["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])


@contextmanager
def chromium(pages: Path, name: str) -> Iterator[Tab]:
    """Run the browser, and give a tab of it.

    Args:
        pages: The folder that it may read.
        name: Of the container.
    """
    ours, theirs = os.pipe(), os.pipe()
    # Chromium reads commands from its descriptor 3 and writes answers to 4, and so must podman.
    command = [
        *("bash", "-c", 'exec "$@" 3<&"$IN" 4>&"$OUT"', "-"),
        *("podman", "run", "--rm", "--network=none", "--preserve-fds=2"),
        *(f"--name={name}", f"--volume={pages}:{PAGES}:ro", "--entrypoint=chromium", IMAGE),
        *OPTIONS,
        "about:blank",
    ]
    inherited = (ours[0], theirs[1])
    descriptors = {**environment(), "IN": str(ours[0]), "OUT": str(theirs[1])}
    browser = subprocess.Popen(
        command, pass_fds=inherited, env=descriptors, stderr=subprocess.PIPE, text=True
    )
    for descriptor in inherited:
        os.close(descriptor)
    try:
        with open(ours[1], "wb") as commands, open(theirs[0], "rb") as answers:  # noqa: PTH123
            tab = Tab(commands, answers)
            target = tab.send("Target.createTarget", url="about:blank")["targetId"]
            attached = tab.send("Target.attachToTarget", targetId=target, flatten=True)
            tab.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.send(f"{domain}.enable")
            yield tab
    except (RuntimeError, BrokenPipeError) as error:
        _remove(name)
        raise RuntimeError(f"{error}: {browser.communicate()[1][-2000:]}") from error
    finally:
        _remove(name)
        browser.wait(timeout=30)


def _remove(name: str) -> None:
    command = ["podman", "rm", "--force", "--ignore", name]
    subprocess.run(command, env=environment(), check=False, capture_output=True)
