"""What the import on the host says of a callable that its text did not tell."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases import import_probe
from ansible_collections.asgi.fleet.plugins.module_utils.releases.programs import text_of

ASGI = "async def app(scope, receive, send): ...\n"
OBJECT = "class A:\n    async def __call__(self, scope, receive, send): ...\n"
FACTORY = f"{OBJECT}def create_app(name='x', *, size=1):\n    return A()\n"
WSGI = "class W:\n    def __call__(self, environ, start_response): ...\n"


def probed(folder: Path, target: str, text: str) -> tuple[int, str]:
    (folder / "main.py").write_text(text)
    result = subprocess.run(
        [sys.executable, "-B", "-c", text_of(import_probe), target],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("main:app", ASGI),
        ("main:app", f"{OBJECT}app = A()\n"),
        ("main:app", "class A:\n    def __call__(self, *args): ...\napp = A()\n"),
        ("main:app", "import functools\n" + ASGI + "app = functools.partial(app)\n"),
        ("main:create_app()", FACTORY),
        ("main:create_app('y', size=[2])", FACTORY),
        ("main:app", f"import sys\nassert sys.argv == ['-c'], sys.argv\n{ASGI}"),
        ("main:app", f"import os\nassert __file__ == os.path.abspath('main.py')\n{ASGI}"),
    ],
)
def test_application_is_accepted(tmp_path: Path, target: str, text: str) -> None:
    assert probed(tmp_path, target, text) == (0, "")


@pytest.mark.parametrize(
    ("target", "text", "told"),
    [
        (
            "main:application",
            f"{FACTORY}app = A()\n",
            "main has no application; nearest: main:app, main:create_app()",
        ),
        ("main:create_app", FACTORY, "it is a factory: write main:create_app()"),
        ("main:app", "app = 1\n", "it is of the type builtins.int, which cannot be called"),
        ("main:app()", "app = 1\n", "app is of the type builtins.int, which cannot be called"),
        ("main:app", f"{WSGI}app = W()\n", "it is a WSGI application (of the type main.W), and"),
        ("main:make()", f"{WSGI}def make(): return W()\n", "what it gives is a WSGI application"),
        ("main:A", OBJECT, "it is the class A: name an instance of it"),
        ("main:os", "import os\n", "it is the module os, which cannot be called"),
        ("main:make", "async def make(): ...\n", "is an async function without"),
        ("main:make()", "async def make(): ...\n", "is an async function, which"),
        ("main:app", "def app(scope): ...\n", "it is an application of ASGI 2"),
        ("main:make()", "def make(): ...\n", "what it gives is of the type builtins.NoneType"),
        ("main:make", "def make(a, b, c, d): ...\n", "does not take (scope, receive, send)"),
        ("other:app", ASGI, "there is no module other"),
        ("main.web:app", ASGI, "there is no module main.web"),
    ],
)
def test_what_is_no_application_is_told_with_what_to_write(
    tmp_path: Path, target: str, text: str, told: str
) -> None:
    status, said = probed(tmp_path, target, text)
    assert status == 3
    assert said.splitlines()[-1].startswith(f"{import_probe.MARK}")
    assert told in said.splitlines()[-1]


def test_module_that_is_below_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "src" / "shop").mkdir(parents=True)
    _status, said = probed(tmp_path, "shop.main:app", ASGI)
    assert "there is no module shop: it is in src, where Python does not look for it" in said
    assert "PYTHONPATH: src in app_env" in said


def test_missing_dependency_is_left_to_python(tmp_path: Path) -> None:
    status, said = probed(tmp_path, "main:app", "import no_such\n")
    assert status == 1
    assert "ModuleNotFoundError: No module named 'no_such'" in said


def test_thread_of_the_application_does_not_hold_the_import(tmp_path: Path) -> None:
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=[60]).start()\n"
    began = time.monotonic()
    assert probed(tmp_path, "main:app", thread + ASGI) == (0, "")
    assert time.monotonic() - began < 15


def test_traceback_begins_where_the_application_does(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text("import nowhere\n")
    status, said = probed(tmp_path, "main:app", f"import inner\n{ASGI}")
    assert status == 1
    lines = said.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('main.py", line 1, in <module>')
    assert any(line.endswith('inner.py", line 1, in <module>') for line in lines)
    assert lines[-1] == "ModuleNotFoundError: No module named 'nowhere'"
    assert "<string>" not in said


def test_syntax_error_keeps_its_place(tmp_path: Path) -> None:
    status, said = probed(tmp_path, "main:app", "app = (\n")
    assert status == 1
    assert "main.py" in said
    assert "SyntaxError" in said
