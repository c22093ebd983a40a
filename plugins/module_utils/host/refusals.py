"""What of a sandbox probably refused, by what the application said about it.

systemd tells no one when a directive of a unit refuses something: the application gets an error of
the system and words it as it likes. The words of Python and of the C library are looked for here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """How an application words the refusal of a directive.

    Attributes:
        words: What it says, on one line.
        sentence: What probably refused, and the variable that allows it.
    """

    words: re.Pattern[str]
    sentence: str


_LOOPBACK = r"(?:localhost|127\.\d+\.\d+\.\d+|::1|169\.254\.\d+\.\d+)"
_UNREACHED = r"(?:time[d-]? ?out|Timeout|Operation not permitted|Errno 110)"

#: The more exact ones first: the first that is found is told.
SIGNS = (
    Sign(
        re.compile(r"status=226/NAMESPACE|Failed at step NAMESPACE|set up mount namespacing"),
        "systemd could not set up the sandbox: a path of app_writable_paths probably does not "
        "exist on the host; create it, or remove it from app_writable_paths",
    ),
    Sign(
        re.compile(r"/nonexistent\b"),
        "HOME of a hook and of the import is nowhere, since the application could have put files "
        "that steer them into its own; write to $STATE_DIRECTORY, which is HOME of the service",
    ),
    Sign(
        re.compile(r"EROFS|Read-only file system|Errno 30\b|unable to open database file"),
        "ProtectSystem=strict probably refused a write: the application may write only its state "
        "(STATE_DIRECTORY), its cache (XDG_CACHE_HOME) and /tmp; write there, or add the path to "
        "app_writable_paths",
    ),
    Sign(
        re.compile(
            r"ffi_closure|ffi_prep_closure|mprotect|PROT_EXEC|MAP_FAILED|executable memory"
            r"|memory pages? (?:as )?executable|cannot enable executable stack"
            r"|LLVM ERROR: .*(?:alloc|memory)|Cannot allocate (?:write\+)?exec"
            r"|failed to map segment from shared object",
            re.IGNORECASE,
        ),
        "MemoryDenyWriteExecute= probably refused memory for code that is made at run time, as "
        "PyTorch, Numba, ONNX Runtime and cffi do; set app_sandbox: {jit: true}",
    ),
    Sign(
        re.compile(
            r"AF_NETLINK|netlink|getifaddrs|if_nameindex|\bifaddr|\bnet_if_addrs", re.IGNORECASE
        ),
        "RestrictAddressFamilies= probably refused a question for the host's network interfaces; "
        "set app_sandbox: {netlink: true}",
    ),
    Sign(
        re.compile(r"Errno 97\b|Address family not supported|EAFNOSUPPORT"),
        "RestrictAddressFamilies= probably refused a socket that is neither unix nor IP; for "
        "AF_NETLINK set app_sandbox: {netlink: true}",
    ),
    Sign(
        re.compile(
            r"/dev/(?:nvidia|dri|kfd|video|snd|tty|bus|fuse)\S*|No CUDA-capable device"
            r"|CUDA driver initialization failed|no NVIDIA driver",
            re.IGNORECASE,
        ),
        "PrivateDevices= probably hid a device; add it to app_devices, for example "
        "app_devices: [/dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm]",
    ),
    Sign(
        re.compile(
            rf"{_LOOPBACK}.*{_UNREACHED}|{_UNREACHED}.*{_LOOPBACK}"
            r"|metadata\.google\.internal|Errno 101\b|Network is unreachable",
            re.IGNORECASE,
        ),
        "IPAddressDeny= probably kept the application from an address: loopback and link-local "
        "ones are allowed only by name; add localhost, link-local or the network to "
        "app_network_allow",
    ),
    Sign(
        re.compile(
            r"ConnectTimeout|ConnectionTimeout|\bTimeoutError|connection (?:attempt )?timed out"
            r"|Errno 110\b"
            r"|timeout expired|Temporary failure in name resolution",
            re.IGNORECASE,
        ),
        "if what it connects to answers on this host, IPAddressDeny= probably drops the packets: "
        "add localhost, link-local or the network to app_network_allow",
    ),
    Sign(
        re.compile(r"EPERM|Operation not permitted|Errno 1\b"),
        "a directive of the sandbox probably refused a system call: SystemCallFilter= allows those "
        "of a service, and IPAddressDeny= refuses datagrams to loopback and link-local addresses "
        "(app_network_allow)",
    ),
    Sign(
        re.compile(r"EACCES|Permission denied|Errno 13\b"),
        "the application's account probably may not read or write a file, or ProtectHome= hides "
        "it: the application may write only its state (HOME), its cache (XDG_CACHE_HOME), /tmp and "
        "app_writable_paths",
    ),
    Sign(
        re.compile(r"was not healthy within .*: 0 of \d+ workers answered \S+ with 200$"),
        "it may wait for a connection, about which it says nothing: IPAddressDeny= drops what goes "
        "to loopback and link-local addresses; if it needs them, add localhost or link-local to "
        "app_network_allow",
    ),
)


def probable_directive(text: str) -> str:
    """Return a sentence that names the directive which probably refused, or an empty text.

    Args:
        text: What the application said: lines of its journal, the answer of a health request, the
            output of a hook or of a build.
    """
    lines = text.splitlines()
    for sign in SIGNS:
        if any(sign.words.search(line) for line in lines):
            return sign.sentence
    return ""
