"""Secrets in output: the forms in which they are found, and what is left alone."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shlex
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.protocol.redaction import (
    redacted,
    telling_names,
)

#: With what each form escapes.
SECRET = "p@ss'w\"or/d $x\\é+&~"
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded, lower case": lambda secret: re.sub(
        "%..", lambda code: code.group().lower(), quote(secret, safe="")
    ),
    "percent-encoded as in a path": quote,
    "percent-encoded as in a form": quote_plus,
    "JSON": json.dumps,
    "JSON, not ASCII": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"a": secret})),
    "repr": lambda secret: repr({"a": secret}),
    "repr of bytes": lambda secret: repr(secret.encode()),
    "shell": shlex.quote,
    "HTML": html.escape,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64, second": lambda secret: base64.b64encode(f"u{secret}".encode()).decode(),
    "base64, third": lambda secret: base64.b64encode(f"u:{secret}@host".encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "hexadecimal": lambda secret: secret.encode().hex(),
    "hexadecimal, upper case": lambda secret: secret.encode().hex().upper(),
}


def visible(secret: str, shown: str) -> bool:
    """Tell whether three characters of a secret's middle, in any form, are left."""
    middle = secret[len(secret) // 2 - 2 : len(secret) // 2 + 3]
    return middle in shown or middle.encode().hex() in shown.lower()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_secret_is_hidden_in_the_form(form: Callable[[str], str]) -> None:
    shown = redacted(f"before {form(SECRET)} after", {"TOKEN": SECRET}, ["TOKEN"])
    assert "<TOKEN>" in shown
    assert not visible(SECRET, shown)
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("offset", range(3))
@pytest.mark.parametrize("more", range(3))
def test_base64_leaves_nothing_that_depends_on_the_secret(offset: int, more: int) -> None:
    shown = {
        redacted(
            base64.b64encode(b"." * offset + token.encode() + b"." * more).decode(),
            {"TOKEN": token},
            ["TOKEN"],
        )
        for token in ("q7Wd-Lp9x", "\u007fz1a/Vb8s", "0o0o0o0o?")
    }
    assert len(shown) == 1
    assert "<TOKEN>" in shown.pop()


def test_base64_in_lines_is_hidden() -> None:
    token = "".join(f"{index:x}" for index in range(100))
    encoded = base64.encodebytes(token.encode()).decode()
    assert redacted(encoded, {"TOKEN": token}, ["TOKEN"]) == "<TOKEN>\n" * 4


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("postgresql://u:p%40ss@h/db", "p%40ss"),
        ("postgresql://u:p%40ss@h/db", "p@ss"),
        ("postgresql://u:p%40ss@h/db", base64.b64encode(b"p@ss").decode()),
        ("postgresql://u:p@ss@h/db", "p@ss"),
        ("postgresql://u:pa/ss@h/db", "pa/ss"),
        ("https://0123456789@errors.example.com/7", "0123456789"),
        ("https://hooks.example.com/services/T00/B00/xyz", "/services/T00/B00/xyz"),
        ("redis://h/0?password=s3cret&ssl=1", "s3cret"),
        ("host=h password=s3cret user=u", "s3cret"),
        ('{"password": "s3cret", "more": [{"x": "long enough"}]}', "s3cret"),
        ('{"password": "s3cret", "more": [{"x": "long enough"}]}', "long enough"),
        ('{"url": "amqp://u:s3cret@h"}', "s3cret"),
        ("first line\r\nsecond line\n", "second line"),
        (base64.b64encode(b'{"password": "s3cret"}').decode(), "s3cret"),
        ("s3cret\n", "s3cret"),
        ("a line\nfollows", "a line\nfollows"),
    ],
)
def test_part_of_a_secret_is_one(secret: str, text: str) -> None:
    assert redacted(f"[{text}]", {"S": secret}, ["S"]) == "[<S>]"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"S": "abc"}, "abc and abcd"),
        ({"S": ""}, "nothing"),
        ({}, "nothing"),
        ({"S": "postgresql://postgres:s3cret@h/db"}, "postgresql://postgres@other/db of postgres"),
        ({"S": '{"on": "true", "region": "eu-west"}'}, "true in eu-west"),
        ({"S": "s3cret", "PLAIN": "visible"}, "visible"),
        ({"S": "redis://h/0?mode=verify-full"}, "mode=verify-full"),
    ],
    ids=["short", "empty", "missing", "user", "short values", "no secret", "no secret parameter"],
)
def test_text_without_a_secret_stays(values: dict[str, str], text: str) -> None:
    assert redacted(text, values, ["S"]) == text


def test_longest_secret_is_hidden_whole() -> None:
    values = {"A": "secret", "B": "secret-and-more"}
    assert redacted("secret-and-more secret", values, values) == "<B> <A>"


def test_name_that_was_put_in_is_not_searched() -> None:
    values = {"API_TOKEN": "s3cret", "OTHER": "TOKEN"}
    assert redacted("s3cret TOKEN", values, values) == "<API_TOKEN> <OTHER>"


def test_rest_that_a_cut_has_left_is_hidden() -> None:
    token = "q7Wd-Lp9x-4Tz0-Kk2m-Vb8s-Hn5r"
    told = f"input_value='{token[:14]}...{token[-13:]}', and {token[:11]}"
    shown = redacted(told, {"TOKEN": token}, ["TOKEN"])
    assert shown == f"input_value='<TOKEN>...<TOKEN>', and {token[:11]}"


def test_redaction_of_much_output_is_quick() -> None:
    values = {f"S{index}": hashlib.sha256(bytes([index])).hexdigest() for index in range(50)}
    text = "".join(hashlib.sha256(bytes([8, index])).hexdigest() for index in range(256)) * 4
    began = time.process_time()
    assert redacted(text, values, values) == text
    assert time.process_time() - began < 2


def test_names_that_tell_of_a_secret() -> None:
    settings = {
        "UV_INDEX_CORP_PASSWORD": "s3cret",
        "UV_INDEX_URL": "https://u:s3cret@index.example.com",
        "UV_FIND_LINKS": "https://index.example.com",
        "UV_HTTP_TIMEOUT": "60",
    }
    assert telling_names(settings) == ["UV_INDEX_CORP_PASSWORD", "UV_INDEX_URL"]
