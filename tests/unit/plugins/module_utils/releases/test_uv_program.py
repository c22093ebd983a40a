"""uv is put there in one step, from a wheel that the lock names, and nothing else is."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.recipe import BuildError
from ansible_collections.asgi.fleet.plugins.module_utils.releases.uv_program import (
    Program,
    install,
)

SAYS_ITS_VERSION = "#!/bin/sh\necho uv 1.2.3\n"
NAME = "uv-1.2.3-py3-none-linux.whl"


def make_wheel(folder: Path, program: str = SAYS_ITS_VERSION, name: str = NAME) -> str:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("uv/__init__.py", "")
        if program:
            archive.writestr("uv-1.2.3.data/scripts/uv", program)
    return str(folder / name)


def lock(wheel: str) -> str:
    digest = hashlib.sha256(Path(wheel).read_bytes()).hexdigest()
    return f"uv==1.2.3 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}\n"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    wheel = make_wheel(tmp_path / "given")
    return Program(
        folder=str(tmp_path / "opt" / "uv" / "1.2.3"),
        version="1.2.3",
        requirements=lock(wheel),
        wheel=wheel,
        root=str(tmp_path),
    )


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_program_of_the_wheel_is_all_there_is_and_everybody_may_run_it(
    program: Program, umask: int
) -> None:
    before = os.umask(umask)
    try:
        install(program)
    finally:
        os.umask(before)
    top = Path(program.folder)
    assert sorted(path.relative_to(top).as_posix() for path in top.rglob("*")) == ["bin", "bin/uv"]
    assert Path(program.path).read_text() == SAYS_ITS_VERSION
    for path in (top.parent, top, top / "bin", top / "bin" / "uv"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755, path
    assert [path.name for path in top.parent.iterdir()] == ["1.2.3"]


def test_what_an_interrupted_installation_left_is_replaced(program: Program) -> None:
    left = Path(program.folder, "lib")
    left.mkdir(parents=True)
    install(program)
    assert program.is_there
    assert not left.exists()


def test_program_that_is_there_stays(program: Program) -> None:
    install(program)
    number = Path(program.path).stat().st_ino
    install(replace(program, wheel="/nowhere"))
    assert Path(program.path).stat().st_ino == number


def refused(program: Program) -> str:
    with pytest.raises(BuildError) as error:
        install(program)
    assert not Path(program.folder).exists()
    assert list(Path(program.folder).parent.iterdir()) == []
    return str(error.value)


def test_wheel_with_another_content_is_refused(program: Program) -> None:
    with Path(program.wheel).open("ab") as file:
        file.write(b"more")
    told = refused(program)
    assert "with the SHA-256 " in told
    assert told.endswith("it is damaged: get it again")


def test_wheel_of_another_version_is_refused(program: Program) -> None:
    told = refused(replace(program, version="1.2.4"))
    assert f"is {program.wheel}; expected a wheel of uv 1.2.4" in told


def test_missing_wheel_is_refused(program: Program) -> None:
    Path(program.wheel).unlink()
    assert "cannot be read (No such file or directory)" in refused(program)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no program uv"),
        ("#!/nowhere/ld.so\n", "does not run on this host, "),
        ("#!/bin/sh\necho GLIBC_9.9 not found >&2\nexit 1\n", "GLIBC_9.9 not found"),
    ],
)
def test_wheel_of_another_platform_is_refused(
    program: Program, tmp_path: Path, text: str, told: str
) -> None:
    wheel = make_wheel(tmp_path / "other", text)
    assert told in refused(replace(program, wheel=wheel, requirements=lock(wheel)))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Let pip bring the wheel, and note what is called."""
    made: list[tuple[list[str], dict[str, str]]] = []
    real = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        if "--version" in command:
            return real(command, **options)
        made.append((command, options["env"]))
        if "pip" in command:
            folder = Path(command[command.index("--dest") + 1])
            make_wheel(folder)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return made


def test_pip_is_told_in_its_environment_alone(
    program: Program, calls: list[tuple[list[str], dict[str, str]]]
) -> None:
    given = {
        "UV_DEFAULT_INDEX": "corp=https://mirror.example.com/simple",
        "UV_INDEX_CORP_USERNAME": "ci",
        "UV_INDEX_CORP_PASSWORD": "s3cret",
        "HTTPS_PROXY": "http://op:t0ken@proxy.example.com:3128",
    }
    install(replace(program, wheel="", environment=given))
    assert program.is_there
    (venv, _environment), (pip, environment) = calls
    assert venv[:3] == ["/usr/bin/python3", "-m", "venv"]
    assert not [one for one in [*venv, *pip] if "s3cret" in one or "t0ken" in one]
    assert environment["PIP_INDEX_URL"] == "https://ci:s3cret@mirror.example.com/simple"
    assert environment["https_proxy"] == given["HTTPS_PROXY"]
    assert environment["HOME"] == "/", "no .netrc of whoever logs in"
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps", "--no-input"} <= set(pip)


def failing(monkeypatch: pytest.MonkeyPatch, told: str, at: str) -> None:
    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, int(at in command), "", told)

    monkeypatch.setattr(subprocess, "run", run)


def test_failure_of_pip_has_no_credentials_and_names_the_variable(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://ci:s3cret@mirror.example.com/simple"
    failing(monkeypatch, f"ERROR: 401 Client Error: Unauthorized for url: {url}/uv/", "pip")
    told = refused(replace(program, wheel="", environment={"UV_DEFAULT_INDEX": url}))
    assert told.startswith("uv 1.2.3 cannot be brought to this host by pip; nothing was changed; ")
    assert "s3cret" not in told
    assert "python_release_uv_environment" in told


def test_host_without_venv_is_told_the_package(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "ensurepip is not available", "venv")
    told = refused(replace(program, wheel=""))
    assert "expected the package python3-venv" in told


def test_machine_that_uv_has_no_wheel_for_is_told(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "ERROR: No matching distribution found for uv==1.2.3", "pip")
    monkeypatch.setattr(platform, "machine", lambda: "mips64")
    told = refused(replace(program, wheel=""))
    assert "nothing was changed; uv has no wheel for mips64; expected one of x86_64, aarch" in told
    # On the others it is the index that has none.
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "uv has no wheel for" not in refused(replace(program, wheel=""))
