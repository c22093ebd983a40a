"""The callable of a source: found, completed, or refused with the nearest that are there."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.callable import (
    Resolved,
    applications,
    resolve,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
FACTORY = "from fastapi import FastAPI\ndef create_app(debug=False):\n    return FastAPI()\n"


def found(
    wanted: str, files: dict[str, str], *, package: bool = False, dependencies: str = "uv.lock"
) -> Resolved:
    return resolve(wanted, files, files.get, package=package, dependencies=dependencies)


def refusal(
    wanted: str, files: dict[str, str], *, package: bool = False, dependencies: str = "uv.lock"
) -> str:
    with pytest.raises(SourceError) as error:
        found(wanted, files, package=package, dependencies=dependencies)
    return str(error.value)


# What is not set


@pytest.mark.parametrize(
    ("files", "module", "place"),
    [
        ({"main.py": APP}, "main:app", "main.py"),
        ({"app.py": APP, "main.py": APP}, "main:app", "main.py"),
        ({"api.py": APP, "app/main.py": APP}, "api:app", "api.py"),
        ({"app/main.py": APP, "app/__init__.py": ""}, "app.main:app", "app/main.py"),
        ({"app/api.py": "api = FastAPI()\n"}, "app.api:api", "app/api.py"),
        # A script beside the application is none.
        ({"main.py": "print('hello')\n", "app/main.py": APP}, "app.main:app", "app/main.py"),
        ({"main.py": "other = 1\nweb = Starlette()\n"}, "main:web", "main.py"),
        ({"main.py": "web = FastAPI()\napp = FastAPI()\n"}, "main:app", "main.py"),
        ({"main.py": FACTORY}, "main:create_app()", "main.py"),
        ({"main.py": f"{FACTORY}app = create_app()\n"}, "main:app", "main.py"),
        ({"main.py": "app = make(1)\n"}, "main:app", "main.py"),
        ({"main.py": "app = typer.Typer()\n", "api.py": APP}, "api:app", "api.py"),
        ({"main.py": "from app.web import app\n", "app/web.py": APP}, "main:app", "main.py"),
        ({"main.py": "async def app(scope, receive, send): ...\n"}, "main:app", "main.py"),
    ],
)
def test_application_is_found_in_the_usual_files(
    files: dict[str, str], module: str, place: str
) -> None:
    said = f"serves {module}, which was found in {place}; app_module is not set"
    assert found("", files) == Resolved(module, (said,))


def test_entrypoint_of_the_project_counts_before_the_usual_files() -> None:
    files = {
        "pyproject.toml": '[tool.fastapi]\nentrypoint = "shop.web:api"\n',
        "main.py": APP,
        "shop/web.py": "api = FastAPI()\n",
    }
    assert found("", files) == Resolved(
        "shop.web:api",
        ("serves shop.web:api, as [tool.fastapi] entrypoint in pyproject.toml says",),
    )


@pytest.mark.parametrize(
    ("entrypoint", "told"),
    [
        ("shop.web", "is shop.web; expected package.module:attribute"),
        ("shop.web:ap", "is shop.web:ap; shop/web.py has no ap; nearest: shop.web:app"),
    ],
)
def test_wrong_entrypoint_of_the_project_is_refused_by_its_name(entrypoint: str, told: str) -> None:
    files = {
        "pyproject.toml": f'[tool.fastapi]\nentrypoint = "{entrypoint}"\n',
        "shop/web.py": APP,
    }
    message = refusal("", files)
    assert message.startswith(f"[tool.fastapi] entrypoint in pyproject.toml {told}")


def test_nothing_found_is_refused_with_what_was_looked_for_and_what_is_there() -> None:
    files = {"config/asgi.py": "application = get_asgi_application()\n", "tests/main.py": APP}
    assert refusal("", files) == (
        "app_module is not set, and no application was found in main.py, app.py, api.py, "
        "app/main.py, app/app.py, app/api.py; nearest: config.asgi:application; "
        "set app_module: config.asgi:application in group_vars/app.yml"
    )


def test_applications_are_listed_from_the_root_on_and_tests_are_left_out() -> None:
    files = {"src/shop/main.py": APP, "web.py": FACTORY, "tests/app.py": APP, "notes.txt": APP}
    assert applications(files, files.get) == ["web:create_app()", "shop.main:app"]
    assert applications((), lambda _path: None) == []


def test_package_needs_a_module() -> None:
    assert "app_module is empty; expected package.module:attribute" in refusal("", {})
    assert found("shop.main:app", {}) == Resolved("shop.main:app")


# What is set


@pytest.mark.parametrize(
    ("wanted", "files"),
    [
        ("shop.main:app", {"shop/main.py": APP}),
        ("shop.main:app", {"src/shop/main.py": APP}),
        ("shop:app", {"shop/__init__.py": "from .main import app\n", "shop/main.py": APP}),
        ("shop:app", {"shop/__init__.py": "from shop.main import *\n", "shop/main.py": APP}),
        ("shop:app", {"shop/__init__.py": "def __getattr__(name): ...\n"}),
        ("main:app", {"main.py": "if True:\n    app = wrap(FastAPI())\nelse:\n    app = None\n"}),
        ("main:app", {"main.py": "app = None\ndef set():\n    global app\n    app = 1\n"}),
        ("main:app", {"main.py": "globals().update(app=1)\n"}),
        ("main:app", {"main.py": "match 1:\n    case 1:\n        app = FastAPI()\n"}),
        ("main:app", {"main.py": "from somewhere import app\n"}),
        ("main:app", {"main.py": "this is newer Python than ours\n"}),
        ("main:app", {"main.py": "with x() as app: ...\n"}),
        ("main:create_app()", {"main.py": FACTORY}),
        ("main:create_app(debug=True)", {"main.py": FACTORY}),
        ("main:app", {"main.py": "def app(scope, receive, send):\n    return real(scope)\n"}),
        ("main:app", {"main.py": "@decorated\ndef app():\n    ...\n"}),
        # A dependency may bring it.
        ("kept.asgi:app", {"main.py": APP}),
        # Python finds these by other ways than ours.
        ("shop.main:app", {"backend/shop/main.py": APP}),
        ("shop.main:app", {"shop": "", "main.py": APP}),
        ("shop.fast:app", {"shop/__init__.py": "", "shop/fast.cpython-313-x86_64.so": ""}),
    ],
)
def test_callable_is_served_as_it_is_named(wanted: str, files: dict[str, str]) -> None:
    assert found(wanted, files) == Resolved(wanted)


@pytest.mark.parametrize("decorator", ["", "@lru_cache\n", "@functools.lru_cache(maxsize=1)\n"])
def test_factory_is_called_and_said(decorator: str) -> None:
    files = {"shop/main.py": FACTORY.replace("def ", f"{decorator}def ")}
    assert found("shop.main:create_app", files) == Resolved(
        "shop.main:create_app()",
        ("shop.main:create_app is a factory: shop.main:create_app() is served",),
    )


def test_factory_is_called_through_an_import() -> None:
    files = {"shop/__init__.py": "from .main import create_app as make\n", "shop/main.py": FACTORY}
    assert found("shop:make", files).module == "shop:make()"


@pytest.mark.parametrize(
    ("wanted", "files", "told"),
    [
        (
            "shop.main:ap",
            {"shop/main.py": APP},
            "app_module is shop.main:ap; shop/main.py has no ap; nearest: shop.main:app; "
            "set app_module: shop.main:app in group_vars/app.yml",
        ),
        (
            "shop.mian:app",
            {"shop/main.py": APP},
            "app_module is shop.mian:app; the source has no shop.mian; nearest: shop.main:app; "
            "set app_module: shop.main:app in group_vars/app.yml",
        ),
        (
            "shp.main:app",
            {"shop/main.py": APP},
            "app_module is shp.main:app; the source has no shp.main; nearest: shop.main:app",
        ),
        (
            "main:app",
            {"shop/main.py": FACTORY, "main.py": ""},
            "main.py has no app; nearest: shop.main:create_app(); set app_module: "
            "shop.main:create_app() in group_vars/app.yml",
        ),
        ("main:app", {"main.py": "app = 1\n"}, "it is 1, which cannot be called"),
        ("main:app", {"main.py": "import app\n"}, "it is a module"),
        ("shop:main", {"shop/__init__.py": "from . import main\n", "shop/main.py": APP}, "module"),
        ("main:app", {"main.py": "app = Flask(__name__)\n"}, "a WSGI application, Flask(...)"),
        (
            "config.wsgi:application",
            {
                "config/wsgi.py": "application = get_wsgi_application()\n",
                "config/asgi.py": "application = get_asgi_application()\n",
            },
            "a WSGI application",
        ),
        ("main:app()", {"main.py": APP}, "main:app is the application itself, no factory"),
        ("main:make", {"main.py": "async def make(): ...\n"}, "make the factory a plain def"),
        ("main:make()", {"main.py": "async def make(): ...\n"}, "make it a plain def"),
        ("main:make", {"main.py": "def make(settings): ...\n"}, "main:make(settings) is a func"),
        ("main:app", {"main.py": "def app(scope): ...\n"}, "of ASGI 2"),
        ("main:app", {"main.py": "def app(environ, start_response): ...\n"}, "WSGI application"),
    ],
)
def test_what_is_wrong_is_told_with_the_nearest_right_one(
    wanted: str, files: dict[str, str], told: str
) -> None:
    assert told in refusal(wanted, files)


def test_module_that_no_dependency_can_bring_is_refused() -> None:
    message = refusal("kept.asgi:app", {"main.py": APP}, dependencies="")
    assert "the source has no kept.asgi; nearest: main:app" in message
    # But the build of the project may make it.
    assert found("kept.asgi:app", {"main.py": APP}, package=True, dependencies="")
