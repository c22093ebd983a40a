"""Which dependency files say all, and which release has what they name installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.reuse import (
    donor,
    environment_key,
    is_exact,
)

HASH = "--hash=sha256:" + 64 * "a"
HASHED = f"""\
# This file was made by uv pip compile --generate-hashes
--only-binary :all:

anyio==4.9.0 \\
    {HASH} \\
    {HASH}
    # via
    #   -r requirements.in
    #   starlette
starlette[full]==0.47 ; python_version >= "3.10" {HASH}
    # via fastapi
"""
#: As uv 0.13 writes it, of a project that is a folder of code.
UV_LOCK = """\
version = 1
revision = 5
requires-python = ">=3.10"

[[package]]
name = "anyio"
version = "4.9.0"
source = { registry = "https://packages.example.com/simple" }
wheels = [
    { url = "https://files.example.com/anyio-4.9.0-py3-none-any.whl", hash = "sha256:aa" },
]

[[package]]
name = "shop"
version = "1.0"
source = { virtual = "." }
dependencies = [
    { name = "anyio" },
]

[package.metadata]
requires-dist = [{ name = "anyio" }]
"""
PYLOCK = """\
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "anyio"
version = "4.9.0"
wheels = [{ url = "https://files.example.com/anyio.whl", hashes = { sha256 = "aa" } }]
"""


def source_of(package: str, source: str) -> str:
    return f'{UV_LOCK}\n[[package]]\nname = "{package}"\nversion = "1"\nsource = {source}\n'


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        (HASHED, True),
        (f"anyio==4.9.0 {HASH}\n", True),
        (f"anyio==4.9.0 {HASH}", True),
        (f"anyio==4.9.0 \\\n  {HASH}\n\n# the end\n", True),
        (f"{HASHED}h11==0.16.0\n", False),
        (f"h11==0.16.0\n{HASHED}", False),
        (f"{HASHED}  h11==0.16.0\n", False),
        (f"h11==0.16.0 \\\n    --no-binary :all:\n{HASHED}", False),
        ("anyio==4.9.0\n", False),
        ("anyio\n", False),
        (f"{HASHED}toy @ https://example.com/toy.whl\n", False),
        (f"{HASHED}git+https://git.example.com/toy.git\n", False),
        (f"{HASHED}-r more.txt\n", False),
        (f"{HASHED}--requirement more.txt\n", False),
        (f"{HASHED}-c constraints.txt\n", False),
        (f"{HASHED}--constraint=constraints.txt\n", False),
        (f"{HASHED}-e lib\n", False),
        (f"{HASHED}  --editable lib\n", False),
        (f"{HASHED}./vendor/toy-1.0-py3-none-any.whl\n", False),
        (f"{HASHED}../toy\n", False),
        (f"{HASHED}/srv/wheels/toy-1.0-py3-none-any.whl\n", False),
        (f"{HASHED}file:///srv/wheels/toy-1.0-py3-none-any.whl\n", False),
        (f"{HASHED}vendor/toy-1.0-py3-none-any.whl\n", False),
        ("# nothing yet\n", False),
        ("", False),
    ],
    ids=[
        *("hashes", "one line", "no end of line", "comment last"),
        *(
            "one without a hash",
            "first without a hash",
            "indented without a hash",
            "continued without a hash",
        ),
        *("no hash", "no version", "URL", "git"),
        *("-r", "--requirement", "-c", "--constraint", "-e", "--editable"),
        *("local file", "folder above", "absolute file", "file URL", "relative file"),
        *("comment", "empty"),
    ],
)
def test_requirements_are_exact_if_each_has_a_hash(text: str, exact: bool) -> None:
    assert is_exact("requirements.txt", text) is exact


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        (UV_LOCK, True),
        (UV_LOCK.replace("virtual", "editable"), True),
        (source_of("toy", '{ git = "https://git.example.com/toy?rev=1#abc" }'), True),
        (source_of("toy", '{ url = "https://example.com/toy.whl" }'), True),
        (source_of("lib", '{ editable = "packages/lib" }'), False),
        (source_of("lib", '{ virtual = "packages/lib" }'), False),
        (source_of("lib", '{ directory = "../lib" }'), False),
        (source_of("toy", '{ path = "vendor/toy-1.0-py3-none-any.whl" }'), False),
        (
            source_of("toy", '{ registry = "/srv/wheels" }')
            + 'wheels = [\n    { path = "/srv/wheels/toy-1-py3-none-any.whl" },\n]\n',
            False,
        ),
    ],
    ids=[
        *("folder", "package", "git", "URL"),
        *("member", "member without a package", "folder above", "file", "folder of wheels"),
    ],
)
def test_uv_lock_is_exact_if_only_the_project_itself_is_local(text: str, exact: bool) -> None:
    assert is_exact("uv.lock", text) is exact


@pytest.mark.parametrize(
    ("local", "exact"),
    [
        ("", True),
        ('[[packages]]\nname = "lib"\ndirectory = { path = "packages/lib" }\n', False),
        ('[[packages]]\nname = "shop"\ndirectory = { path = ".", editable = true }\n', False),
        ('[[packages]]\nname = "lib"\n[packages.directory]\npath = "packages/lib"\n', False),
        ('[[packages]]\nname = "toy"\n[packages.archive]\npath = "toy.tar.gz"\n', False),
    ],
    ids=["none", "folder", "project itself", "folder as a table", "archive as a table"],
)
def test_pylock_is_exact_without_local_packages(local: str, exact: bool) -> None:
    assert is_exact("pylock.toml", PYLOCK + local) is exact


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.in", "poetry.lock", ""])
def test_no_other_file_is_exact(name: str) -> None:
    assert is_exact(name, HASHED) is False


# Keys


def key(folder: Path, dependencies: str, *ingredients: object, **files: str) -> str:
    """Return the key of a source with files; `__` in their names stands for the dot."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return environment_key(str(folder), dependencies, ingredients)


def test_key_is_the_same_for_the_same_and_a_digest(tmp_path: Path) -> None:
    first = key(tmp_path, "requirements.txt", "3.13", ["gunicorn"], requirements__txt=HASHED)
    assert len(first) == 64
    assert set(first) <= set("0123456789abcdef")
    assert key(tmp_path, "requirements.txt", "3.13", ["gunicorn"], main__py="new = 1\n") == first


@pytest.mark.parametrize(
    "ingredients",
    [
        (),
        ("3.14", "", ["gunicorn"]),
        ("3.13", "https://mirror.example.com", ["gunicorn"]),
        ("3.13", "", ["gunicorn", "uvicorn"]),
        ("3.13", "", []),
        ("", "3.13", ["gunicorn"]),
        ("3.13", "", ["gunicorn"], "/srv/wheels"),
    ],
)
def test_key_depends_on_each_ingredient(tmp_path: Path, ingredients: tuple[object, ...]) -> None:
    first = key(tmp_path, "requirements.txt", "3.13", "", ["gunicorn"], requirements__txt=HASHED)
    assert key(tmp_path, "requirements.txt", *ingredients) not in ("", first)


@pytest.mark.parametrize(
    ("dependencies", "text"),
    [("requirements.txt", HASHED), ("uv.lock", UV_LOCK), ("pylock.toml", PYLOCK)],
)
def test_key_depends_on_the_lock(tmp_path: Path, dependencies: str, text: str) -> None:
    lock = dependencies.replace(".", "__")
    first = key(tmp_path, dependencies, **{lock: text})
    assert key(tmp_path, dependencies, **{lock: text.replace("4.9.0", "4.9.1")}) not in ("", first)


def test_key_depends_on_the_name_of_the_lock(tmp_path: Path) -> None:
    both = {"uv__lock": UV_LOCK, "pylock__toml": UV_LOCK}
    assert key(tmp_path, "uv.lock", **both) != key(tmp_path, "pylock.toml")


@pytest.mark.parametrize(
    ("dependencies", "text", "depends"),
    [
        ("uv.lock", UV_LOCK, True),
        ("requirements.txt", HASHED, False),
        ("pylock.toml", PYLOCK, False),
    ],
)
def test_key_depends_on_the_project_where_it_says_what_of_the_lock_counts(
    tmp_path: Path, dependencies: str, text: str, depends: bool
) -> None:
    lock = dependencies.replace(".", "__")
    first = key(tmp_path, dependencies, **{lock: text}, pyproject__toml="[project]\n")
    second = key(tmp_path, dependencies, pyproject__toml="[tool.uv]\ndefault-groups = []\n")
    assert (second != first) is depends


@pytest.mark.parametrize(
    ("dependencies", "files"),
    [
        ("", {"requirements__txt": HASHED}),
        ("requirements.txt", {"requirements__txt": "anyio\n"}),
        ("requirements.txt", {}),
        ("pyproject.toml", {"pyproject__toml": "[project]\n"}),
        ("uv.lock", {"uv__lock": source_of("lib", '{ editable = "lib" }')}),
    ],
    ids=["none", "no lock", "no file", "project", "workspace"],
)
def test_key_is_empty_where_no_lock_says_all(
    tmp_path: Path, dependencies: str, files: dict[str, str]
) -> None:
    assert key(tmp_path, dependencies, "3.13", **files) == ""


def test_key_of_a_file_that_is_no_utf_8_is_one(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"# caf\xe9\n" + HASHED.encode())
    assert len(key(tmp_path, "requirements.txt")) == 64


# Donors

BUILT: dict[str, dict[str, Any]] = {
    "1.0": {"environment": "a", "built_at": 1},
    "1.2": {"environment": "a", "built_at": 3},
    "1.1": {"environment": "a", "built_at": 2},
    "1.3": {"environment": "b", "built_at": 4},
    "1.4": {"environment": "", "built_at": 5},
    # Of a version that noted none.
    "0.9": {"built_at": 6},
}


@pytest.mark.parametrize(("wanted", "found"), [("a", "1.2"), ("b", "1.3"), ("c", ""), ("", "")])
def test_donor_is_the_newest_release_with_the_same_environment(wanted: str, found: str) -> None:
    assert donor(BUILT, wanted) == found


def test_donor_need_not_say_when_it_was_built() -> None:
    assert donor({"1.0": {"environment": "a"}}, "a") == "1.0"
    assert donor({}, "a") == ""
