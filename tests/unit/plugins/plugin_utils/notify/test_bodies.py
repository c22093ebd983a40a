"""What each format sends: its shape, and that foreign text stays text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.notify import targets
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.bodies import body, detail, mail
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import completed

EVENT = completed(
    {
        "event": "failed",
        "kind": "release",
        "id": "20261128T101112-5f3a",
        "app": "shop",
        "release": "1.4.1",
        "before": "1.4.0",
        "who": "ada@laptop",
        "hosts": ["web1", "web2"],
        "text": "shop: release of 1.4.1 failed on web2 (ada@laptop)",
        "detail": ["web2: not healthy within 25 s", "  no index"],
        "receipt": {"requests": 1200, "failed": 0, "longest_gap_ms": 30, "slowest_ms": None},
    },
    at=1_795_860_672,
)
#: What an application, a commit or a host might say.
EVIL = "@channel <!here> @everyone [x](https://evil) *b* `c` ``` & <b> # h"


def target(**changes: object) -> dict[str, Any]:
    findings = Findings("fleet_notify")
    hook = {"type": "webhook", "url": "https://h.example.com/x"}
    (found,) = targets([{**hook, **changes}], findings)
    assert findings.problems == []
    return found


def document(format_: str, event: dict[str, Any] = EVENT) -> dict[str, Any]:
    content, content_type = body(target(format=format_), event)
    assert content_type == "application/json"
    found: dict[str, Any] = json.loads(content)
    return found


def evil(**changes: object) -> dict[str, Any]:
    return {**EVENT, "text": EVIL, "detail": [EVIL], "who": EVIL, **changes}


def test_json_is_the_event_itself() -> None:
    assert document("json") == EVENT


def test_slack_shows_text_detail_and_facts() -> None:
    assert document("slack") == {
        "text": EVENT["text"],
        "attachments": [
            {
                "color": "#c9302c",
                "fallback": EVENT["text"],
                "blocks": [
                    {
                        "type": "section",
                        "text": {
                            "type": "mrkdwn",
                            "text": "```\nweb2: not healthy within 25 s\n  no index\n```",
                        },
                    },
                    {
                        "type": "context",
                        "elements": [
                            {
                                "type": "plain_text",
                                "text": "Application: shop · Release: 1.4.1 (before: 1.4.0)"
                                " · Hosts: web1, web2 · By: ada@laptop"
                                " · Rollout: 20261128T101112-5f3a"
                                " · Requests: 1200 served, 0 failed, longest gap 30 ms",
                                "emoji": False,
                            }
                        ],
                    },
                ],
            }
        ],
    }


def test_slack_calls_nobody() -> None:
    shown = document("slack", evil())
    assert "&lt;!here&gt;" in shown["text"]
    code = shown["attachments"][0]["blocks"][0]["text"]["text"]
    assert "<" not in shown["text"] + code
    assert code.count("```") == 2


def test_mattermost_shows_text_detail_and_facts() -> None:
    shown = document("mattermost")
    assert shown["text"] == EVENT["text"].replace("@", "@\u200b")
    (attachment,) = shown["attachments"]
    assert attachment["color"] == "#c9302c"
    assert attachment["text"] == "```\nweb2: not healthy within 25 s\n  no index\n```"
    assert {"title": "Hosts", "value": "web1, web2", "short": True} in attachment["fields"]


@pytest.mark.parametrize("format_", ["mattermost", "discord"])
def test_markdown_is_shown_as_it_is_and_calls_nobody(format_: str) -> None:
    shown = document(format_, evil())
    text = shown["text" if format_ == "mattermost" else "content"]
    assert "@channel" not in text
    assert "\\[x\\](https://evil) \\*b\\* \\`c\\`" in text
    assert json.dumps(shown).count("```") == 2


def test_discord_shows_text_detail_and_facts() -> None:
    shown = document("discord")
    (embed,) = shown["embeds"]
    assert shown["allowed_mentions"] == {"parse": []}
    assert embed["color"] == 0xC9302C
    assert embed["timestamp"] == "2026-11-28T10:11:12+00:00"
    assert embed["description"] == "```\nweb2: not healthy within 25 s\n  no index\n```"
    assert {"name": "Hosts", "value": "web1, web2", "inline": True} in embed["fields"]


def test_teams_gets_an_adaptive_card() -> None:
    shown = document("teams")
    (attachment,) = shown["attachments"]
    assert shown["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.2")
    lines = ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]
    assert lines[:4] == [
        EVENT["text"],
        "web2: not healthy within 25 s",
        "  no index",
        "Application: shop",
    ]
    # Text that Teams reads as Markdown would be in a TextBlock.
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}


@pytest.mark.parametrize(
    ("format_", "most"),
    [("slack", 8_000), ("mattermost", 7_600), ("discord", 6_000), ("teams", 28_000)],
)
@pytest.mark.parametrize("event", ["begin", "end", "failed", "reverted"])
def test_long_event_is_cut_to_what_a_chat_takes(format_: str, most: int, event: str) -> None:
    long = {
        **EVENT,
        "event": event,
        "text": "t" * 5_000,
        "detail": [f"{number} {'d' * 500}" for number in range(500)],
        "hosts": ["h" * 60] * 1_000,
        "page": "p" * 2_000,
    }
    content, _type = body(target(format=format_), long)
    assert len(content) < most
    shown = json.loads(content)
    if format_ == "slack":
        for block in shown["attachments"][0]["blocks"]:
            for text in (block["text"],) if "text" in block else block["elements"]:
                assert len(text["text"]) <= 3_000
    if format_ == "discord":
        assert len(shown["content"]) <= 2_000
        assert len(shown["embeds"][0]["description"]) <= 4_096
        assert all(0 < len(one["value"]) <= 1_024 for one in shown["embeds"][0]["fields"])


@pytest.mark.parametrize("format_", ["slack", "mattermost", "teams", "discord"])
def test_event_with_nothing_but_its_text_is_sent(format_: str) -> None:
    bare = completed({"event": "end", "app": "shop"}, at=7)
    assert "no host" in json.dumps(document(format_, bare))


def test_detail_says_how_much_is_left_out() -> None:
    assert detail(["a", "b"], 100) == "a\nb"
    cut = detail([f"line {number}" for number in range(100)], 100)
    assert cut.startswith("line 0\n")
    assert cut.endswith("more lines")
    assert len(cut) <= 100


def test_template_of_ones_own_makes_the_body(tmp_path: Path) -> None:
    template = tmp_path / "own.j2"
    template.write_text('{"alias": {{ event.id | tojson }}, "message": {{ event.text | tojson }}}')
    content, content_type = body(target(template=str(template)), EVENT)
    assert content_type == "application/json"
    assert json.loads(content) == {"alias": EVENT["id"], "message": EVENT["text"]}
    template.write_text("{{ event.app }} {{ event.hosts | join(' ') }}")
    content, content_type = body(target(template=str(template)), EVENT)
    assert (content, content_type) == (b"shop web1 web2", "text/plain; charset=utf-8")


def test_template_does_not_run_what_an_event_says(tmp_path: Path) -> None:
    template = tmp_path / "own.j2"
    template.write_text("{{ event.text }}")
    content, _type = body(target(template=str(template)), {**EVENT, "text": "{{ 7 * 7 }}"})
    assert content == b"{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "text", ["{{ event.nowhere }}", "{{ event.__class__.__mro__ }}", "{{ x }}"]
)
def test_template_that_reaches_for_what_is_not_there_fails(tmp_path: Path, text: str) -> None:
    template = tmp_path / "own.j2"
    template.write_text(text)
    with pytest.raises(jinja2.TemplateError):
        body(target(template=str(template)), EVENT)


def mail_target(**changes: object) -> dict[str, Any]:
    return targets([{"type": "mail", "to": ["a@x.org", "b@x.org"], **changes}], Findings("f"))[0]


def test_mail_has_subject_body_and_headers() -> None:
    message = mail(mail_target(), EVENT, "ada@laptop")
    assert message["Subject"] == EVENT["text"]
    assert (message["From"], message["To"]) == ("ada@laptop", "a@x.org, b@x.org")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@laptop>")
    assert message.get_content() == (
        "shop: release of 1.4.1 failed on web2 (ada@laptop)\n\n"
        "web2: not healthy within 25 s\n  no index\n\n"
        "Application: shop\nRelease: 1.4.1 (before: 1.4.0)\nHosts: web1, web2\nBy: ada@laptop\n"
        "Rollout: 20261128T101112-5f3a\nRequests: 1200 served, 0 failed, longest gap 30 ms\n"
    )
    assert mail(mail_target(**{"from": "f@x.org"}), EVENT, "ada@laptop")["From"] == "f@x.org"


def test_mail_has_no_header_of_an_event() -> None:
    injected = {**EVENT, "text": "text Bcc: evil@x.org"}
    message = mail(mail_target(), injected, "ada@laptop")
    assert message["Bcc"] is None
    assert b"\nBcc:" not in message.as_bytes()


def test_mail_takes_a_template(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text("Hello {{ event.app }}\n")
    message = mail(mail_target(template=str(tmp_path / "own.j2")), EVENT, "ada@laptop")
    assert message.get_content() == "Hello shop\n"
