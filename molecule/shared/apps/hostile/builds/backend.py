"""A build system that tries what a hostile one would, and notes in the source what it could do."""

import json
import os
import socket
import subprocess
import zipfile
from collections.abc import Callable

#: Runs whenever an interpreter of the virtual environment starts (site.py, "pth" files).
PTH = "import os; os.getuid() or open('/var/tmp/rival-ran-as-root', 'w').close()\n"


def could(action: Callable[[], object]) -> str:
    """Try something; return an empty string for success, else the error."""
    try:
        action()
    except OSError as error:
        return f"{error.__class__.__name__}: {error.strerror}"
    return ""


def write(path: str) -> Callable[[], object]:
    return lambda: open(path, "w").close()


def connect(address: str, port: int) -> Callable[[], object]:
    return lambda: socket.create_connection((address, port), timeout=3)


def build_wheel(folder: str, *_: object) -> str:
    """Note what this process may do, leave traps in the source, then build the wheel."""
    with open("world-writable", "w") as trap:
        trap.write("x")
    os.chmod("world-writable", 0o666)
    # Not with the build's own output: uv would wait for its end.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["setsid", "--fork", "sleep", "3333"], check=False, **quiet)
    with open("/proc/self/status") as status:
        lines = dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)
    report = {
        "uid": os.getuid(),
        "variables": sorted(os.environ),
        "no_new_privileges": lines["NoNewPrivs"],
        "setuid": could(lambda: os.chmod("world-writable", 0o4755)),
        "secrets": could(lambda: open("/etc/shop/blue/environment").close()),
        "other_release": could(
            lambda: os.listdir("/opt/shop/releases/" + os.listdir("/opt/shop/releases")[0])
        ),
        "other_cache": could(write("/var/cache/shop-build/x")),
        "shared_cache": could(write("/var/cache/asgi-fleet/x")),
        "interpreters": could(write("/opt/uv/x")),
        "system": could(write("/etc/x")),
        "own_application": could(write("/opt/rival/x")),
        "metadata": could(connect("169.254.169.254", 80)),
        "loopback": could(connect("127.0.0.1", 22)),
        "namespaces": subprocess.run(["unshare", "-U", "true"], check=False).returncode,
    }
    with open("report.json", "w") as file:
        json.dump(report, file)
    info = "rival-1.0.dist-info"
    with open("lib/rival.py") as file:
        code = file.read()
    files = {
        "rival.py": code,
        "rival.pth": PTH,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    name = "rival-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in files))
    return name
