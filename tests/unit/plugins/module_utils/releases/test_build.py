"""Releases built by the real uv, without a network, and what is left when a step fails: nothing."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.host import confined
from ansible_collections.asgi.fleet.plugins.module_utils.host.confined import Confinement
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.locks import DEPENDENCY_FILES
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import Sandbox
from ansible_collections.asgi.fleet.plugins.module_utils.releases import build as release
from ansible_collections.asgi.fleet.plugins.module_utils.releases import (
    dependencies,
    workshop,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.build import build, read_manifest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.dependencies import (
    dependency_file,
    read_texts,
)
from ansible_collections.asgi.fleet.plugins.module_utils.releases.installed import normal
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import (
    BuildError,
    Recipe,
    tail,
)

UV = str(Path(sys.executable).with_name("uv"))
AS_USER = {"user", "group", "extra_groups"}
APPLICATION = "async def app(scope, receive, send): ...\n"
PACKAGE = '[project]\nname = "shop"\n[build-system]\nrequires = []\n'


pytestmark = pytest.mark.usefixtures("confinements")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    if os.geteuid() != 0:
        # Only root may run something as a user, even as itself.
        class Unprivileged(subprocess.Popen[str]):
            def __init__(self, command: list[str], **options: Any) -> None:  # noqa: ANN401
                kept = {name: options[name] for name in options.keys() - AS_USER}
                super().__init__(command, **kept)

        monkeypatch.setattr(subprocess, "Popen", Unprivileged)
    return Recipe(
        path=str(tmp_path / "releases" / "1.0-abcdef01"),
        kind="tree",
        uv=UV,
        module="main:app",
        user=pwd.getpwuid(os.getuid()).pw_name,
        builder=pwd.getpwuid(os.getuid()).pw_name,
        uv_environment={"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"},
        cache=str(tmp_path / "uv"),
        caches=str(tmp_path / "caches"),
        pythons=str(tmp_path / "pythons"),
    )


@pytest.fixture
def pack(recipe: Recipe, tmp_path: Path) -> Callable[..., Recipe]:
    """Return the recipe with an archive of the given files, and other fields changed."""

    def run(files: dict[str, str | bytes], **changed: Any) -> Recipe:  # noqa: ANN401
        source = tmp_path / "source"
        for name, text in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        archive = tmp_path / "source.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for name in files:
                tar.add(source / name, name)
        return replace(recipe, archive=str(archive), **changed)

    return run


Pack = Callable[..., Recipe]


def wheel(
    folder: Path, name: str, version: str, requires: str = "", code: str = "", script: str = ""
) -> Path:
    """Make a wheel of one module; `script` is an entry point, such as `toy = toy:main`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return path


def installed(recipe: Recipe) -> dict[str, str]:
    """Return the distributions of the release's venv, with their versions."""
    command = [UV, "pip", "list", "--format=json", "--python", recipe.venv_python]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return {found["name"]: found["version"] for found in json.loads(output)}


def refused(recipe: Recipe) -> str:
    """Return why the release cannot be built; nothing of it may be left."""
    with pytest.raises(BuildError) as error:
        build(recipe, {})
    assert not os.path.lexists(recipe.path)
    return str(error.value)


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
        "dependencies": "requirements.txt",
        "lock_sha256": hashlib.sha256(b"").hexdigest(),
        "hashes": "none",
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
    monkeypatch.setattr(workshop, "TRUST_STORE", str(authorities))
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
    assert build(recipe, {})["dependencies"] == "requirements.txt"
    assert installed(recipe) == {"toy": "1.0"}


def test_build_of_a_wheel_installs_it(recipe: Recipe, tmp_path: Path) -> None:
    path = wheel(tmp_path, "shop", "1.4.2", code=APPLICATION)
    made = replace(recipe, kind="wheel", archive=str(path), module="shop:app")
    assert build(made, {})["dependencies"] == ""
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
        ("main:create()", "def create():\n    raise SystemExit(9)\n"),
        ("web.asgi:holder.app", f"class holder:\n    {APPLICATION}"),
    ],
    ids=["callable", "factory", "attribute of an attribute"],
)
def test_build_imports_the_application_and_does_not_call_it(
    pack: Pack, module: str, code: str
) -> None:
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
    assert "the release was not kept, and nothing live changed:\n" in message
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
    assert message.startswith("the dependencies cannot be installed; nothing live changed:\n")
    assert "no-such-package" in message


def test_missing_interpreter_is_refused_with_the_ways_out(pack: Pack) -> None:
    message = refused(pack({"main.py": APPLICATION}, python="3.99"))
    assert message.startswith("python_release_python is 3.99; this host has 3.")
    assert "install python3.99 on the host, set python_release_python_mirror" in message
    assert ", or choose another python_release_python:\n" in message


def test_refusals_name_the_variables_that_the_caller_speaks_of(pack: Pack) -> None:
    message = refused(pack({"main.py": "app = 1\n"}, prefix="app_"))
    assert message.startswith("app_module is main:app; importing it failed (exit status 1); ")
    message = refused(pack({"main.py": APPLICATION}, prefix="app_", python="3.99"))
    assert message.startswith("app_python is 3.99; this host has 3.")
    assert ", or choose another app_python:\n" in message


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


@pytest.mark.parametrize(
    ("present", "used"),
    [
        (DEPENDENCY_FILES, "uv.lock"),
        (("pylock.toml", "requirements.txt", "pyproject.toml"), "pylock.toml"),
        (("requirements.txt", "pyproject.toml"), "requirements.txt"),
        (("pyproject.toml",), "pyproject.toml"),
        (("requirements-dev.txt",), ""),
    ],
)
def test_dependency_file_is_the_most_exact_one(
    recipe: Recipe, source: Path, present: tuple[str, ...], used: str
) -> None:
    for name in present:
        (source / name).touch()
    assert dependency_file(replace(recipe, texts=read_texts(recipe))) == used


@pytest.mark.parametrize("wanted", DEPENDENCY_FILES)
def test_dependency_file_can_be_chosen(recipe: Recipe, source: Path, wanted: str) -> None:
    for name in DEPENDENCY_FILES:
        (source / name).touch()
    assert dependency_file(replace(recipe, dependencies=wanted, texts=read_texts(recipe))) == wanted


@pytest.mark.parametrize(
    ("present", "told"),
    [
        (["pyproject.toml", "requirements.txt"], "requirements.txt, pyproject.toml"),
        ([], "none of uv.lock, pylock.toml, requirements.txt, pyproject.toml"),
    ],
)
def test_dependency_file_that_is_not_there_is_refused(
    recipe: Recipe, source: Path, present: list[str], told: str
) -> None:
    for name in present:
        (source / name).touch()
    with pytest.raises(BuildError) as error:
        dependency_file(replace(recipe, dependencies="uv.lock", texts=read_texts(recipe)))
    assert str(error.value) == (
        f"python_release_dependencies is uv.lock; the source has {told}; use auto or add the file"
    )


@pytest.fixture
def recorded(recipe: Recipe, source: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Run a step of the build with a uv that only notes its calls, and where it finds packages."""
    uv = tmp_path / "uv-recorder"
    uv.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        f'echo "$UV_INDEX|$UV_FIND_LINKS" >> {tmp_path}/places\n'
        f"cp {recipe.path}.constraints.txt {tmp_path}/constraints.txt 2>/dev/null || true\n"
    )
    uv.chmod(0o755)

    def run(step: Callable[[Recipe], object], **changed: Any) -> list[str]:  # noqa: ANN401
        changed = {"texts": read_texts(recipe), **changed}
        step(replace(recipe, uv=str(uv), **changed))
        calls = tmp_path / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        pip = f" --python {recipe.venv_python}"
        build = f" --build-constraints {recipe.path}.build-constraints.txt"
        return [
            line.replace(pip, "").replace(str(source), "SRC").replace(BUILD + build, " BUILD")
            for line in lines
        ]

    return run


Recorded = Callable[..., list[str]]
#: What uv is told where hashes are in force.
BUILD = " --require-build-hashes --preview-features build-dependency-hashes"


def install(recipe: Recipe, reused: bool = False) -> None:
    """Install what the source names, as a build without an earlier environment does."""
    used = dependency_file(recipe)
    if not reused:
        dependencies.install_dependencies(recipe, used)
    if dependencies.is_installed_apart(recipe, used, reused=reused):
        dependencies.install_project(recipe, used)


@pytest.mark.parametrize(
    ("files", "calls"),
    [
        (
            {"uv.lock": ""},
            [
                "sync --locked --no-dev --no-editable --compile-bytecode --no-install-project"
                f" --project SRC{BUILD}"
            ],
        ),
        (
            {"pylock.toml": ""},
            [
                "pip install --compile-bytecode --requirements SRC/pylock.toml"
                " --require-hashes BUILD"
            ],
        ),
        (
            {"requirements.txt": "", "pyproject.toml": "[project]\n"},
            ["pip install --compile-bytecode --requirements SRC/requirements.txt"],
        ),
        (
            {"requirements.txt": "", "pyproject.toml": PACKAGE},
            [
                "pip install --compile-bytecode --requirements SRC/requirements.txt",
                "pip install --compile-bytecode --no-deps --reinstall SRC",
            ],
        ),
        (
            {"pyproject.toml": "[project]\n"},
            ["pip install --compile-bytecode --requirements SRC/pyproject.toml"],
        ),
        ({"pyproject.toml": PACKAGE}, ["pip install --compile-bytecode SRC"]),
        ({}, []),
    ],
    ids=[
        "uv.lock",
        "pylock.toml",
        "requirements of a folder",
        "requirements of a package",
        "pyproject of a folder",
        "pyproject of a package",
        "none",
    ],
)
def test_dependencies_are_installed_by(
    recorded: Recorded, source: Path, files: dict[str, str], calls: list[str]
) -> None:
    for name, text in files.items():
        (source / name).write_text(text)
    assert recorded(install) == calls


EDITABLE = '[[package]]\nname = "shop"\nsource = { editable = "." }\n'
VIRTUAL = '[[package]]\nname = "shop"\nsource = { virtual = "." }\n'


@pytest.mark.parametrize(
    ("files", "installed"),
    [
        ({"uv.lock": EDITABLE, "pyproject.toml": PACKAGE}, True),
        # `package = true` without a build system, and `package = false` with one: the lock decides.
        ({"uv.lock": EDITABLE, "pyproject.toml": "[project]\n"}, True),
        ({"uv.lock": VIRTUAL, "pyproject.toml": PACKAGE}, False),
        ({"uv.lock": VIRTUAL, "pyproject.toml": "[project]\n"}, False),
        ({"pylock.toml": "", "pyproject.toml": PACKAGE}, True),
        ({"requirements.txt": "", "pyproject.toml": PACKAGE}, True),
        ({"requirements.txt": ""}, False),
    ],
    ids=[
        "uv.lock",
        "uv.lock without a build system",
        "uv.lock of no package",
        "uv.lock of a folder",
        "pylock.toml",
        "requirements",
        "no project",
    ],
)
def test_reused_environment_gets_the_project_alone(
    recorded: Recorded, source: Path, files: dict[str, str], installed: bool
) -> None:
    for name, text in files.items():
        (source / name).write_text(text)
    hashed = "" if "requirements.txt" in files else " BUILD"
    project = [f"pip install --compile-bytecode --no-deps --reinstall SRC{hashed}"]
    assert recorded(partial(install, reused=True)) == (project if installed else [])


def test_dependencies_come_from_the_given_places_which_no_argument_shows(
    recorded: Recorded, source: Path, tmp_path: Path
) -> None:
    (source / "requirements.txt").touch()
    places = {"index": "https://u:p@pypi.example.com/simple", "find_links": "/srv/wheels"}
    more = {"UV_INDEX": "other=https://b.example.com/simple"}
    calls = recorded(install, **places, uv_environment=more)
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
    recorded(install, index=index)
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


SERVER = ("gunicorn==27.0.1", "uvicorn[standard]==0.54.0", "uvicorn-worker==0.4.0")


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ({}, "gunicorn==27.0.1 uvicorn[standard]==0.54.0 uvicorn-worker==0.4.0"),
        ({"fastapi": "0.1", "Gunicorn": "21.2"}, "uvicorn[standard]==0.54.0 uvicorn-worker==0.4.0"),
        ({"uvicorn_worker": "0.3", "uvicorn": "0.30"}, "gunicorn==27.0.1"),
        ({"gunicorn": "1", "uvicorn": "1", "uvicorn_worker": "1"}, None),
    ],
    ids=["none", "gunicorn", "uvicorn and worker", "all"],
)
def test_server_packages_are_added_unless_the_application_brings_them(
    recorded: Recorded, recipe: Recipe, tmp_path: Path, own: dict[str, str], added: str | None
) -> None:
    packages = Path(recipe.inside(".venv", "lib", "python3.13", "site-packages"))
    for name, version in own.items():
        (packages / f"{name}-{version}.dist-info").mkdir(parents=True)
    calls = recorded(dependencies.add_server_packages, server_packages=SERVER)
    constraints = f"{recipe.path}.constraints.txt"
    assert calls == (
        [f"pip install --compile-bytecode --constraints {constraints} {added}"] if added else []
    )
    assert not Path(constraints).exists()
    if added:
        pinned = sorted((tmp_path / "constraints.txt").read_text().lower().split())
        assert pinned == sorted(f"{normal(name)}=={version}" for name, version in own.items())


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
    one = successor(first, pack, {**files, "lib/shop.py": code % 1}, module="shop:app")
    manifest = build(one, {})
    assert (manifest["dependencies"], manifest["environment_from"]) == (lock, "")
    without_packages(first[0])
    path = one.path.replace("1.1-abcdef02", "1.2-abcdef03")
    # As two releases are: byte code is valid by the second and the size of its source.
    time.sleep(1)
    two = successor(first, pack, {**files, "lib/shop.py": code % 2}, module="shop:app", path=path)
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


# Manifests


def test_manifest_counts_while_its_interpreter_is_there(recipe: Recipe) -> None:
    assert read_manifest(recipe.path) is None
    python = Path(recipe.venv_python)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    assert read_manifest(recipe.path) is None
    manifest = Path(recipe.inside("manifest.json"))
    manifest.write_text('{"id"')
    assert read_manifest(recipe.path) is None
    manifest.write_text('{"id": "1.0"}')
    assert read_manifest(recipe.path) == {"id": "1.0"}
    python.unlink()
    python.symlink_to("/no/longer/python3")
    assert read_manifest(recipe.path) is None


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
    assert message.startswith("python_release_require_hashes is true; expected a uv.lock, ")
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
    fields = {**server, "module": "shop:app", "build_lock": lock(helper)}
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
