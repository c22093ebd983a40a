"""The two slots: what their files are called, what is live, and the environment file's quoting."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import (
    Application,
    changed_kinds,
    format_environment,
    hide_values,
    other,
    parse_environment,
    read,
    without_secrets,
)

VALUES = {
    "empty": "",
    "spaces": "  good   morning ",
    "hash": "# no comment",
    "quotes": "\"double\" and 'single'",
    "dollar": "$HOME ${HOME} $$",
    "backtick": "`id`",
    "backslash": "C:\\new\\table\\",
    "backslash_quote": '\\"',
    "newline": "first\nsecond\n",
    "continued": "first\\\nsecond",
    "carriage_return": "first\r\nsecond\r\n",
    "tab": "a\tb",
    "unicode": "Grüße, 世界 🚀",
    "assignment": 'x\nOTHER="not a variable"\n',
    "percent": "%n 100%",
}


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    return Application("shop", str(tmp_path))


def test_application_lives_in_the_places_of_the_design() -> None:
    shop = Application("shop")
    blue = shop.slot("blue")

    assert shop.live_link == "/var/lib/shop/live.sock"
    assert shop.activations == "/var/lib/shop/activations.jsonl"
    assert shop.releases == "/opt/shop/releases"
    assert blue.units == ("shop@blue.socket", "shop@blue.service")
    assert blue.socket == "/run/shop/blue.sock"
    assert blue.runtime_directory == "/run/shop/blue"
    assert blue.release_link == "/opt/shop/slots/blue"
    assert blue.files == {
        "socket": "/etc/systemd/system/shop@blue.socket",
        "service": "/etc/systemd/system/shop@blue.service",
        "settings": "/etc/shop/blue/gunicorn.conf.py",
        "worker": "/etc/shop/blue/draining_worker.py",
        "environment": "/etc/shop/blue/environment",
    }


@pytest.mark.parametrize(
    ("target", "live"),
    [
        ("/run/shop/blue.sock", "blue"),
        ("/run/shop/green.sock", "green"),
        ("/run/shop/red.sock", None),
        ("/run/shop/blue", None),
        (None, None),
    ],
)
def test_live_slot_is_where_the_link_points(
    shop: Application, target: str | None, live: str | None
) -> None:
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    if target:
        link.symlink_to(target)
    assert shop.live_slot() == live


def test_live_slot_is_none_while_a_plain_file_stands_there(shop: Application) -> None:
    link = Path(shop.live_link)
    link.parent.mkdir(parents=True)
    link.write_text("")
    assert shop.live_slot() is None


@pytest.mark.parametrize(("live", "idle"), [(None, "blue"), ("blue", "green"), ("green", "blue")])
def test_other_is_blue_first_and_then_the_idle_one(live: str | None, idle: str) -> None:
    assert other(live) == idle


def test_slot_release_is_the_folder_that_its_link_names(shop: Application) -> None:
    slot = shop.slot("green")
    assert slot.release() is None
    link = Path(slot.release_link)
    link.parent.mkdir(parents=True)
    link.symlink_to("../releases/1.0-abcdef01")
    assert slot.release() == f"{shop.releases}/1.0-abcdef01"


def test_slot_contents_of_missing_files_are_empty(shop: Application) -> None:
    slot = shop.slot("blue")
    environment = Path(slot.files["environment"])
    environment.parent.mkdir(parents=True)
    environment.write_text('A="1"\n')
    assert slot.contents() == {
        "socket": "",
        "service": "",
        "settings": "",
        "worker": "",
        "environment": 'A="1"\n',
    }


def test_read_keeps_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    path.write_bytes(b'PEM="a\r\nb"\n')
    assert read(str(path)) == 'PEM="a\r\nb"\n'


def test_changed_kinds_come_in_the_order_of_the_desired_ones() -> None:
    current = {"service": "same", "socket": "old"}
    desired = {"socket": "new", "service": "same", "environment": "", "settings": "new"}
    assert changed_kinds(current, desired) == ["socket", "settings"]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_environment_value_survives_the_round_trip(value: str) -> None:
    variables = {"BEFORE": "1", "VALUE": value, "WITHIN": "2"}
    assert parse_environment(format_environment(variables)) == variables


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", 'VALUE=""\n'),
        ("a b", 'VALUE="a b"\n'),
        ('say "hi"', 'VALUE="say \\"hi\\""\n'),
        ("$HOME", 'VALUE="\\$HOME"\n'),
        ("`id`", 'VALUE="\\`id\\`"\n'),
        ("a\\b", 'VALUE="a\\\\b"\n'),
        ("a\nb", 'VALUE="a\nb"\n'),
        ("ü", 'VALUE="ü"\n'),
    ],
)
def test_environment_quotes_as_systemd_reads(value: str, line: str) -> None:
    assert format_environment({"VALUE": value}) == line


def test_environment_is_sorted_by_name() -> None:
    assert format_environment({"B": "2", "A": "1"}) == 'A="1"\nB="2"\n'


def test_environment_of_nothing_is_empty() -> None:
    assert format_environment({}) == ""
    assert parse_environment("") == {}


def test_hidden_values_leave_only_the_names() -> None:
    text = format_environment({"TOKEN": 's3cret"\nNOT_A_NAME="x', "A": "visible"})
    assert hide_values(text) == "A=<hidden>\nTOKEN=<hidden>\n"


@pytest.mark.parametrize(
    ("text", "values", "shown"),
    [
        ("login with s3cret failed", {"TOKEN": "s3cret"}, "login with <TOKEN> failed"),
        ("ab and abc", {"A": "ab"}, "ab and abc"),
        ("secret-and-more", {"A": "secret", "B": "secret-and-more"}, "<B>"),
        ("line\nother", {"A": "line\nother"}, "<A>"),
        ("nothing of it", {}, "nothing of it"),
    ],
    ids=["replaced", "too short", "longest first", "several lines", "no values"],
)
def test_without_secrets_shows_names_for_values(
    text: str, values: dict[str, str], shown: str
) -> None:
    assert without_secrets(text, values, ["A", "B", "TOKEN"]) == shown
