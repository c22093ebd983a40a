"""What an operator can do about a host that lacks something.

Tools, applications and the kernel say what they missed, in words of their own and seldom at the end
of what they print. A message that says so ends with what to do.
"""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.module_utils.host.space import full

#: What tools say of a file system without room.
_NO_ROOM = ("No space left on device", "Disk quota exceeded")

#: Words that tell a shortage, and what helps.
_REMEDIES = (
    (
        _NO_ROOM,
        "a file system of the host is full: `df -h` and `df -i` on the host show which one; make "
        "room there, and run the same command again",
    ),
    (
        ("Read-only file system",),
        "that file system of the host is mounted read-only: `findmnt` on the host shows which one "
        "it is; mount it for writing, or look in the kernel's log (`journalctl --dmesg`) for the "
        "error that made it so, and run the same command again",
    ),
    (
        (
            "Temporary failure in name resolution",
            "failed to lookup address information",
            "Could not resolve host",
        ),
        "the host cannot resolve names: `getent hosts <name>` on the host shows whether it can, "
        "and /etc/resolv.conf whom it asks; run the same command again when it can",
    ),
)


def explained(error: Exception) -> str:
    """Return the message of an error, with what can be done about it at the end."""
    text = str(error)
    if isinstance(error, OSError):
        text = f"the host could not read or write a file: {text}"
    for words, remedy in _REMEDIES:
        if any(word in text for word in words):
            found = full() if words == _NO_ROOM else []
            text = f"{text.rstrip()}\n{'; '.join(found) or remedy}"
    return text
