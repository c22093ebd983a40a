"""What stands after `-e` on a command line, where Ansible would split a sentence into words.

`-e command="python manage.py migrate"` reaches Ansible without its quotes, so that its variable
`command` is `python`. The rest is lost without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings

#: Where ansible.parsing.splitter.parse_kv puts the words that are no variables.
LEFT_OVER = "_raw_params"


def given(
    name: str,
    options: Sequence[str],
    variables: Mapping[str, object],
    parse: Callable[[str], Mapping[str, object]],
    findings: Findings,
) -> object:
    """Return a variable as it stands on the command line; None if it does not.

    Args:
        name: The variable.
        options: What stands after each `-e`, in order.
        variables: What Ansible made of all of them, templates not resolved.
        parse: What Ansible makes of one, parse_kv().
        findings: Where a problem is added: the text of the variable may set others.
    """
    # The last one counts.
    for option in reversed(options):
        text = str(option).strip()
        if text[:1] in ("@", "{", "[") or not text.startswith(f"{name}="):
            continue
        found = dict(parse(text))
        if LEFT_OVER not in found:
            break
        others = sorted(filter(str.isidentifier, found.keys() - {name, LEFT_OVER}))
        if others:
            findings.refuse(
                f"followed by {others[0]}=, which Ansible takes as a variable",
                "it alone after its -e",
                f"quote it: -e '{name}=\"...\"'",
            )
        return text.removeprefix(f"{name}=").strip()
    return variables.get(name)
