"""Generates documentation pages from data, so that neither can become outdated.

    tools/docs.py roles        roles/*/README.md from argument_specs, example and main in its meta/
    tools/docs.py variables    docs/variables.md from the table of inputs
    tools/docs.py metrics      the table in docs/metrics.md from that of metrics_text.py
    tools/docs.py --check      writes nothing, and fails when a page is out of date

Without a name it writes all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from antsibull_docs_parser import dom
from antsibull_docs_parser.parser import Context, parse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ansible" / "collections"))

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (  # noqa: E402
    bootstrap as inputs_bootstrap,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (  # noqa: E402
    source as inputs_source,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (  # noqa: E402
    spec as inputs_spec,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (  # noqa: E402
    tls as inputs_tls,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs import (  # noqa: E402
    variable as inputs_variable,
)

sys.path.insert(0, str(ROOT / "roles" / "gunicorn_service" / "files"))

import metrics_text  # noqa: E402

NOTE = "<!-- Made by tools/docs.py from {sources}; edit those and run `make docs`. -->"


class MarkupError(Exception):
    """A description has mark-up that is not part of Ansible's documentation."""


@dataclass(frozen=True)
class Page:
    """One generated page: its path and its text."""

    path: Path
    text: str

    def is_current(self) -> bool:
        """Return whether the file has the generated text."""
        return self.path.is_file() and self.path.read_text(encoding="utf-8") == self.text


def span(text: str) -> str:
    """Return a text as a code span."""
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{' '.join(text.split())}{ticks}"


def _named(part: dom.OptionNamePart | dom.ReturnValuePart) -> str:
    """Return an option or a return value, with the plugin that it belongs to, if given."""
    value = "" if part.value is None else f"={part.value}"
    owner = f" of {span(part.plugin.fqcn)}" if part.plugin else ""
    return f"{span(part.name + value)}{owner}"


#: Each kind of mark-up as Markdown.
_MARKDOWN: dict[type[dom.AnyPart], Callable[[Any], str]] = {
    dom.TextPart: lambda part: str(part.text),
    dom.BoldPart: lambda part: f"**{part.text}**",
    dom.ItalicPart: lambda part: f"*{part.text}*",
    dom.CodePart: lambda part: span(part.text),
    dom.LinkPart: lambda part: f"[{part.text}]({part.url})",
    dom.URLPart: lambda part: f"<{part.url}>",
    dom.ModulePart: lambda part: span(part.fqcn),
    dom.PluginPart: lambda part: span(part.plugin.fqcn),
    dom.OptionNamePart: _named,
    dom.OptionValuePart: lambda part: span(part.value),
    dom.ReturnValuePart: _named,
    dom.EnvVariablePart: lambda part: span(part.name),
}


def markdown(text: str) -> str:
    """Return Ansible's documentation mark-up, such as C(code), as Markdown.

    Raises:
        MarkupError: The mark-up is not valid.
    """
    (parts,) = parse([text], Context())
    for part in parts:
        if type(part) not in _MARKDOWN:
            reason = part.message if isinstance(part, dom.ErrorPart) else type(part).__name__
            raise MarkupError(
                f"{text!r} has {reason}; expected the mark-up of Ansible's documentation that "
                "Markdown can show; correct the description"
            )
    return " ".join("".join(_MARKDOWN[type(part)](part) for part in parts).split())


def paragraphs(description: str | list[str]) -> list[str]:
    """Return a description, one text or a list of them, as paragraphs."""
    entries = [description] if isinstance(description, str) else description
    return [markdown(entry) for entry in entries]


def row(*cells: str) -> str:
    """Return a row of a table; a bar within a cell is escaped."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def table(head: list[str], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table, as lines."""
    return [row(*head), row(*("---" for _ in head)), *(row(*cells) for cells in rows)]


def code(value: object) -> str:
    """Return a value as YAML in a code span; a text as it appears in an inventory."""
    if value is None:
        return "unset"
    if value == "":
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return span(text)


def option_rows(options: dict[str, Any], prefix: str = "") -> list[tuple[str, ...]]:
    """Return the rows of a role's options, including those of a nested mapping or list."""
    rows: list[tuple[str, ...]] = []
    for name, option in options.items():
        kind = option.get("type", "str")
        if "elements" in option:
            kind = f"{kind} of {option['elements']}"
        if option.get("required"):
            default = "required"
        else:
            default = code(option["default"]) if "default" in option else ""
        words = paragraphs(option.get("description", ""))
        if "choices" in option:
            words.append(f"One of {', '.join(code(choice) for choice in option['choices'])}.")
        rows.append((f"`{prefix}{name}`", kind, default, " ".join(words)))
        within = f"{prefix}{name}{'[]' if option.get('type') == 'list' else ''}."
        rows += option_rows(option.get("options", {}), within)
    return rows


def entry_point(
    name: str, spec: dict[str, Any], same_as: dict[str, Any] | None = None
) -> list[str]:
    """Return the part of a README about one entry point of a role.

    Args:
        name: Name of the entry point.
        spec: Its specification.
        same_as: One that was shown already: the same variables are not shown again.
    """
    lines: list[str] = []
    if name != "main":
        lines += [f"## Entry point `{name}`", "", markdown(spec["short_description"]), ""]
    for paragraph in paragraphs(spec.get("description", [])):
        lines += [paragraph, ""]
    options = spec.get("options", {})
    if same_as and options == same_as.get("options"):
        lines += ["Takes the variables above.", ""]
    elif options:
        lines += ["## Variables" if name == "main" else "### Variables", ""]
        lines += [*table(["variable", "type", "default", "meaning"], option_rows(options)), ""]
    return lines


def role_page(role: Path) -> Page:
    """Return the README of a role."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    meta = yaml.safe_load((role / "meta" / "main.yml").read_text(encoding="utf-8"))["galaxy_info"]
    entries: dict[str, Any] = specs["argument_specs"]
    lines = [f"# {role.name}", "", NOTE.format(sources="meta/"), ""]
    lines += [f"{markdown(entries['main']['short_description'])}.", ""]
    lines += entry_point("main", entries["main"])
    for name, spec in entries.items():
        if name != "main":
            lines += entry_point(name, spec, same_as=entries["main"])
    example = (role / "meta" / "example.yml").read_text(encoding="utf-8").removeprefix("---\n")
    lines += ["## Example", "", "```yaml", example.rstrip("\n"), "```", ""]
    platforms = "; ".join(
        f"{platform['name']} {', '.join(platform.get('versions', []))}".strip()
        for platform in meta.get("platforms", [])
    )
    lines += ["## Requirements", ""]
    lines += [
        f"ansible-core {meta['min_ansible_version']} or newer on the controller. {platforms}."
    ]
    return Page(role / "README.md", "\n".join(lines) + "\n")


def role_pages(roles: Path = ROOT / "roles") -> list[Page]:
    """Return the READMEs of all roles that have a specification."""
    return [
        role_page(spec.parent.parent) for spec in sorted(roles.glob("*/meta/argument_specs.yml"))
    ]


def key_rows(keys: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows of the keys of a source or of a TLS mode."""
    rows: list[tuple[str, ...]] = []
    for name, key in keys.items():
        rows.append((f"`{name}`", "required" if key.required else "optional", key.expected))
    return rows


def keyed(title: str, discriminator: str, tables: dict[str, dict[str, Any]]) -> list[str]:
    """Return the section of a variable whose keys depend on one of them."""
    lines = [f"## {title}", ""]
    for value, keys in tables.items():
        lines += [f"### `{discriminator}: {value}`", ""]
        if keys:
            lines += [*table(["key", "", "allowed"], key_rows(keys)), ""]
        else:
            lines += ["It has no other key.", ""]
    return lines


def described(variables: Sequence[inputs_variable.Variable], level: str) -> list[str]:
    """Return a table of variables, and a section of its own for each."""
    rows: list[tuple[str, ...]] = [
        (
            f"[`{variable.name}`](#{variable.name})",
            variable.meaning,
            "required" if variable.required else code(variable.default),
        )
        for variable in variables
    ]
    lines = [*table(["variable", "meaning", "default"], rows), ""]
    for variable in variables:
        default = "none (required)" if variable.required else code(variable.default)
        lines += [f"{level}{variable.name}", "", variable.meaning, ""]
        lines += [f"- Type: {variable.type}", f"- Allowed: {variable.allowed}"]
        lines += [f"- Default: {default}", "", "```yaml"]
        lines += [f"{variable.name}: {variable.example}", "```", ""]
    return lines


def variables_page() -> Page:
    """Return the page about the deployment's variables."""
    module = "plugins/plugin_utils/inputs/spec_*.py"
    lines = ["# The deployment's variables", "", NOTE.format(sources=module), ""]
    lines += [
        "Set them in an inventory, for the group `app`: in `group_vars/app.yml`, or in files of",
        "a folder `group_vars/app/` (not both: if the folder exists, Ansible does not read the",
        "file). Every rollout begins with `playbooks/check.yml`, which refuses invalid variables",
        "before any host is contacted. `inventory/example` is a complete inventory,",
        "`inventory/minimal` a minimal one.",
        "",
        "Role variables, such as `nginx_site_proxy_read_timeout_seconds`, can also be set anywhere",
        "in the inventory. They override the values that asgi.fleet derives for the roles. A role",
        "variable that only follows from one of the variables below is refused by name, and the",
        "message says which variable to set instead. The READMEs of the roles describe them.",
        "",
    ]
    lines += described(inputs_spec.SPEC, "## ")
    lines += keyed("Keys of app_source", "type", inputs_source.KEYS)
    lines += keyed("Keys of app_tls", "mode", inputs_tls.MODES)
    lines += [
        "## Variables of bootstrap.yml",
        "",
        "For any group of the inventory, or with `-e`. [bootstrap.md](bootstrap.md) says what they",
        "do.",
        "",
        *described(inputs_bootstrap.BOOTSTRAP, "### "),
        "## Variables of your own",
        "",
        "A variable that begins with `app_` or `fleet_` and is not in this table is refused:",
        "otherwise a typo (`app_worker`) would be ignored silently. Give your own variables",
        "another prefix, or list them in `fleet_extra_variables`, by name or by pattern.",
        "",
        "So is what `-e` sets on a command line, if it is almost the name of a playbook's option",
        "(`-e plan_onyl=true`).",
        "",
        "## Secrets",
        "",
        "Messages and the fact `deployment` never contain values of `app_env` and `app_secrets`,",
        "nor the text of a key in `app_tls`. Encrypt these values with ansible-vault; a key may",
        "also be the path of a file that ansible-vault encrypted.",
        "",
        "What commands, failing imports and failing starts print is shown with the names of",
        "secrets for their values: `<DATABASE_URL>`. Found are also the password in a URL, the",
        "lines and texts of a document, and each of these percent-encoded, escaped, in base64 and",
        "in hexadecimal. Not found are values of fewer than four characters, and what was",
        "encrypted or compressed.",
    ]
    return Page(ROOT / "docs" / "variables.md", "\n".join(lines) + "\n")


def metrics_page() -> Page:
    """Return docs/metrics.md, in which the table of metrics is that of the program."""
    path = ROOT / "docs" / "metrics.md"
    before, begins, rest = path.read_text(encoding="utf-8").partition("metrics_text.py -->\n")
    _old, ends, after = rest.partition("<!-- end of the table -->")
    rows: list[tuple[str, ...]] = [
        (f"`{metrics_text.PREFIX}{one.name}`", one.type, ", ".join(one.labels), one.help)
        for one in metrics_text.METRICS
    ]
    lines = table(["metric", "type", "labels, besides app", "meaning"], rows)
    return Page(path, "\n".join([f"{before}{begins}", *lines, "", f"{ends}{after}"]))


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or with --check list those that are out of date; return the exit status."""
    parser = argparse.ArgumentParser(description="Generate documentation pages from data.")
    parser.add_argument("page", nargs="?", choices=["roles", "variables", "metrics"])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when out of date")
    options = parser.parse_args(arguments)
    pages: list[Page] = []
    if options.page in (None, "roles"):
        pages += role_pages()
    if options.page in (None, "variables"):
        pages.append(variables_page())
    if options.page in (None, "metrics"):
        pages.append(metrics_page())
    stale = [page for page in pages if not page.is_current()]
    for page in stale:
        name = page.path.relative_to(ROOT)
        if options.check:
            print(f"{name} is out of date; expected what tools/docs.py writes; run make docs")
        else:
            page.path.write_text(page.text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
