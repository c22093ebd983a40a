"""Which directive of the sandbox is told for what an application says."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host.refusals import probable_directive


@pytest.mark.parametrize(
    ("text", "directive", "variable"),
    [
        (
            "OSError: [Errno 30] Read-only file system: '/srv/uploads/x'",
            "ProtectSystem=",
            "app_writable_paths",
        ),
        (
            "shop@blue.service: Failed at step NAMESPACE spawning /opt/shop/gunicorn: No such file",
            "sandbox",
            "app_writable_paths",
        ),
        (
            "MemoryError: Cannot allocate write+execute memory for ffi.callback(). You might be",
            "MemoryDenyWriteExecute=",
            "app_sandbox: {jit: true}",
        ),
        (
            "LLVM ERROR: Unable to allocate section memory!",
            "MemoryDenyWriteExecute=",
            "app_sandbox: {jit: true}",
        ),
        (
            "ImportError: libtorch.so: failed to map segment from shared object",
            "MemoryDenyWriteExecute=",
            "app_sandbox: {jit: true}",
        ),
        (
            '  File "psutil/__init__.py", in net_if_addrs\n  OSError: getifaddrs failed',
            "RestrictAddressFamilies=",
            "app_sandbox: {netlink: true}",
        ),
        (
            "OSError: [Errno 97] Address family not supported by protocol",
            "RestrictAddressFamilies=",
            "app_sandbox: {netlink: true}",
        ),
        ("Failed to open /dev/nvidia0", "PrivateDevices=", "app_devices"),
        (
            "redis.exceptions.TimeoutError: Timeout connecting to 127.0.0.1:6379",
            "IPAddressDeny=",
            "app_network_allow",
        ),
        (
            'server at "localhost" (127.0.0.1), port 5432 failed: Connection timed out',
            "IPAddressDeny=",
            "app_network_allow",
        ),
        (
            "PermissionError: [Errno 1] Operation not permitted: statsd at 127.0.0.1:8125",
            "IPAddressDeny=",
            "app_network_allow",
        ),
        ("httpx.ConnectTimeout", "IPAddressDeny=", "app_network_allow"),
        ("TimeoutError: timed out", "IPAddressDeny=", "app_network_allow"),
        (
            "was not healthy within 60 s: 0 of 2 workers answered /healthz with 200",
            "IPAddressDeny=",
            "app_network_allow",
        ),
        (
            "socket.gaierror: [Errno -3] Temporary failure in name resolution",
            "IPAddressDeny=",
            "app_network_allow",
        ),
        (
            "PermissionError: [Errno 1] Operation not permitted",
            "SystemCallFilter=",
            "app_network_allow",
        ),
        (
            "PermissionError: [Errno 13] Permission denied: '/srv/uploads'",
            "may not read or write",
            "app_writable_paths",
        ),
    ],
)
def test_words_of_the_system_name_the_directive_and_its_variable(
    text: str, directive: str, variable: str
) -> None:
    told = probable_directive(f"Booting worker\n{text}\nShutting down")
    assert directive in told
    assert variable in told
    assert not told.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ModuleNotFoundError: No module named 'shop'",
        "1 of 2 workers answered /healthz with 200; last answer: 500 Internal Server Error",
        "[2026-11-27 11:45:02 +0000] [1795] [CRITICAL] WORKER TIMEOUT (pid:1797)",
        "was not healthy within 9 s: 0 of 2 workers answered /healthz with 200; last answer: 404",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "[2026-11-27 11:45:02 +0000] [1795] [INFO] Booting worker with pid: 1795",
        "TypeError: 'NoneType' object is not callable",
    ],
)
def test_what_no_directive_refuses_is_not_explained(text: str) -> None:
    assert probable_directive(text) == ""
