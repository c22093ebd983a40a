"""No network at all: another host builds, once; the host has neither index nor compiler."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from closed import cut
from odd import Odd

BUILDER = "odd-hard"
#: A package that has a module in C, and one that exists as a source alone.
PROJECT = {
    "setup.py": (
        "from setuptools import Extension, setup\n"
        "setup(name='closed', version='1.0', py_modules=['main'],\n"
        "      ext_modules=[Extension('fast', ['fast.c'])])\n"
    ),
    "pyproject.toml": (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    ),
    "fast.c": (
        "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n"
        "static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }\n"
        'static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};\n'
        'static struct PyModuleDef fast = {PyModuleDef_HEAD_INIT, "fast", "", -1, methods};\n'
        "PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&fast); }\n"
    ),
    "requirements.txt": (
        "docopt==0.6.2 \\\n"
        "    --hash=sha256:49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491\n"
    ),
}
MAIN = """\
import docopt, fast

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = f"%s {fast.answer()} {docopt.__version__}".encode()
    await send({"type": "http.response.body", "body": body})
"""
ASK = "curl --silent --show-error --unix-socket /var/lib/closed/live.sock http://localhost/healthz"


def source(folder: Path, version: str) -> dict[str, Any]:
    path = folder / version
    path.mkdir()
    for name, text in {**PROJECT, "main.py": MAIN % version}.items():
        (path / name).write_text(text, encoding="utf-8")
    return {"type": "path", "path": str(path)}


def manifest(shut: Odd) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        shut.shell("cat $(ls -td /opt/closed/releases/*/manifest.json | head -1)")
    )
    return answer


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "app_name": "closed",
        "app_domain": "closed.example.com",
        "app_package": True,
        "python_release_install_from": "wheelhouse",
        "python_release_builders": [BUILDER],
        "python_release_builder_packages": ["gcc", "libc6-dev", "libpython3-dev"],
        # Nothing of an earlier session is used.
        "python_release_controller_cache": str(tmp_path / "cache"),
        "python_release_require_hashes": True,
    }


def test_host_without_a_way_out_gets_what_another_builds(
    shut: Odd, settings: dict[str, Any], tmp_path: Path
) -> None:
    with cut(shut):
        assert shut.shell("timeout 3 bash -c '</dev/tcp/1.1.1.1/443' 2>&1; echo $?")[-1] != "0"
        # uv of another test's release: here it comes along.
        shut.shell("rm -rf /opt/uv/[0-9]*")
        assert shut.shell("command -v gcc; true") == ""
        first = shut.succeed("release", app_source=source(tmp_path, "first"), **settings)
        assert "docopt" not in first
        assert shut.shell(ASK) == "first 42 0.6.2"
        told = manifest(shut)
        assert told["installed_from"].startswith("wheelhouse ")
        assert told["installed_from"].endswith(f"built on {BUILDER}")
        assert told["hashes"] == "enforced"
        second = {**settings, "app_source": source(tmp_path, "second")}
        shut.succeed("release", **second)
        assert shut.shell(ASK) == "second 42 0.6.2"
        # Nobody is asked for what is there: neither the builder nor, of wheels, the host.
        assert shut.round_trips("release", **second) <= 4
        assert shut.shell("timeout 3 bash -c '</dev/tcp/1.1.1.1/443' 2>&1; echo $?")[-1] != "0"
    builder = Odd.alone(tmp_path, BUILDER)
    assert builder.shell("ls -A /opt/closed/wheelhouses") == ""
