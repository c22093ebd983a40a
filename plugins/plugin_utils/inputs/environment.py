"""The environment variables of an application: refused where YAML made something else of them.

No value of `app_secrets` is ever shown, nor one that YAML kept as it is.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Mapping

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, kind
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.written import Files, Written

#: The kernel's limit of one string of an environment (MAX_ARG_STRLEN), with its name and its NUL.
LONGEST = 128 * 1024

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_JSON_WORDS = re.compile(r"true|false|null|", re.IGNORECASE)

#: Variables that would steer the server or the interpreter past the product, and what to set for
#: each. The first that fits counts.
OWNED = (
    (re.compile("FLEET_.*"), "FLEET_, which asgi.fleet sets itself", "rename it"),
    (
        re.compile("WEB_CONCURRENCY|UVICORN_WORKERS"),
        "the number of workers in app_workers",
        "set app_workers, and remove this",
    ),
    (
        re.compile("GUNICORN_CMD_ARGS"),
        "app_workers, app_health_timeout and the gunicorn_service_ variables, which its options "
        "would override",
        "set those, and remove this",
    ),
    (
        re.compile("UVICORN_ROOT_PATH"),
        "the path prefix in app_root_path",
        "set app_root_path, and remove this",
    ),
    (
        re.compile("UVICORN_LOG_LEVEL"),
        "the log level in gunicorn_service_log_level",
        "set gunicorn_service_log_level, and remove this",
    ),
    (
        re.compile("UVICORN_FORWARDED_ALLOW_IPS|FORWARDED_ALLOW_IPS|UVICORN_PROXY_HEADERS"),
        "the proxies in front of nginx in nginx_site_trusted_proxies",
        "set nginx_site_trusted_proxies, or remove this",
    ),
    (
        re.compile("UVICORN_(FACTORY|APP|APP_DIR)"),
        "the callable in app_module, such as shop.main:create_app()",
        "set app_module, and remove this",
    ),
    (
        re.compile("(GUNICORN|UVICORN)_.*"),
        "nothing that only the server's own command line would read",
        "remove it; the gunicorn_service_ variables set what the server needs",
    ),
    (
        re.compile("LISTEN_(FDS|PID|FDNAMES|PIDFDID)|NOTIFY_SOCKET|WATCHDOG_(PID|USEC)"),
        "nothing that systemd sets for the service itself",
        "remove it",
    ),
    (
        re.compile("PYTHONHOME|VIRTUAL_ENV|__PYVENV_LAUNCHER__"),
        "the release's own virtual environment, which is built for it",
        "remove it; app_python chooses the version",
    ),
)


def environment(value: object, findings: Findings) -> object:
    """Check a mapping of environment variables, and return it with the texts as they are set.

    A systemd environment file holds one variable a line (systemd.exec(5), EnvironmentFile=), and
    the kernel ends a value at NUL.
    """
    if not isinstance(value, dict):
        findings.refuse(kind(value), "a mapping of names to values")
        return value
    texts: dict[object, object] = {}
    for name, content in value.items():
        at = f".{name}" if isinstance(name, str) else f"[{name!r}]"
        _check_name(name, at, findings)
        known = len(findings.problems)
        written = findings.files.written(name, content)
        _check_value(content, written, at, findings, within=False)
        if len(findings.problems) == known:
            texts[name] = as_text(content)
            _check_text(str(name), str(texts[name]), at, findings)
    return texts


def as_text(value: object) -> str:
    """Return a variable's value as the application gets it: lists and mappings are JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (list, tuple, Mapping)):
        return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _plain(value: object) -> object:
    """Return a value that json can write: what Ansible gives may resolve its parts only when read.

    Raises:
        TypeError: JSON has no such value.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return str(value)
    raise TypeError(
        f"{type(value).__name__.removeprefix('_AnsibleTagged').lower()}, which JSON does not have"
    )


def _check_name(name: object, at: str, findings: Findings) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        findings.refuse(
            "not a name for an environment variable",
            "letters, digits and _, not a digit first",
            "rename it",
            at=at,
        )
        return
    for pattern, instead, todo in OWNED:
        if not pattern.fullmatch(name):
            continue
        if instead.startswith("FLEET_"):
            findings.refuse("reserved", f"a name without {instead}", todo, at=at)
        else:
            findings.refuse("set by asgi.fleet itself", instead, todo, at=at)
        return


def _check_value(
    value: object, written: Written | None, at: str, findings: Findings, *, within: bool
) -> None:
    """Refuse what is not what stands in the file.

    Args:
        value: What YAML made of it.
        written: What stands there; None if that is not known.
        at: The part of the variable that it is.
        findings: Collects the problems.
        within: Whether it is a part of a list or a mapping, which become JSON.
    """
    if isinstance(value, str):
        return
    if isinstance(value, (list, Mapping)):
        keys = [f".{key}" for key in value] if isinstance(value, Mapping) else []
        parts = list(value.values()) if isinstance(value, Mapping) else list(value)
        texts: list[Written | None] = list(written.items()) if written is not None else []
        if len(texts) != len(parts):
            # A merge of YAML (<<), or what a template made of several.
            texts = [findings.files.written(None, part) for part in parts]
        for index, (part, text) in enumerate(zip(parts, texts, strict=True)):
            place = keys[index] if keys else f"[{index}]"
            _check_value(part, text, at + place, findings, within=True)
        return
    if not _is_as_written(value, written, findings.files, within):
        _refuse_value(value, written, at, findings)


def _is_as_written(value: object, written: Written | None, files: Files, within: bool) -> bool:
    text = written.text if written is not None else None
    if isinstance(value, bool) or value is None:
        return within and (text is None or bool(_JSON_WORDS.fullmatch(text)) or text == "~")
    if isinstance(value, int):
        if text is not None:
            return bool(_WHOLE.fullmatch(text))
        # A template or a plugin has made it, unless it stands in a file that is not YAML.
        return written is not None or not files.is_from_file(value)
    if isinstance(value, float) and within:
        return bool(_JSON_NUMBER.fullmatch(text)) if text is not None else math.isfinite(value)
    return False


def _refuse_value(value: object, written: Written | None, at: str, findings: Findings) -> None:
    read_as = {
        bool: "a boolean",
        int: "a whole number",
        float: "a number with a fraction",
        datetime.datetime: "a time",
        datetime.date: "a date",
    }
    what = next((told for type_, told in read_as.items() if isinstance(value, type_)), kind(value))
    text = written.text if written is not None else None
    where = f" ({written.where})" if written is not None else ""
    name = at.rpartition(".")[2]
    quotes = "quotes around it"
    if written is not None and written.is_template:
        findings.refuse(
            f"{what} that a template makes{where}",
            "a text",
            "end the template with | string, or with the text for it",
            at=at,
        )
        return
    if value is None:
        findings.refuse(f"empty{where}", "a text", f'write {name}: "" for an empty one', at=at)
        return
    if text is not None and findings.variable != "app_secrets" and text.isprintable():
        shown = text if len(text) <= 40 else "..."
        quotes = f'"{shown}"' if name.startswith("[") or "]" in name else f'{name}: "{shown}"'
        what = f"{shown}{where}, of which YAML made {what}" + (
            f" ({value})" if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
        )
    else:
        what = f"{what}, of which YAML does not keep the text{where}"
    findings.refuse(what, "a text in quotes, or a plain whole number", f"write {quotes}", at=at)


def _check_text(name: str, text: str, at: str, findings: Findings) -> None:
    if "\0" in text:
        findings.refuse(
            "text with a NUL",
            "text without one, since a process's environment cannot hold it",
            "encode it, for example with base64",
            at=at,
        )
    try:
        size = len(name) + len(text.encode()) + 2
    except UnicodeEncodeError:
        findings.refuse(
            "text with half a character (a surrogate)",
            "text that UTF-8 can hold",
            "write the character itself",
            at=at,
        )
        return
    if size > LONGEST:
        findings.refuse(
            f"{len(text.encode())} bytes long",
            f"at most {LONGEST // 1024} KiB, which is all that Linux passes on in one variable",
            "put it into a file, and its path here",
            at=at,
        )
