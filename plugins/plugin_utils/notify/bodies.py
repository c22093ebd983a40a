"""What a target gets: an event as the body of a web hook, or as a mail.

What an event says is foreign text: it comes from hosts, commits and applications. So each format
escapes it, and nobody is called to the channel (`@here`) by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.events import Event, named
from ansible_collections.asgi.fleet.plugins.plugin_utils.notify.targets import Target
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

JSON = "application/json"
#: Characters of the detail that a chat gets. Slack takes 3,000 in a text object, Discord 4,096 in
#: the description of an embed, Mattermost 7,600 in an attachment, Teams 28 KB in all.
DETAIL = 2800
#: Of those, the lines that fit a card.
CARD_LINES = 30
#: The longest line that a chat gets: Discord takes 2,000 characters of content.
TEXT = 1500

_COLOURS = {"begin": 0x3B82C4, "end": 0x2E9E5B, "failed": 0xC9302C, "reverted": 0xD9822B}
#: The named colours of Adaptive Cards.
_CARD_COLOURS = {"begin": "Accent", "end": "Good", "failed": "Attention", "reverted": "Warning"}
_MARKDOWN = re.compile(r"([\\`*_~\[\]<>|#])")
_CALLS = re.compile(r"@(?=\w)")


def body(target: Target, event: Event) -> tuple[bytes, str]:
    """Return the body of a web hook, and its type.

    Raises:
        OSError: The template cannot be read.
        jinja2.TemplateError: The template fails.
    """
    if target["template"]:
        text = rendered(target["template"], event)
        return text.encode(), JSON if _is_json(text) else "text/plain; charset=utf-8"
    document = _FORMATS[target["format"]](event)
    return json.dumps(document, ensure_ascii=False).encode(), JSON


def rendered(template: str, event: Event) -> str:
    """Return what a template of one's own makes of an event, which it knows as `event`.

    Raises:
        OSError: It cannot be read.
        jinja2.TemplateError: It is wrong, or uses what is not there.
    """
    # JSON and plain text: HTML would be escaped by its own filter.
    engine = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    return engine.from_string(Path(template).read_text(encoding="utf-8")).render(event=event)


def mail(target: Target, event: Event, sender: str) -> EmailMessage:
    """Return an event as a mail.

    Args:
        target: The target.
        event: The event.
        sender: Whose mail it is, where the target does not say.

    Raises:
        OSError: The template cannot be read.
        jinja2.TemplateError: The template fails.
    """
    message = EmailMessage()
    message["From"] = target["from"] or sender
    message["To"] = ", ".join(target["to"])
    message["Subject"] = _cut(event["text"], 200)
    message["Date"] = formatdate(event["at"], localtime=True)
    message["Message-ID"] = make_msgid(domain=(target["from"] or sender).rpartition("@")[2])
    # RFC 3834, section 5: no answer of an absent person comes back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        rendered(target["template"], event) if target["template"] else _plain(event)
    )
    return message


def _plain(event: Event) -> str:
    facts = [f"{name}: {value}" for name, value in facts_of(event)]
    parts = [[event["text"]], event["detail"], facts]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def facts_of(event: Event) -> list[tuple[str, str]]:
    """Return what is known of an event, besides its text, as names and values."""
    before = f" (before: {event['before']})" if event["before"] else ""
    facts = [
        ("Application", event["app"]),
        ("Release", f"{event['release']}{before}" if event["release"] else ""),
        ("Hosts", named(event["hosts"]) if event["hosts"] else ""),
        ("By", event["who"]),
        ("Rollout", event["id"]),
        ("Requests", _served(event["receipt"])),
        ("Page", event["page"]),
    ]
    return [(name, value) for name, value in facts if value]


def _served(receipt: Mapping[str, Any] | None) -> str:
    if not receipt:
        return ""
    gap, slowest = receipt.get("longest_gap_ms"), receipt.get("slowest_ms")
    return ", ".join(
        [
            f"{receipt.get('requests', 0)} served",
            f"{receipt.get('failed', 0)} failed",
            *([f"longest gap {gap} ms"] if gap is not None else []),
            *([f"slowest {slowest} ms"] if slowest is not None else []),
        ]
    )


def _slack(event: Event) -> dict[str, Any]:
    """Slack's incoming web hooks, with Block Kit in an attachment, which alone has a colour.

    Source: docs.slack.dev, "Formatting message text": only & < > are escaped.
    """
    blocks: list[dict[str, Any]] = []
    if event["detail"]:
        text = _fenced(_slack_text(detail(event["detail"])))
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    facts = " · ".join(f"{name}: {value}" for name, value in facts_of(event))
    # Plain text is shown as it is: no mark-up, no mention.
    plain = {"type": "plain_text", "text": _cut(facts, TEXT), "emoji": False}
    blocks.append({"type": "context", "elements": [plain]})
    text = _slack_text(_cut(event["text"], TEXT))
    return {
        "text": text,
        "attachments": [{"color": _hex(event), "fallback": text, "blocks": blocks}],
    }


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mattermost(event: Event) -> dict[str, Any]:
    """Mattermost's incoming web hooks. Source: docs.mattermost.com, "Use message attachments"."""
    text = _markdown(_cut(event["text"], TEXT))
    fields = [
        {"title": name, "value": _markdown(_cut(value, 500)), "short": len(value) < 40}
        for name, value in facts_of(event)
    ]
    attachment = {"color": _hex(event), "fallback": text, "fields": fields}
    if event["detail"]:
        attachment["text"] = _fenced(detail(event["detail"]))
    return {"text": text, "attachments": [attachment]}


def _discord(event: Event) -> dict[str, Any]:
    """Discord's "Execute Webhook": nobody is mentioned, whatever the text says."""
    embed: dict[str, Any] = {
        "color": _COLOURS[event["event"]],
        "timestamp": datetime.fromtimestamp(event["at"], timezone.utc).isoformat(),
        "fields": [
            # A field takes 1,024 characters.
            {"name": name, "value": _markdown(_cut(value, 500)), "inline": len(value) < 40}
            for name, value in facts_of(event)
        ],
    }
    if event["detail"]:
        embed["description"] = _fenced(detail(event["detail"]))
    return {
        "content": _markdown(_cut(event["text"], TEXT // 2)),
        "embeds": [embed],
        "allowed_mentions": {"parse": []},
    }


def _teams(event: Event) -> dict[str, Any]:
    """An Adaptive Card for the workflow "When a Teams webhook request is received".

    Rich text, and not TextBlock, whose text would be read as Markdown.
    """
    lines = detail(event["detail"]).splitlines() if event["detail"] else []
    if len(lines) > CARD_LINES:
        lines = [*lines[: CARD_LINES - 1], f"... {len(lines) - CARD_LINES + 1} more lines"]
    heading = {
        "type": "TextRun",
        "text": _cut(event["text"], TEXT),
        "weight": "Bolder",
        "color": _CARD_COLOURS[event["event"]],
    }
    contents: list[dict[str, Any]] = [{"type": "RichTextBlock", "inlines": [heading]}]
    contents += [
        {
            "type": "RichTextBlock",
            "spacing": "None",
            # An empty run is refused.
            "inlines": [{"type": "TextRun", "text": line or " ", "fontType": "Monospace"}],
        }
        for line in lines
    ]
    contents += [
        {
            "type": "RichTextBlock",
            "spacing": "None" if index else "Medium",
            "inlines": [
                {"type": "TextRun", "text": f"{name}: ", "isSubtle": True},
                {"type": "TextRun", "text": _cut(value, 500)},
            ],
        }
        for index, (name, value) in enumerate(facts_of(event))
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": contents,
        "msteams": {"width": "Full"},
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}],
    }


_FORMATS: dict[str, Callable[[Event], dict[str, Any]]] = {
    "slack": _slack,
    "mattermost": _mattermost,
    "teams": _teams,
    "discord": _discord,
    "json": dict,
}


def detail(lines: Sequence[str], most: int = DETAIL) -> str:
    """Return as many of the first lines as fit, and how many there are more."""
    kept: list[str] = []
    left = most
    for line in lines:
        text = _cut(line, 400)
        if len(text) + 1 > left - len("... 10000 more lines"):
            return "\n".join([*kept, f"... {len(lines) - len(kept)} more lines"])
        kept.append(text)
        left -= len(text) + 1
    return "\n".join(kept)


def _fenced(text: str) -> str:
    """Return a text as a block of code, which it cannot end."""
    inside = text.replace("```", "'''")
    return f"```\n{inside}\n```"


def _markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, and that mentions nobody."""
    # A zero-width space, without which Mattermost calls whoever has this name.
    return _CALLS.sub("@\u200b", _MARKDOWN.sub(r"\\\1", text))


def _hex(event: Event) -> str:
    return f"#{_COLOURS[event['event']]:06x}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
