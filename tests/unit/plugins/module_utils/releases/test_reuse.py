"""Which dependency files say all, and which release has what they name installed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import Recipe
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


def source_of(package: str, source: str, needed: bool = True) -> str:
    lock = UV_LOCK
    if needed:
        named = f'    {{ name = "anyio" }},\n    {{ name = "{package}" }},\n'
        lock = lock.replace('    { name = "anyio" },\n', named)
    return f'{lock}\n[[package]]\nname = "{package}"\nversion = "1"\nsource = {source}\n'


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
        (source_of("jobs", '{ editable = "packages/jobs" }', needed=False), True),
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
        *("member", "member without a package", "member that nothing needs"),
        *("folder above", "file", "folder of wheels"),
    ],
)
def test_uv_lock_is_exact_if_only_the_project_itself_is_local(text: str, exact: bool) -> None:
    assert is_exact("uv.lock", text) is exact


def test_project_of_a_workspace_is_known_by_its_name() -> None:
    lock = UV_LOCK.replace('virtual = "."', 'editable = "backend"')
    assert is_exact("uv.lock", lock, "Shop")
    # The workspace's root may be a package that the project needs.
    assert not is_exact("uv.lock", source_of("root", '{ editable = "." }'), "shop")


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


RECIPE = Recipe(
    path="/opt/shop/releases/1.0",
    kind="tree",
    uv="uv",
    module="main:app",
    user="shop",
    builder="shop-build",
)


def key(file: str, text: str, *ingredients: object, **told: Any) -> str:  # noqa: ANN401
    """Return the key of a recipe: `projects`, `project`, and fields of its installation."""
    fields = {name: told.pop(name) for name in ("projects", "project") if name in told}
    installation = Installation(file, **told)
    return environment_key(
        replace(RECIPE, installation=installation, text=text, **fields), ingredients
    )


def test_key_is_the_same_for_the_same_and_a_digest() -> None:
    first = key("requirements.txt", HASHED, "3.13", ["gunicorn"])
    assert len(first) == 64
    assert set(first) <= set("0123456789abcdef")
    assert key("requirements.txt", HASHED, "3.13", ["gunicorn"]) == first


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
def test_key_depends_on_each_ingredient(ingredients: tuple[object, ...]) -> None:
    first = key("requirements.txt", HASHED, "3.13", "", ["gunicorn"])
    assert key("requirements.txt", HASHED, *ingredients) not in ("", first)


@pytest.mark.parametrize(
    ("file", "text"),
    [("requirements.txt", HASHED), ("uv.lock", UV_LOCK), ("pylock.toml", PYLOCK)],
)
def test_key_depends_on_the_lock(file: str, text: str) -> None:
    assert key(file, text.replace("4.9.0", "4.9.1")) not in ("", key(file, text))


def test_key_depends_on_the_name_of_the_lock() -> None:
    assert key("requirements.txt", HASHED) != key("requirements/production.txt", HASHED)


@pytest.mark.parametrize(
    "told",
    [
        {"extras": ["server"]},
        {"groups": ["prod"]},
        {"package": True},
        {"project": "backend"},
        {"projects": ("[tool.uv]\ndefault-groups = []\n",)},
    ],
    ids=lambda told: next(iter(told)),
)
def test_key_depends_on_what_of_the_lock_is_installed(told: dict[str, Any]) -> None:
    assert key("uv.lock", UV_LOCK, **told) not in ("", key("uv.lock", UV_LOCK))


@pytest.mark.parametrize(("file", "text"), [("requirements.txt", HASHED), ("pylock.toml", PYLOCK)])
def test_key_does_not_depend_on_a_project_that_says_nothing_of_the_lock(
    file: str, text: str
) -> None:
    assert key(file, text, projects=("[project]\n",)) == key(file, text)


def test_key_does_not_depend_on_how_the_project_itself_is_built() -> None:
    # Its version is another one with each commit, and it is installed anew in any case.
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.4.0"}
    first = key("uv.lock", UV_LOCK, package=True)
    assert key("uv.lock", UV_LOCK, package=True, build_environment=version) == first


def test_exported_lock_is_one_if_it_has_hashes() -> None:
    assert key("poetry.lock", HASHED, exported=HASHED) != ""
    assert key("poetry.lock", "anyio==4.9.0\n", exported="anyio==4.9.0\n") == ""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("", ""),
        ("requirements.txt", "anyio\n"),
        ("requirements.txt", ""),
        ("pyproject.toml", "[project]\n"),
        ("uv.lock", source_of("lib", '{ editable = "lib" }')),
    ],
    ids=["none", "no lock", "empty", "project", "workspace"],
)
def test_key_is_empty_where_no_lock_says_all(file: str, text: str) -> None:
    assert key(file, text, "3.13") == ""


def test_key_of_a_file_that_is_no_utf_8_is_one() -> None:
    text = (b"# caf\xe9\n" + HASHED.encode()).decode(errors="surrogateescape")
    assert len(key("requirements.txt", text)) == 64


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
