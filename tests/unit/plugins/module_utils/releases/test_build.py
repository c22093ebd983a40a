"""Releases built by the real uv, without a network, and what is left when a step fails: nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import Confinement
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.installation import Installation
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.releases import build as release
from ansible_collections.asgi.fleet.plugins.module_utils.releases import (
    dependencies,
    workshop,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build
from ansible_collections.asgi.fleet.plugins.module_utils.releases.dependencies import read_texts
from ansible_collections.asgi.fleet.plugins.module_utils.releases.manifest import read_manifest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    tail,
)

from tests.unit.plugins.module_utils.release_host import (
    APPLICATION,
    UV,
    Pack,
    installed,
    refused,
    wheel,
)

pytestmark = pytest.mark.usefixtures("confinements")


# Builds


def test_build_of_a_tree_is_complete(pack: Pack) -> None:
    recipe = pack({"main.py": APPLICATION, "web/page.html": "<p>", "requirements.txt": ""})
    manifest = build(recipe, {"source": {"type": "path"}, "commit": ""})

    folder = Path(recipe.path)
    assert sorted(path.name for path in folder.iterdir()) == [".venv", "manifest.json", "src"]
    assert (folder / "src" / "web" / "page.html").read_text() == "<p>"
    assert list((folder / "src" / "__pycache__").glob("main.*.pyc"))
    assert (
        manifest == json.loads((folder / "manifest.json").read_text()) == read_manifest(str(folder))
    )
    assert isinstance(manifest.pop("built_at"), int)
    assert manifest.pop("python").startswith("3.")
    assert manifest == {
        "id": "1.0-abcdef01",
        "module": "main:app",
        "installation": {
            "file": "requirements.txt",
            "extras": [],
            "groups": [],
            "package": False,
            "server": {},
        },
        "project": "",
        "notes": [],
        "server_notes": [],
        "lock_sha256": hashlib.sha256(b"").hexdigest(),
        "hashes": "none",
        "installed_from": "index",
        # No lock: nothing says that the same file gives the same environment.
        "environment": "",
        "environment_from": "",
        "source": {"type": "path"},
        "commit": "",
    }


@pytest.mark.parametrize(
    ("store", "given", "seen"),
    [(True, {}, "true"), (False, {}, ""), (True, {"UV_SYSTEM_CERTS": "false"}, "false")],
    ids=["as the host does", "host without a store", "otherwise by the operator"],
)
def test_build_trusts_the_authorities_of_the_host(
    pack: Pack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: bool,
    given: dict[str, str],
    seen: str,
) -> None:
    authorities = tmp_path / "ca-certificates.crt"
    if store:
        authorities.touch()
    monkeypatch.setattr(workshop, "SYSTEM_AUTHORITIES", str(authorities))
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    told = tmp_path / "told"
    uv = tmp_path / "uv.sh"
    uv.write_text(f'#!/bin/sh\necho "$UV_SYSTEM_CERTS" >{told}\nexec {UV} "$@"\n')
    uv.chmod(0o755)
    recipe = pack({"main.py": APPLICATION}, uv=str(uv))
    # Without a store uv brings authorities of its own.
    build(replace(recipe, uv_environment={**recipe.uv_environment, **given}), {})
    assert told.read_text().strip() == seen


def test_build_is_not_writable_by_others_whatever_the_umask(pack: Pack) -> None:
    recipe = pack({"main.py": APPLICATION})
    before = os.umask(0)
    try:
        build(recipe, {})
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert [
        str(path)
        for path in Path(recipe.path).rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o022
    ] == []


def test_source_is_compiled_whatever_its_modules_are_called(pack: Pack) -> None:
    recipe = pack({"main.py": APPLICATION, "compileall.py": "raise SystemExit(1)\n"})
    build(recipe, {})
    assert list(Path(recipe.path, "src", "__pycache__").glob("main.*.pyc"))


def test_build_replaces_what_a_killed_one_left(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = pack({"main.py": APPLICATION})
    leftover = Path(recipe.path, "src", "old.py")
    leftover.parent.mkdir(parents=True)
    leftover.write_text("")
    ended: list[tuple[str, bool]] = []
    monkeypatch.setattr(confined, "end", lambda unit: ended.append((unit, leftover.exists())))
    build(recipe, {})
    assert not leftover.exists()
    # It may still work there, and the folder is given to its account.
    assert ended[0] == (f"asgi-fleet-{recipe.application}-build", True)


def test_build_installs_what_requirements_name_from_their_own_folder(
    pack: Pack, tmp_path: Path
) -> None:
    vendored = wheel(tmp_path, "toy", "1.0").read_bytes()
    name = "vendor/toy-1.0-py3-none-any.whl"
    files = {"main.py": f"import toy\n{APPLICATION}", "requirements.txt": f"./{name}\n"}
    recipe = pack({**files, name: vendored})
    assert build(recipe, {})["installation"]["file"] == "requirements.txt"
    assert installed(recipe) == {"toy": "1.0"}


def test_requirements_in_a_folder_lead_to_those_beside_them(pack: Pack, wheels: Path) -> None:
    wheel(wheels, "more", "1.0")
    files = {
        "main.py": APPLICATION,
        "requirements/base.txt": "toy\n",
        "requirements/limits.txt": "toy<2\n",
        "requirements/production.txt": "-r base.txt\n-c limits.txt\nmore\n",
    }
    told = Installation("requirements/production.txt")
    recipe = pack(files, installation=told, find_links=str(wheels))
    assert build(recipe, {})["installation"]["file"] == "requirements/production.txt"
    assert installed(recipe) == {"toy": "1.0", "more": "1.0"}


def test_exported_lock_is_installed_as_it_says(pack: Pack, wheels: Path) -> None:
    exported = hashed(wheels / "toy-1.0-py3-none-any.whl")
    told = Installation("poetry.lock", exported=exported)
    files = {"main.py": APPLICATION, "poetry.lock": "locked\n"}
    recipe = pack(files, installation=told, find_links=str(wheels))
    manifest = build(recipe, {})
    assert (manifest["hashes"], len(manifest["environment"])) == ("enforced", 64)
    assert installed(recipe) == {"toy": "1.0"}
    assert not os.path.lexists(f"{recipe.path}.exported.txt")


def test_build_of_a_wheel_installs_it(recipe: Recipe, tmp_path: Path) -> None:
    path = wheel(tmp_path, "shop", "1.4.2", code=APPLICATION)
    made = replace(recipe, kind="wheel", archive=str(path), module="shop:app")
    assert build(made, {})["installation"]["file"] == ""
    assert installed(made) == {"shop": "1.4.2"}


def test_build_of_a_package_installs_it_by_name(recipe: Recipe, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "shop", "1.4.1", code=APPLICATION)
    wheel(tmp_path / "wheels", "shop", "1.4.2")
    made = replace(
        recipe,
        kind="package",
        package="shop==1.4.1",
        find_links=str(tmp_path / "wheels"),
        module="shop:app",
    )
    build(made, {})
    assert installed(made) == {"shop": "1.4.1"}


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("main:app", APPLICATION),
        ("web.asgi:create()", f"def create():\n    {APPLICATION}    return app\n"),
    ],
    ids=["callable", "factory"],
)
def test_build_imports_the_application(pack: Pack, module: str, code: str) -> None:
    file = module.partition(":")[0].replace(".", "/") + ".py"
    assert build(pack({file: code}, module=module), {})["module"] == module


def test_build_imports_the_application_with_its_environment_only(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_CONTROLLER", "1")
    code = (
        "import os\nassert os.environ['TOKEN'] == 'a b'\n"
        f"assert 'OF_THE_CONTROLLER' not in os.environ\n{APPLICATION}"
    )
    build(pack({"main.py": code}, environment={"TOKEN": "a b"}), {})


# Refusals


@pytest.mark.parametrize(
    ("module", "code", "told"),
    [
        ("main:app", "import no_such_module\n", "No module named 'no_such_module'"),
        ("main:app", "app = (\n", "SyntaxError"),
        ("main:app", "raise SystemExit(7)\n", "(exit status 7)"),
    ],
)
def test_application_that_cannot_be_imported_is_refused(
    pack: Pack, module: str, code: str, told: str
) -> None:
    message = refused(pack({"main.py": code}, module=module))
    assert message.startswith(
        f"python_release_module is {module}; importing it failed (exit status "
    )
    assert "the release was not kept, and nothing live changed. " in message
    assert told in message


def test_application_whose_import_hangs_is_refused(pack: Pack) -> None:
    message = refused(pack({"main.py": "import time\ntime.sleep(60)\n"}, import_timeout=0.3))
    assert "importing it did not end within 0.3 s; raise python_release_import_timeout" in message


def test_refused_import_shows_no_secret(pack: Pack) -> None:
    code = "import os\nraise ValueError(os.environ['TOKEN'] + os.environ['COLOR'])\n"
    environment = {"TOKEN": "s3cret-value", "COLOR": "-red"}
    message = refused(pack({"main.py": code}, environment=environment, secret_names=["TOKEN"]))
    assert "ValueError: <TOKEN>-red" in message
    assert "s3cret-value" not in message


def test_torn_archive_is_refused(pack: Pack) -> None:
    recipe = pack({"main.py": APPLICATION})
    Path(recipe.archive).write_bytes(Path(recipe.archive).read_bytes()[:40])
    message = refused(recipe)
    assert message.startswith("the source cannot be unpacked:\n  ")


def test_missing_dependency_is_refused(pack: Pack) -> None:
    message = refused(pack({"main.py": APPLICATION, "requirements.txt": "no-such-package==1\n"}))
    assert message.startswith(
        "the dependencies cannot be installed from requirements.txt; nothing live changed:\n"
    )
    assert "no-such-package" in message


def test_missing_interpreter_is_refused_with_the_ways_out(pack: Pack) -> None:
    message = refused(pack({"main.py": APPLICATION}, python="3.99"))
    assert message.startswith("python_release_python is 3.99; this host has 3.")
    assert "install python3.99 on the host, set python_release_python_mirror" in message
    assert ", or choose another python_release_python:\n" in message


def test_refusals_name_the_variables_that_the_caller_speaks_of(pack: Pack) -> None:
    message = refused(pack({"main.py": "import toy\n"}, prefix="app_"))
    assert message.startswith("app_module is main:app; importing it failed (exit status 1); ")
    assert "toy is not installed: app_dependencies (file, extras, groups) says what is" in message
    message = refused(pack({"main.py": "import pkg_resources\n"}, prefix="app_"))
    assert "nothing asks for: add setuptools==81.0.0 to the dependencies, or to " in message
    message = refused(pack({"main.py": APPLICATION}, prefix="app_", python="3.99"))
    assert message.startswith("app_python is 3.99; this host has 3.")
    assert ", or choose another app_python:\n" in message


def test_project_that_cannot_be_built_is_refused_with_the_way_out(pack: Pack) -> None:
    backend = "def build_wheel(*_):\n    raise SystemExit('there is nothing to build')\n"
    files = {"pyproject.toml": PROJECT, "backend.py": backend, "main.py": APPLICATION}
    told = Installation("pyproject.toml", package=True)
    message = refused(pack(files, installation=told, prefix="app_"))
    assert message.startswith(
        "the project cannot be built and installed; app_package: false serves the source as it is; "
        "nothing live changed"
    )
    assert "there is nothing to build" in message


@pytest.mark.parametrize("file", ["pyproject.toml", "uv.lock"])
def test_interpreter_that_the_project_refuses_is_refused_by_the_variable(
    pack: Pack, recipe: Recipe, tmp_path: Path, file: str
) -> None:
    project = PROJECT.replace(">=3.8", ">=3.99")
    files = {"pyproject.toml": project, "backend.py": BACKEND, "main.py": APPLICATION}
    if file == "uv.lock":
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "pyproject.toml").write_text(PROJECT)
        command = [UV, "lock", "--quiet", "--offline", "--cache-dir", recipe.cache]
        subprocess.run(command, cwd=tmp_path / "project", check=True)
        files[file] = (tmp_path / "project" / file).read_text().replace(">=3.8", ">=3.99")
    told = Installation(file, package=True)
    message = refused(pack(files, installation=told, prefix="app_"))
    assert "; nothing live changed; app_python chooses the interpreter:\n" in message


def test_missing_uv_is_refused(pack: Pack) -> None:
    message = refused(pack({"main.py": APPLICATION}, uv="/no/such/uv"))
    assert message.startswith("the release cannot be written: ")
    assert "/no/such/uv" in message


def test_interrupted_build_leaves_nothing(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Recipe) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(release, "_compile", interrupted)
    recipe = pack({"main.py": APPLICATION})
    with pytest.raises(KeyboardInterrupt):
        build(recipe, {})
    assert not os.path.lexists(recipe.path)


# Dependencies


@pytest.fixture
def source(recipe: Recipe) -> Path:
    """The unpacked source of a release."""
    path = Path(recipe.inside("src"))
    path.mkdir(parents=True)
    return path


def known(recipe: Recipe) -> Recipe:
    """Return the recipe with the texts of the source, which are read before anything runs."""
    text, projects = read_texts(recipe)
    return replace(recipe, text=text, projects=projects)


def test_file_that_is_not_there_is_refused(recipe: Recipe, source: Path) -> None:
    (source / "requirements.txt").touch()
    with pytest.raises(BuildError) as error:
        known(replace(recipe, installation=Installation(file="uv.lock"), prefix="app_"))
    assert str(error.value) == (
        "app_dependencies: the source has no file uv.lock; name one that it has"
    )


def test_file_that_a_link_leads_to_outside_of_the_source_is_not_read(
    recipe: Recipe, source: Path
) -> None:
    (source / "requirements.txt").symlink_to("/etc/hostname")
    with pytest.raises(BuildError, match="the source has no file requirements"):
        known(replace(recipe, installation=Installation(file="requirements.txt")))


def test_exported_lock_is_read_in_place_of_the_file(recipe: Recipe, source: Path) -> None:
    (source / "poetry.lock").write_text("locked\n")
    told = Installation(file="poetry.lock", exported="toy==1.0\n")
    made = known(replace(recipe, installation=told))
    assert (made.text, made.used_kind) == ("toy==1.0\n", "requirements.txt")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("uv.lock", "uv.lock"),
        ("backend/uv.lock", "uv.lock"),
        ("pylock.toml", "pylock.toml"),
        ("pylock.prod.toml", "pylock.toml"),
        ("requirements/production.txt", "requirements.txt"),
        ("requirements.in", "requirements.txt"),
        ("pyproject.toml", "pyproject.toml"),
        ("setup.cfg", "setup.cfg"),
    ],
)
def test_file_is_read_by_its_name(recipe: Recipe, file: str, kind: str) -> None:
    assert replace(recipe, installation=Installation(file=file)).used_kind == kind


@pytest.fixture
def recorded(recipe: Recipe, source: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Run a step of the build with a uv that only notes its calls, and where it finds packages."""
    uv = tmp_path / "uv-recorder"
    uv.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        f'echo "$UV_INDEX|$UV_FIND_LINKS" >> {tmp_path}/places\n'
    )
    uv.chmod(0o755)

    def run(step: Callable[[Recipe], object], **changed: Any) -> list[str]:  # noqa: ANN401
        step(known(replace(recipe, uv=str(uv), **changed)))
        calls = tmp_path / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        pip = f" --python {recipe.venv_python}"
        build = f" --build-constraints {recipe.path}.build-constraints.txt"
        return [
            line.replace(pip, "")
            .replace(str(source), "SRC")
            .replace(BUILD + build, " BUILD")
            .replace(recipe.path, "RELEASE")
            for line in lines
        ]

    return run


Recorded = Callable[..., list[str]]
#: What uv is told where hashes are in force.
BUILD = " --require-build-hashes --preview-features build-dependency-hashes"
HASHED = f"toy==1.0 --hash=sha256:{64 * 'a'}\n"


def install(recipe: Recipe, reused: bool = False) -> None:
    """Install what the source names, as a build without an earlier environment does."""
    if not reused:
        dependencies.install_dependencies(recipe)
    if recipe.installs_project:
        dependencies.install_project(recipe)


SYNC = "sync --locked --no-dev --no-editable --compile-bytecode --no-install-project --project SRC"
PIP = "pip install --compile-bytecode"
ALONE = f"{PIP} --reinstall --no-deps SRC"


@pytest.mark.parametrize(
    ("told", "calls"),
    [
        (Installation("uv.lock"), [f"{SYNC}{BUILD}"]),
        (
            Installation("uv.lock", extras=["server"], groups=["prod"], package=True),
            [f"{SYNC} --extra=server --group=prod{BUILD}", f"{ALONE} BUILD"],
        ),
        (
            Installation("pylock.toml", extras=["server"], groups=["prod"]),
            [
                f"{PIP} --requirements SRC/pylock.toml --extra=server"
                " --group=SRC/pylock.toml:prod --require-hashes BUILD"
            ],
        ),
        (
            Installation("requirements/production.txt"),
            [f"{PIP} --requirements SRC/requirements/production.txt"],
        ),
        (
            Installation("requirements.txt", package=True),
            [f"{PIP} --requirements SRC/requirements.txt", ALONE],
        ),
        (
            Installation("poetry.lock", exported=HASHED),
            [f"{PIP} --requirements RELEASE.exported.txt --require-hashes BUILD"],
        ),
        (
            Installation("Pipfile.lock", exported="toy\n", package=True),
            [f"{PIP} --requirements RELEASE.exported.txt", ALONE],
        ),
        (Installation("pyproject.toml"), [f"{PIP} --requirements SRC/pyproject.toml"]),
        (
            Installation("pyproject.toml", extras=["server"], groups=["prod"], package=True),
            [
                f"{PIP} --requirements SRC/pyproject.toml --extra=server"
                " --group=SRC/pyproject.toml:prod",
                ALONE,
            ],
        ),
        (
            Installation("setup.py", extras=["server"], package=True),
            [f"{PIP} --requirements SRC/setup.py --extra=server", ALONE],
        ),
        (Installation(package=True), [f"{PIP} --reinstall SRC"]),
        (Installation(), []),
    ],
    ids=[
        *("uv.lock", "uv.lock of a package", "pylock.toml", "requirements in a folder"),
        *("requirements of a package", "exported with hashes", "exported of a package"),
        *("pyproject of a folder", "pyproject of a package", "setup.py"),
        *("package without a file", "nothing"),
    ],
)
def test_dependencies_are_installed_by(
    recorded: Recorded, source: Path, told: Installation, calls: list[str]
) -> None:
    if told.file:
        (source / told.file).parent.mkdir(exist_ok=True)
        (source / told.file).touch()
    assert recorded(install, installation=told) == calls


def test_member_of_a_workspace_is_installed_from_where_it_is(
    recorded: Recorded, recipe: Recipe, confinements: list[Confinement]
) -> None:
    tree = Path(recipe.inside("repository"))
    (tree / "backend").mkdir(parents=True)
    (tree / "uv.lock").touch()
    told = Installation("uv.lock", package=True, name="shop-backend")
    calls = recorded(install, installation=told, project="backend")
    folder = "RELEASE/repository/backend"
    assert calls == [
        f"{SYNC.replace('SRC', folder)} --package shop-backend{BUILD}",
        f"{ALONE.replace('SRC', folder)} BUILD",
    ]
    assert {one.folder for one in confinements} == {str(tree / "backend")}


@pytest.mark.parametrize("package", [True, False])
def test_reused_environment_gets_the_project_alone(
    recorded: Recorded, source: Path, package: bool
) -> None:
    (source / "requirements.txt").touch()
    told = Installation("requirements.txt", package=package)
    calls = recorded(partial(install, reused=True), installation=told)
    assert calls == ([ALONE] if package else [])


def test_build_of_the_project_has_its_environment(
    recorded: Recorded, source: Path, confinements: list[Confinement]
) -> None:
    (source / "pyproject.toml").touch()
    version = {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.4.0"}
    told = Installation("pyproject.toml", package=True, build_environment=version)
    recorded(install, installation=told)
    # Metadata may be built for the dependencies as well.
    assert [version.items() <= one.environment.items() for one in confinements] == [True, True]


def test_dependencies_come_from_the_given_places_which_no_argument_shows(
    recorded: Recorded, source: Path, tmp_path: Path
) -> None:
    (source / "requirements.txt").touch()
    places = {"index": "https://u:p@pypi.example.com/simple", "find_links": "/srv/wheels"}
    more = {"UV_INDEX": "other=https://b.example.com/simple"}
    told = Installation("requirements.txt")
    calls = recorded(install, **places, uv_environment=more, installation=told)
    assert calls == ["pip install --compile-bytecode --requirements SRC/requirements.txt"]
    assert (tmp_path / "places").read_text() == (
        "https://u:p@pypi.example.com/simple other=https://b.example.com/simple|/srv/wheels\n"
    )


@pytest.mark.parametrize(
    ("index", "reached"),
    [
        ("", False),
        ("https://pypi.example.com/simple", False),
        ("http://127.0.0.1:3141/root/pypi", True),
        ("https://u:p@localhost/simple", True),
        ("http://[::1]:3141/", True),
    ],
)
def test_build_reaches_loopback_only_for_an_index_there(
    recorded: Recorded,
    source: Path,
    confinements: list[Confinement],
    index: str,
    reached: bool,
) -> None:
    (source / "requirements.txt").touch()
    recorded(install, index=index, installation=Installation("requirements.txt"))
    assert [("localhost" in one.sandbox.network_allow) for one in confinements] == [reached]


def test_failed_build_shows_no_credential(pack: Pack) -> None:
    index = "https://user:s3cret-value@localhost:1/simple"
    recipe = pack({"main.py": APPLICATION, "requirements.txt": "toy\n"}, index=index)
    assert "s3cret-value" not in refused(recipe)


def test_build_and_import_are_confined(pack: Pack, confinements: list[Confinement]) -> None:
    recipe = pack(
        {"main.py": APPLICATION},
        sandbox=Sandbox(network_allow=["10.0.0.0/8"], devices=["/dev/kvm"]),
        memory_max="1G",
        timeout=7,
        environment={"TOKEN": "s3cret-value"},
    )
    build(recipe, {})
    *builds, imported = confinements
    assert {one.unit for one in builds} == {f"asgi-fleet-{recipe.application}-build"}
    for one in builds:
        assert one.user == recipe.builder
        assert "TOKEN" not in one.environment
        assert one.sandbox == Sandbox(jit=True, writable_paths=(recipe.path,))
        assert one.timeout == 7
        assert dict(one.properties)["MemoryMax"] == "1G"
    assert (imported.user, imported.sandbox) == (recipe.user, recipe.sandbox)
    assert imported.environment["TOKEN"] == "s3cret-value"


def test_server_packages_leave_the_applications_own_versions(pack: Pack, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheel(wheels, "toy", "1.0")
    wheel(wheels, "toy", "2.0")
    wheel(wheels, "server", "1.0", requires="toy")
    recipe = pack(
        {"main.py": APPLICATION, "requirements.txt": "toy==1.0\n"},
        find_links=str(wheels),
        server_packages=["server", "toy==2.0"],
    )
    build(recipe, {})
    assert installed(recipe) == {"toy": "1.0", "server": "1.0"}


# The environment of an earlier release

TOY = "import sys\ndef main():\n    print(sys.executable, sys.prefix)\n"
#: A build backend of a packaged project's own: nothing has to be downloaded for a wheel of it.
BACKEND = """
import zipfile

def build_wheel(folder, *_):
    info = "shop-1.0.dist-info"
    files = {
        "shop.py": open("lib/shop.py").read(),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    with zipfile.ZipFile(f"{folder}/shop-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\\n" for name in files))
    return "shop-1.0-py3-none-any.whl"
"""
PROJECT = """\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.8"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def hashed(path: Path) -> str:
    """Return the line of a requirements.txt that names a wheel with its content."""
    name, version = path.name.split("-")[:2]
    return (
        f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
    )


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with toy 1.0, which has a console script, toy 2.0 and server 1.0."""
    folder = tmp_path / "wheels"
    wheel(folder, "toy", "1.0", code=TOY, script="toy = toy:main")
    wheel(folder, "toy", "2.0", code=TOY)
    wheel(folder, "server", "1.0")
    return folder


@pytest.fixture
def first(pack: Pack, wheels: Path) -> tuple[Recipe, dict[str, dict[str, Any]]]:
    """A first release with a hashed lock, and the manifests of the host then."""
    recipe = pack(
        {
            "main.py": f"import toy\n{APPLICATION}",
            "requirements.txt": hashed(wheels / "toy-1.0-py3-none-any.whl"),
        },
        find_links=str(wheels),
        server_packages=["server"],
    )
    manifest = build(recipe, {})
    return recipe, {manifest["id"]: manifest}


First = tuple[Recipe, dict[str, dict[str, Any]]]


def successor(first: First, pack: Pack, files: dict[str, str], **changed: Any) -> Recipe:  # noqa: ANN401
    """Return the recipe of the release after the first, with some files and fields changed."""
    before = first[0]
    source = {
        "main.py": f"import toy\nVERSION = 2\n{APPLICATION}",
        "requirements.txt": Path(before.inside("src", "requirements.txt")).read_text(),
    } | files
    fields = {"find_links": before.find_links, "server_packages": before.server_packages}
    path = before.path.replace("1.0-abcdef01", "1.1-abcdef02")
    return pack(source, **{"path": path, **fields, **changed})


def without_packages(recipe: Recipe) -> None:
    """Take away all that packages could be installed from."""
    for path in Path(recipe.find_links).iterdir():
        path.unlink()
    shutil.rmtree(recipe.caches)


def test_build_with_the_same_lock_copies_the_environment_and_needs_no_index(
    first: First, pack: Pack
) -> None:
    before, manifests = first
    without_packages(before)
    after = successor(first, pack, {})
    manifest = build(after, {}, manifests)

    earlier = manifests["1.0-abcdef01"]
    assert len(earlier["environment"]) == 64
    assert earlier["environment_from"] == ""
    assert manifest["environment"] == earlier["environment"]
    assert manifest["environment_from"] == "1.0-abcdef01"
    assert read_manifest(after.path) == manifest
    assert installed(after) == {"toy": "1.0", "server": "1.0"}
    assert "VERSION = 2" in Path(after.inside("src", "main.py")).read_text()


def test_copied_environment_outlives_the_one_it_was_copied_from(first: First, pack: Pack) -> None:
    before, manifests = first
    after = successor(first, pack, {})
    build(after, {}, manifests)
    shutil.rmtree(before.path)
    told = subprocess.check_output([after.inside(".venv", "bin", "toy")], text=True)
    assert told.split() == [after.venv_python, after.inside(".venv")]
    assert installed(after) == {"toy": "1.0", "server": "1.0"}


def byte_code(recipe: Recipe) -> dict[str, int]:
    """Return when each file of byte code in the venv was written."""
    venv = Path(recipe.inside(".venv"))
    return {str(p.relative_to(venv)): p.stat().st_mtime_ns for p in venv.rglob("*.pyc")}


def test_byte_code_of_a_copied_environment_is_valid(first: First, pack: Pack) -> None:
    before, manifests = first
    after = successor(first, pack, {})
    build(after, {}, manifests)
    copied = byte_code(after)
    assert any("/toy." in path for path in copied)
    assert copied == byte_code(before)
    # Whoever may write there would compile again what is not valid.
    subprocess.run([after.venv_python, "-c", "import server, toy"], check=True)
    assert byte_code(after) == copied


@pytest.mark.parametrize("lock", ["requirements.txt", "uv.lock"])
def test_packaged_project_in_a_copied_environment_is_the_new_one(
    first: First, pack: Pack, tmp_path: Path, lock: str
) -> None:
    files = {"pyproject.toml": PROJECT, "backend.py": BACKEND}
    if lock == "uv.lock":
        project = tmp_path / "project"
        project.mkdir()
        (project / "pyproject.toml").write_text(PROJECT)
        command = [UV, "lock", "--quiet", "--offline", "--cache-dir", first[0].cache]
        subprocess.run(command, cwd=project, check=True)
        files["uv.lock"] = (project / "uv.lock").read_text()
    # Not at the top, where the import would find it without an installation.
    code = f"NUMBER = %d\n{APPLICATION}"
    fields: dict[str, Any] = {
        "module": "shop:app",
        "installation": Installation(lock, package=True),
    }
    one = successor(first, pack, {**files, "lib/shop.py": code % 1}, **fields)
    manifest = build(one, {})
    assert (manifest["installation"]["file"], manifest["environment_from"]) == (lock, "")
    without_packages(first[0])
    path = one.path.replace("1.1-abcdef02", "1.2-abcdef03")
    # As two releases are: byte code is valid by the second and the size of its source.
    time.sleep(1)
    two = successor(first, pack, {**files, "lib/shop.py": code % 2}, path=path, **fields)
    assert build(two, {}, {manifest["id"]: manifest})["environment_from"] == manifest["id"]
    for recipe, number in ((one, "1"), (two, "2")):
        ask = [recipe.venv_python, "-c", "import shop; print(shop.NUMBER)"]
        assert subprocess.check_output(ask, text=True).strip() == number


def test_changed_lock_does_not_reuse_an_environment(first: First, pack: Pack, wheels: Path) -> None:
    lock = {"requirements.txt": hashed(wheels / "toy-2.0-py3-none-any.whl")}
    after = successor(first, pack, lock)
    manifest = build(after, {}, first[1])
    assert manifest["environment_from"] == ""
    assert manifest["environment"] not in ("", first[1]["1.0-abcdef01"]["environment"])
    assert installed(after) == {"toy": "2.0", "server": "1.0"}


def test_changed_ingredient_does_not_reuse_an_environment(first: First, pack: Pack) -> None:
    after = successor(first, pack, {}, server_packages=[])
    assert build(after, {}, first[1])["environment_from"] == ""
    assert installed(after) == {"toy": "1.0"}


def test_file_that_is_no_lock_does_not_reuse_an_environment(first: First, pack: Pack) -> None:
    wanted = {"requirements.txt": "toy<2\n"}
    one = successor(first, pack, wanted)
    manifest = build(one, {}, first[1])
    assert (manifest["environment"], manifest["environment_from"]) == ("", "")
    two = replace(one, path=one.path.replace("1.1-abcdef02", "1.2-abcdef03"))
    assert build(two, {}, {manifest["id"]: manifest})["environment_from"] == ""
    assert installed(two) == {"toy": "1.0", "server": "1.0"}


def test_environment_that_cannot_be_copied_is_refused(first: First, pack: Pack) -> None:
    before, manifests = first
    after = successor(first, pack, {})
    shutil.rmtree(before.path)
    with pytest.raises(BuildError) as error:
        build(after, {}, manifests)
    assert str(error.value).startswith(
        "the virtual environment of 1.0-abcdef01 cannot be copied; nothing live changed:\n"
    )
    assert not os.path.lexists(after.path)


def test_tail_shows_the_last_lines() -> None:
    text = "\n".join(str(number) for number in range(40)) + "\n\n"
    assert tail(text).splitlines() == [f"  {number}" for number in range(10, 40)]


# Hashes


def lock(*wheels: Path) -> str:
    """Return a lock with hashes of some wheels."""
    return "".join(hashed(path) for path in wheels)


@pytest.fixture
def server(tmp_path: Path) -> dict[str, Any]:
    """Fields of a recipe with a server package that needs another one, and a lock of both."""
    folder = tmp_path / "wheels"
    needed = wheel(folder, "needed", "1.0")
    wheel(folder, "needed", "2.0")
    return {
        "find_links": str(folder),
        "server_packages": ["server==1.0"],
        "server_lock": lock(wheel(folder, "server", "1.0", requires="needed"), needed),
    }


def toy(folder: str, requires: str = "") -> dict[str, str]:
    """Return an application with a hashed requirement."""
    path = wheel(Path(folder), "toy", "1.0", requires=requires)
    return {"main.py": f"import toy\n{APPLICATION}", "requirements.txt": hashed(path)}


def test_unlisted_dependency_of_a_hashed_lock_is_refused(
    pack: Pack, server: dict[str, Any]
) -> None:
    message = refused(pack(toy(server["find_links"], requires="needed"), **server))
    assert message.startswith("the dependencies cannot be installed from requirements.txt, which ")
    assert "no trusted hash was provided for: `needed`" in message


def test_server_packages_and_what_they_need_come_from_their_lock(
    pack: Pack, server: dict[str, Any]
) -> None:
    recipe = pack(toy(server["find_links"]), **server, require_hashes=True)
    assert build(recipe, {})["hashes"] == "enforced"
    assert installed(recipe) == {"toy": "1.0", "server": "1.0", "needed": "1.0"}
    assert sorted(path.name for path in Path(recipe.path).iterdir()) == [
        ".venv",
        "manifest.json",
        "src",
    ]


@pytest.mark.parametrize("origin", ["index", "file"])
def test_server_lock_leaves_the_applications_own_versions(
    pack: Pack, server: dict[str, Any], tmp_path: Path, origin: str
) -> None:
    if origin == "index":
        wheel(Path(server["find_links"]), "needed", "1.5")
        line = "needed==1.5"
    else:
        line = str(wheel(tmp_path, "needed", "1.5"))
    files = {"main.py": APPLICATION, "requirements.txt": f"{line}\n"}
    recipe = pack(files, **server)
    assert build(recipe, {})["hashes"] == "none"
    assert installed(recipe) == {"server": "1.0", "needed": "1.5"}


def test_server_package_with_other_bytes_is_refused(pack: Pack, server: dict[str, Any]) -> None:
    wheel(Path(server["find_links"]), "needed", "1.0", code="FOREIGN = True\n")
    message = refused(pack(toy(server["find_links"]), **server))
    assert message.startswith("the server packages cannot be installed with their hashes; ")
    assert "Hash mismatch for `needed==1.0`" in message


def test_server_packages_that_do_not_fit_are_refused(pack: Pack, server: dict[str, Any]) -> None:
    folder = Path(server["find_links"])
    server["server_lock"] = lock(wheel(folder, "server", "1.0", requires="needed>=2"))
    files = {"main.py": APPLICATION, "requirements.txt": "needed==1.0\n"}
    message = refused(pack(files, **server))
    assert message.startswith(
        "server==1.0 (python_release_server_packages) cannot be added to the versions that the "
        "application brings; nothing live changed:\n"
    )
    assert "needed==1.0" in message


def test_need_of_a_server_package_that_its_lock_lacks_is_refused(
    pack: Pack, server: dict[str, Any]
) -> None:
    server["server_lock"] = server["server_lock"].partition("needed==")[0]
    message = refused(pack(toy(server["find_links"]), **server))
    assert message.startswith("python_release_server_lock has no needed, which the server packages")


def test_server_packages_that_the_lock_lacks_are_resolved_unless_hashes_are_required(
    pack: Pack, server: dict[str, Any]
) -> None:
    server["server_lock"] = ""
    recipe = pack(toy(server["find_links"]), **server)
    assert build(recipe, {})["hashes"] == "application"
    assert installed(recipe) == {"toy": "1.0", "server": "1.0", "needed": "2.0"}
    message = refused(replace(recipe, require_hashes=True))
    assert message.startswith(
        "python_release_require_hashes is true; python_release_server_lock has no server==1.0"
    )


def test_application_without_hashes_is_refused_if_they_are_required(pack: Pack) -> None:
    files = {"main.py": APPLICATION, "requirements.txt": "toy==1.0\n"}
    message = refused(pack(files, require_hashes=True))
    assert message.startswith("python_release_require_hashes is true; expected a lock ")
    assert "but requirements.txt does not" in message


@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
def test_project_is_built_by_hashed_requirements_alone(
    pack: Pack, server: dict[str, Any], reused: bool
) -> None:
    # The build back end is in the source; what the mirror has of its helper is not.
    helper = wheel(Path(server["find_links"]), "helper", "1.0")
    wheel(
        Path(server["find_links"]), "helper", "2.0", code="raise SystemExit('foreign code ran')\n"
    )
    files = {
        **toy(server["find_links"]),
        "pyproject.toml": PROJECT.replace("requires = []", 'requires = ["helper"]'),
        "backend.py": f"import helper\n{BACKEND}",
        "lib/shop.py": APPLICATION,
    }
    told = Installation("requirements.txt", package=True)
    fields = {**server, "module": "shop:app", "build_lock": lock(helper), "installation": told}
    recipe = pack(files, **fields)
    manifest = build(recipe, {})
    if reused:
        recipe = replace(recipe, path=recipe.path.replace("1.0-", "1.1-"))
        after = build(recipe, {}, {manifest["id"]: manifest})
        assert (after["environment_from"], after["hashes"]) == (manifest["id"], "enforced")
    message = refused(replace(recipe, path=recipe.path.replace("1.", "2."), build_lock=""))
    assert message.startswith("the project cannot be built with hashes, which requirements.txt has")
    assert "no trusted hash was provided for: `helper`" in " ".join(message.split())


@pytest.mark.parametrize("lock_of", ["server_lock", "build_lock"])
def test_environment_of_another_lock_is_not_reused(
    pack: Pack, server: dict[str, Any], lock_of: str
) -> None:
    recipe = pack(toy(server["find_links"]), **server)
    manifest = build(recipe, {})
    changed: dict[str, Any] = {lock_of: f"{getattr(recipe, lock_of)}# newer\n"}
    after = replace(recipe, path=recipe.path.replace("1.0-", "1.1-"), **changed)
    assert build(after, {}, {manifest["id"]: manifest})["environment_from"] == ""
