"""What all commands of an inventory have in common, whether a shell reads them or not."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, seen

#: Longest of all words together, in bytes: Linux takes 128 KiB for one.
LONGEST = 100_000


def seen_command(value: object) -> str:
    """Return a command as `seen` does, and the first of its characters that does not show there."""
    words = value if isinstance(value, list) else [value]
    text = "".join(word for word in words if isinstance(word, str))
    hidden = next((char for char in text if not char.isprintable() and char not in "\t\n"), "")
    return seen(value) + (f", which has the character U+{ord(hidden):04X}" if hidden else "")


def refuse_long(words: Sequence[str], findings: Findings, at: str) -> None:
    """Add a problem if the kernel would not start a command of these words."""
    length = sum(len(word.encode(errors="surrogatepass")) + 1 for word in words)
    if length > LONGEST:
        findings.refuse(
            f"{length} bytes long",
            f"at most {LONGEST} bytes",
            "put it into a script of the release",
            at=at,
        )
