"""What of a sandbox probably refused, by what the application said about it.

systemd tells no one when a directive of a unit refuses something: the application gets an error of
the system and words it as it likes. The words of Python and of the C library are looked for here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.asgi.fleet.plugins.module_utils.host.refused_writes import (
    REFUSED,
    advice,
    refused_write,
)
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.state import Refused


@dataclass(frozen=True)
class Sign:
    """How an application words the refusal of a directive.

    Attributes:
        words: What it says, on one line.
        seen: What probably refused.
        todo: The variable that allows it.
        certain: Whether the words mean this and hardly anything else, also in the journal of a
            service that runs.
    """

    words: re.Pattern[str]
    seen: str
    todo: str
    certain: bool = False


_LOOPBACK = r"(?:localhost|127\.\d+\.\d+\.\d+|::1|169\.254\.\d+\.\d+)"
_UNREACHED = r"(?:time[d-]? ?out|Timeout|Operation not permitted|Errno 110)"

#: Before all others: nothing of the application has run.
UNSTARTED = Sign(
    re.compile(r"status=226/NAMESPACE|Failed at step NAMESPACE|set up mount namespacing"),
    "systemd could not set up the sandbox: a path of app_writable_paths probably does not exist on "
    "the host",
    "create it, or remove it from app_writable_paths",
)
#: A write that does not say where to.
WRITE = Sign(
    re.compile(rf"{REFUSED.pattern}|unable to open database file"),
    "ProtectSystem=strict probably refused a write: the application may write only its state "
    "(STATE_DIRECTORY), its cache (XDG_CACHE_HOME) and /tmp",
    "write there, or add the path to app_writable_paths",
)
#: The more exact ones first: the first that is found is told.
SIGNS = (
    Sign(
        re.compile(
            r"ffi_closure|ffi_prep_closure|mprotect|PROT_EXEC|MAP_FAILED|executable memory"
            r"|memory pages? (?:as )?executable|cannot enable executable stack"
            r"|LLVM ERROR: .*(?:alloc|memory)|Cannot allocate (?:write\+)?exec"
            r"|failed to map segment from shared object",
            re.IGNORECASE,
        ),
        "MemoryDenyWriteExecute= probably refused memory for code that is made at run time, as "
        "PyTorch, Numba, ONNX Runtime and cffi do",
        "set app_sandbox: {jit: true}",
        certain=True,
    ),
    Sign(
        re.compile(
            r"AF_NETLINK|netlink|getifaddrs|if_nameindex|\bifaddr|\bnet_if_addrs", re.IGNORECASE
        ),
        "RestrictAddressFamilies= probably refused a question for the host's network interfaces",
        "set app_sandbox: {netlink: true}",
    ),
    Sign(
        re.compile(r"Errno 97\b|Address family not supported|EAFNOSUPPORT"),
        "RestrictAddressFamilies= probably refused a socket that is neither unix nor IP",
        "for AF_NETLINK set app_sandbox: {netlink: true}",
        certain=True,
    ),
    Sign(
        re.compile(
            r"/dev/(?:nvidia|dri|kfd|video|snd|tty|bus|fuse)\S*|No CUDA-capable device"
            r"|CUDA driver initialization failed|no NVIDIA driver",
            re.IGNORECASE,
        ),
        "PrivateDevices= probably hid a device",
        "add it to app_devices, for example "
        "app_devices: [/dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm]",
    ),
    Sign(
        re.compile(
            rf"{_LOOPBACK}.*{_UNREACHED}|{_UNREACHED}.*{_LOOPBACK}"
            r"|metadata\.google\.internal|Errno 101\b|Network is unreachable",
            re.IGNORECASE,
        ),
        "IPAddressDeny= probably kept the application from an address: loopback and link-local "
        "ones are allowed only by name",
        "add localhost, link-local or the network to app_network_allow",
    ),
    Sign(
        re.compile(
            r"ConnectTimeout|ConnectionTimeout|\bTimeoutError|connection (?:attempt )?timed out"
            r"|Errno 110\b"
            r"|timeout expired|Temporary failure in name resolution",
            re.IGNORECASE,
        ),
        "if what it connects to answers on this host, IPAddressDeny= probably drops the packets",
        "add localhost, link-local or the network to app_network_allow",
    ),
    Sign(
        re.compile(r"EPERM|Operation not permitted|Errno 1\b"),
        "a directive of the sandbox probably refused a system call: SystemCallFilter= allows those "
        "of a service, and IPAddressDeny= refuses datagrams to loopback and link-local addresses "
        "(app_network_allow)",
        "",
    ),
    Sign(
        re.compile(r"EACCES|Permission denied|Errno 13\b"),
        "the application's account probably may not read or write a file, or ProtectHome= hides "
        "it: the application may write only its state (HOME), its cache (XDG_CACHE_HOME), /tmp and "
        "app_writable_paths",
        "",
    ),
    Sign(
        re.compile(r"was not healthy within .*: 0 of \d+ workers answered \S+ with 200$"),
        "it may wait for a connection, about which it says nothing: IPAddressDeny= drops what goes "
        "to loopback and link-local addresses",
        "if it needs them, add localhost or link-local to app_network_allow",
    ),
)


def probable_directive(
    text: str, release: str = "", environment: Mapping[str, str] | None = None
) -> str:
    """Return a sentence that names the directive which probably refused, or an empty text.

    Args:
        text: What the application said: lines of its journal, the answer of a health request, the
            output of a hook or of a build.
        release: Folder of its release; empty if it is not known.
        environment: Its environment, which may name its database.
    """
    lines = text.splitlines()
    found = next(_looked_for(lines, release, environment or {}), None)
    return "; ".join(filter(None, (found["seen"], found["todo"]))) if found else ""


def refusals(lines: Iterable[str], release: str, environment: Mapping[str, str]) -> list[Refused]:
    """Return what was certainly refused to a service that runs, each once.

    Args:
        lines: What it said.
        release: Folder of its release.
        environment: Its environment, which may name its database.
    """
    found: list[Refused] = []
    for line in lines:
        write = _write(line, release, environment, "")
        told = [write] if write else [_told(sign) for sign in CERTAIN if sign.words.search(line)]
        todo = [one["todo"] for one in found]
        found += [one for one in told[:1] if one["todo"] not in todo]
    return found


def _looked_for(
    lines: list[str], release: str, environment: Mapping[str, str]
) -> Iterator[Refused]:
    def said(sign: Sign) -> bool:
        return any(sign.words.search(line) for line in lines)

    if said(UNSTARTED):
        yield _told(UNSTARTED)
    for line in lines:
        if write := _write(line, release, environment, "\n".join(lines)):
            yield write
    for sign in (WRITE, *SIGNS):
        if said(sign):
            yield _told(sign)


def _told(sign: Sign) -> Refused:
    return {"seen": sign.seen, "todo": sign.todo}


def _write(line: str, release: str, environment: Mapping[str, str], text: str) -> Refused | None:
    """Return what a line says of a write, if it says where to."""
    path = refused_write(line, release, environment)
    if not path:
        return None
    todo = advice(path, release, collected="collectstatic" in text)
    return {"seen": f"ProtectSystem=strict refused a write to {path}", "todo": todo}


#: What is looked for in the journal of a service that runs.
CERTAIN = tuple(sign for sign in SIGNS if sign.certain)
#: The same as one expression, for journalctl(1), and what may tell of a write.
JOURNAL = "|".join([f"{WRITE.words.pattern}|Errno 13", *(sign.words.pattern for sign in CERTAIN)])
