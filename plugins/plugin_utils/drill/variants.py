"""Releases of a drill: the source of the live release, with some lines at the end of one file.

Nothing of the operator's repository is read or changed. The lines wrap the callable, so whatever
the application is, it starts, answers and ends as the lines say.
"""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from pathlib import PurePosixPath

#: `package.module:attribute`, or a factory with its call.
_CALLABLE = re.compile(r"(?P<module>[\w.]+):(?P<name>[A-Za-z_]\w*)(?P<call>\(.*\))?", re.DOTALL)

_WRAP = """

# Added by a drill of asgi.fleet ({drill}): {variant}
_asgi_fleet_drilled = {name}
"""
_INSTANCE = "{name} = _asgi_fleet_drill(_asgi_fleet_drilled)\n"
_FACTORY = """
def {name}(*arguments, **options):
    return _asgi_fleet_drill(_asgi_fleet_drilled(*arguments, **options))
"""
_START = """
def _asgi_fleet_drill(application):
    async def drilled(scope, receive, send):
        if scope["type"] != "lifespan":
            return await application(scope, receive, send)
        await receive()
        why = "this release of a drill does not start"
        await send({"type": "lifespan.startup.failed", "message": why})
    return drilled
"""
_HEALTH = """
def _asgi_fleet_drill(application):
    async def drilled(scope, receive, send):
        if scope["type"] != "http":
            return await application(scope, receive, send)
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": b"a drill: not healthy"})
    return drilled
"""
#: Healthy until it is live, and a second later never again: each worker ends, also a new one.
_CANARY = """
def _asgi_fleet_drill(application):
    import os
    import threading
    import time

    link = f"/var/lib/{os.environ.get('FLEET_APP', '')}/live.sock"
    slot = f"{os.environ.get('FLEET_SLOT', '')}.sock"

    def live():
        try:
            return os.path.basename(os.readlink(link)) == slot
        except OSError:
            return False

    def end():
        while not live():
            time.sleep(0.05)
        time.sleep(1)
        os._exit(1)

    if live():
        os._exit(1)
    threading.Thread(target=end, daemon=True).start()
    return application
"""
_GOOD = """
def _asgi_fleet_drill(application):
    return application
"""
VARIANTS = {"good": _GOOD, "bad_start": _START, "bad_health": _HEALTH, "bad_canary": _CANARY}


class VariantError(ValueError):
    """No such release can be made of the live one; the message says why."""


def variant(content: bytes, callable_: str, project: str, name: str, drill: str) -> bytes:
    """Return the archive of a release of a drill.

    Args:
        content: The archive of the live release's source.
        callable_: Its callable, as its manifest has it.
        project: The folder in it that is served; empty for all of it.
        name: One of `VARIANTS`.
        drill: Id of the drill, which makes it another release than any before.

    Raises:
        VariantError: The file of the callable is not found.
    """
    found = _CALLABLE.fullmatch(callable_)
    if not found:
        raise VariantError(f"its callable is {callable_}; expected package.module:attribute")
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as source,
        tarfile.open(fileobj=made, mode="w:gz") as target,
    ):
        members = source.getmembers()
        path = _file([one.name for one in members if one.isfile()], found["module"], project)
        for member in members:
            stream = source.extractfile(member) if member.isfile() else None
            body = stream.read() if stream else b""
            if member.name == path:
                body += _lines(found["name"], bool(found["call"]), name, drill).encode()
                member.size = len(body)
            target.addfile(member, io.BytesIO(body) if stream else None)
    return made.getvalue()


def _lines(name: str, is_factory: bool, variant_: str, drill: str) -> str:
    begin = _WRAP.format(name=name, variant=variant_, drill=drill)
    end = (_FACTORY if is_factory else _INSTANCE).format(name=name)
    return f"{begin}{VARIANTS[variant_]}{end}"


def _file(names: list[str], module: str, project: str) -> str:
    """Return the file of a module, the one nearest to the root.

    Raises:
        VariantError: There is none.
    """
    path = module.replace(".", "/")
    wanted = (f"{path}.py", f"{path}/__init__.py")
    below = PurePosixPath(project) if project else PurePosixPath()
    found = [
        name
        for name in names
        if PurePosixPath(name).is_relative_to(below)
        and any(f"/{posixpath.normpath(name)}".endswith(f"/{one}") for one in wanted)
    ]
    if not found:
        raise VariantError(
            f"the file of its module {module} is not in its source, so none can be broken"
        )
    return min(found, key=lambda name: (name.count("/"), name))
