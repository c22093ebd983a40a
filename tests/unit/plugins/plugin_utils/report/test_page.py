"""The page of a rollout, read as a parser reads it. `make browser` looks at it as well."""

from __future__ import annotations

import copy
import itertools
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.page import page
from ansible_collections.asgi.fleet.plugins.plugin_utils.report.record import Record

from tests import rollouts

RECORDS = {
    "one": rollouts.succeeded(1),
    "four": rollouts.succeeded(4),
    "hundred": rollouts.succeeded(100),
    "reverted": rollouts.reverted(),
    "refused": rollouts.refused(),
    "unreachable": rollouts.unreachable(),
    "idle": rollouts.idle(),
    "several": rollouts.several(),
    "bare": rollouts.bare(),
    "hostile": rollouts.hostile(),
}
each_record = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
#: Elements without an end tag.
VOID = {"meta", "br"}


class Parsed(HTMLParser):
    """What a page consists of.

    Attributes:
        elements: Each with its attributes, in order.
        text: What a person reads, without the style sheet.
        open: The elements that are not closed.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@each_record
def test_every_element_is_closed_and_every_reference_leads_somewhere(record: Record) -> None:
    parsed = Parsed(page(record))
    assert parsed.open == []
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids


@each_record
def test_page_needs_nothing_else(record: Record) -> None:
    html = page(record)
    parsed = Parsed(html)
    assert {tag for tag, _ in parsed.elements} & {
        *("script", "link", "img", "iframe", "object", "embed", "form", "base", "use", "image")
    } == set()
    for tag, attributes in parsed.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "style")
        ]
        assert "href" not in attributes or tag == "a"
    css = html.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|@font-face|https?:", css)


def test_policy_lets_nothing_be_loaded_or_run() -> None:
    (policy,) = [
        attributes["content"]
        for attributes in Parsed(page(RECORDS["four"])).all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline'")


@each_record
def test_same_record_is_the_same_page_and_is_not_changed(record: Record) -> None:
    before = copy.deepcopy(record)
    html = page(record)
    assert record == before
    assert page(before) == html
    # Written by whoever has another locale: no surrogate is left.
    assert html.encode("utf-8")


@each_record
def test_page_has_no_control_characters(record: Record) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page(record))


def test_foreign_text_is_text() -> None:
    html = page(RECORDS["hostile"])
    assert html.count("<script") == 0
    assert "<img" not in html
    # No template either.
    assert "{{ 7*7 }}" in html
    parsed = Parsed(html)
    assert "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>" in parsed.text
    assert parsed.all("a") == []


def test_link_has_no_credentials() -> None:
    record = rollouts.succeeded()
    record["apps"]["shop"]["url"] = "https://ada:hunter2@git.example.com/shop.git"
    html = page(record)
    assert "hunter2" not in html
    (link,) = Parsed(html).all("a")
    assert link["href"] == "https://git.example.com/shop.git"


def texts(value: object) -> list[str]:
    """Return the texts and numbers of a part of a record that a person is to find in the page."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "name", ["four", "hundred", "reverted", "refused", "unreachable", "several"]
)
def test_every_text_of_the_record_is_on_the_page(name: str) -> None:
    record = RECORDS[name]
    shown = " ".join(Parsed(page(record)).text.split())
    for text in texts(record):
        for line in text.splitlines():
            # The number stands beside the reason.
            wanted = line.removeprefix("5 workers: ") if line.startswith("5 workers") else line
            if text == record["kind"]:
                wanted = "Release"
            assert " ".join(wanted.split()) in shown


@pytest.mark.parametrize("name", ["four", "reverted", "unreachable"])
def test_figures_of_each_receipt_are_on_the_page(name: str) -> None:
    record = RECORDS[name]
    shown = Parsed(page(record)).text
    for receipt in [record["receipt"], *(host["receipt"] for host in record["hosts"].values())]:
        if receipt:
            for count in (receipt["requests"], receipt["failed"]):
                assert f"{count:,}" in shown
            for length in (receipt["longest_gap_ms"], receipt["slowest_ms"], receipt["p99_ms"]):
                assert f"{length} ms" in shown


def test_chart_is_there_in_numbers_too() -> None:
    receipt = RECORDS["reverted"]["receipt"]
    assert receipt
    html = page(RECORDS["reverted"])
    for _, requests, failed in receipt["bins"]:
        assert f'{requests}</td><td class="n{" bad" if failed else ""}">{failed}</td>' in html


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("four", "requests were served while it ran. None failed."),
        ("reverted", "54 of 26,604 requests failed while it ran (0.2 %)."),
        ("unreachable", "Nothing is known of web2."),
        ("idle", "No request came while it ran."),
        ("refused", "It ended before any host was switched."),
        ("bare", "What was served while it ran is not known."),
    ],
)
def test_verdict_is_a_sentence(name: str, verdict: str) -> None:
    assert verdict in Parsed(page(RECORDS[name])).text


def test_what_to_run_next_follows_the_reason_and_else_ends_the_page() -> None:
    failed, good = page(RECORDS["reverted"]), page(RECORDS["four"])
    assert failed.index('id="why"') < failed.index('id="next"') < failed.index('id="served"')
    assert good.index('id="hosts"') < good.index('id="next"')
    assert 'id="why"' not in good


def test_reasons_of_applications_are_not_said_twice() -> None:
    record = rollouts.several()
    record["apps"]["shop"]["reason"] = "shop: its own trouble"
    shown = Parsed(page(record)).text
    assert shown.count("KeyError: 'klarna'") == 1
    assert shown.count("its own trouble") == 1


def test_release_is_struck_through_unless_a_host_runs_it() -> None:
    record = rollouts.reverted()
    assert "after off" in page(record)
    record["hosts"]["web1"]["after"] = rollouts.AFTER
    assert "after off" not in page(record)


def test_pictures_have_a_name_and_tables_have_headers() -> None:
    parsed = Parsed(page(RECORDS["hundred"]))
    assert parsed.elements[0] == ("html", {"lang": "en"})
    for picture in parsed.all("svg"):
        named = bool(picture.get("aria-label")) and picture.get("role") == "img"
        inside = "viewbox" in picture
        assert named or inside or picture.get("aria-hidden") == "true"
    assert all(header.get("scope") in ("col", "row") for header in parsed.all("th"))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize(
    ("name", "most"), [("four", 60_000), ("several", 60_000), ("hundred", 300_000)]
)
def test_page_is_small(name: str, most: int) -> None:
    assert len(page(RECORDS[name]).encode()) < most


def test_hundred_hosts_are_folded_but_all_there() -> None:
    html = page(RECORDS["hundred"])
    parsed = Parsed(html)
    assert "Wave 3: 74 hosts alike" in parsed.text
    rows = re.findall(r'role="rowheader" scope="row">([^<]*?) <', html)
    assert sorted(rows) == sorted(RECORDS["hundred"]["hosts"])
