"""Which dependency files have a hash for all that is downloaded, and what is said of the others."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import (
    has_hashes,
    without_hashes,
)

HASH = "--hash=sha256:" + 64 * "a"
FILE = "https://files.example.com/anyio-4.9.0-py3-none-any.whl"


def uv_lock(
    files: str, source: str = '{ registry = "https://packages.example.com/simple" }'
) -> str:
    return (
        f'version = 1\n[[package]]\nname = "anyio"\nversion = "4.9.0"\nsource = {source}\n{files}\n'
    )


def pylock(files: str) -> str:
    return f'lock-version = "1.0"\n[[packages]]\nname = "anyio"\nversion = "4.9.0"\n{files}\n'


@pytest.mark.parametrize(
    ("name", "text", "hashed"),
    [
        ("uv.lock", uv_lock(f'wheels = [\n    {{ url = "{FILE}", hash = "sha256:aa" }},\n]'), True),
        ("uv.lock", uv_lock(f'wheels = [\n    {{ url = "{FILE}", size = 3 }},\n]'), False),
        ("uv.lock", uv_lock('sdist = { path = "anyio.tar.gz" }'), False),
        ("uv.lock", uv_lock('wheels = [\n    { filename = "anyio.whl" },\n]'), False),
        ("uv.lock", uv_lock("", '{ git = "https://git.example.com/anyio?rev=1#0123" }'), True),
        ("uv.lock", uv_lock("", '{ editable = "libs/anyio" }'), True),
        (
            "uv.lock",
            uv_lock('sdist = { hash = "sha256:aa" }', f'{{ url = "{FILE}" }}'),
            True,
        ),
        (
            "pylock.toml",
            pylock(f'archive = {{ url = "{FILE}", hashes = {{ sha256 = "aa" }} }}'),
            True,
        ),
        ("pylock.toml", pylock(f'archive = {{ url = "{FILE}", hashes = {{}} }}'), False),
        ("requirements.txt", f"anyio==4.9.0 \\\n    {HASH}\n", True),
        ("requirements.txt", f"anyio==4.9.0 {HASH}\nh11==0.16.0\n", False),
        ("requirements.txt", f"-r base.txt\nanyio==4.9.0 {HASH}\n", False),
        ("requirements.txt", "", False),
        ("pyproject.toml", "[project]\n", False),
    ],
)
def test_lock_has_hashes_if_it_has_all(name: str, text: str, hashed: bool) -> None:
    assert has_hashes(name, text) is hashed


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        (
            "tree",
            "requirements.txt",
            "but requirements.txt does not; run uv lock, or uv pip compile",
        ),
        ("tree", "", "but there is no file that names the dependencies; run uv lock"),
        (
            "wheel",
            "",
            "but a wheel names its dependencies without hashes; deploy the application's",
        ),
    ],
)
def test_refusal_says_what_was_found_and_what_to_run(kind: str, name: str, told: str) -> None:
    message = without_hashes(kind, name)
    assert message.startswith("python_release_require_hashes is true; expected a lock (of uv, ")
    assert told in message
