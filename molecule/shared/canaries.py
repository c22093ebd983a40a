"""Looking for secrets where they do not belong: on a host, and in what its processes show."""

from __future__ import annotations

import base64
import codecs
import subprocess
from collections.abc import Sequence

from events import Shop

#: Runs on a host as root; needles are in ROT13, so that the search does not find itself. Files are
#: searched that the host's image did not have; the journal without what the application wrote.
SEARCH = """\
import codecs, os, subprocess, sys
needles = [codecs.decode(needle, "rot13").encode() for needle in {needles!r}]
def hit(data):
    return any(needle in data for needle in needles)
def output(*command):
    return subprocess.run(command, capture_output=True).stdout
born = "@%d" % os.stat("/etc/machine-id").st_ctime
tops = ("/", "/run", "/tmp", "/dev/shm")
for path in output("find", *tops, *"-xdev -type f -newerct".split(), born).splitlines():
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        continue
    with file:
        if hit(file.read()):
            state = os.fstat(file.fileno())
            print("file", path.decode(), oct(state.st_mode & 0o7777), state.st_uid)
for entry in output("journalctl", "--output=export", "--no-pager").split(b"\\n\\n"):
    if hit(entry) and b"_SYSTEMD_UNIT=shop@" not in entry:
        print("journal", entry[-300:])
if hit(output("systemctl", "show", "--all", "*")) or hit(output("systemctl", "cat", "shop*")):
    print("systemctl")
"""
#: Runs on a host as nobody, while the playbooks do: what it may read of other processes, and
#: what systemd tells everybody of units.
WATCH = """\
import codecs, glob, os, subprocess, time
needles = [codecs.decode(needle, "rot13").encode() for needle in {needles!r}]
end = time.time() + 300
seen, looks = set(), 0
show = ["systemctl", "show", "--property=Environment,ExecStart", "shop*", "run-*"]
while time.time() < end and not os.path.exists("/tmp/canary-watch-stop"):
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            continue
        if any(needle in data for needle in needles):
            seen.add(path.rpartition("/")[2] + ": " + data[:60].decode(errors="replace"))
    if looks % 3 == 0:
        told = subprocess.run(show, capture_output=True).stdout
        seen |= {{"unit: " + needle.decode() for needle in needles if needle in told}}
    looks += 1
    time.sleep(0.1)
print(looks, "looks")
for line in sorted(seen):
    print(line)
"""


def forms(*secrets: str) -> list[str]:
    """Return secrets, and the forms in which they are looked for."""
    found = []
    for secret in secrets:
        found += [secret, secret.encode().hex()]
        for before in (b"", b"a", b"ab"):
            encoded = base64.b64encode(before + secret.encode()).decode()
            # Without the groups that hold something else as well.
            found.append(encoded[4 if before else 0 : -4])
    return found


def kept(shop: Shop, host: str, needles: Sequence[str]) -> list[str]:
    """Return where on a host a secret is: in files, the journal, or what systemd tells."""
    return subprocess.run(
        [*shop.ssh[host], "python3 -"],
        input=SEARCH.format(needles=_hidden(needles)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


class Watcher:
    """Somebody without rights who looks at all processes of a host, until the end."""

    def __init__(self, shop: Shop, host: str, needles: Sequence[str]) -> None:
        """Begin."""
        self.shop, self.host = shop, host
        self.process = subprocess.Popen(
            [*shop.ssh[host], "rm -f /tmp/canary-watch-stop; runuser -u nobody -- python3 -"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin
        self.process.stdin.write(WATCH.format(needles=_hidden(needles)))
        self.process.stdin.close()

    def end(self) -> str:
        """Return how often was looked, and in further lines what was seen."""
        self.shop.shell("touch /tmp/canary-watch-stop", self.host)
        assert self.process.stdout
        seen = self.process.stdout.read()
        self.process.wait()
        self.shop.shell("rm -f /tmp/canary-watch-stop", self.host)
        return seen


def _hidden(needles: Sequence[str]) -> list[str]:
    return [codecs.encode(needle, "rot13") for needle in needles]
