"""The lookups of docs/secrets.md: each is there with these options, and its value passes the check.

The password managers' own programs are stand-ins, and so is the lookup for AWS, which needs boto3.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import DOCS, ROOT

PAGE = (DOCS / "secrets.md").read_text(encoding="utf-8")
BLOCKS = [
    block for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S) if "lookup(" in block
]
BIN = Path(sys.executable).parent

PROGRAMS = {
    "op": """
case "$*" in
  --version*) echo 2.30.0 ;;
  "account list"*) echo '[{}]' ;;
  "account get"*) ;;
  "item get shop "*--vault=Production*)
    echo '{"fields": [{"label": "api_token", "value": "made-up"}]}'
    ;;
  *) exit 2 ;;
esac
""",
    "bws": """
case "$*" in
  --version) echo bws 1.0.0 ;;
  *"secret get 2bc23e48-4932-40de-a047-5524b7ddc972"*) echo '{"value": "made-up"}' ;;
  *) exit 2 ;;
esac
""",
    "bw": """
case "$*" in
  status*) echo '{"status": "unlocked"}' ;;
  sync*) ;;
  "list items --search shop"*)
    echo '[{"name": "shop", "fields": [{"name": "api_token", "value": "made-up"}]}]'
    ;;
  *) exit 2 ;;
esac
""",
}
AWS = """
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return ["made-up"]
"""


def lookups(block: str) -> list[ast.Call]:
    """The calls of lookups in a block."""
    found: list[ast.Call] = []
    for template in re.findall(r"\{\{(.*?)\}\}", block):
        # true is a name in Python; only the names of options count here.
        tree = ast.parse(re.sub(r"\|\s*first\s*$", "", template).strip(), mode="eval")
        found += [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "lookup"
        ]
    return found


def plugin(call: ast.Call) -> str:
    assert isinstance(call.args[0], ast.Constant)
    return str(call.args[0].value)


CALLS = [call for block in BLOCKS for call in lookups(block)]


@pytest.fixture(scope="module")
def documented() -> dict[str, set[str]]:
    """The options of each lookup."""
    names = sorted({plugin(call) for call in CALLS})
    command: list[str | Path] = [BIN / "ansible-doc", "--type", "lookup", "--json", *names]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {
        name: set(page["doc"].get("options", {})) for name, page in json.loads(told.stdout).items()
    }


def test_lookups_are_found() -> None:
    assert {plugin(call) for call in CALLS} == {
        "amazon.aws.secretsmanager_secret",
        "amazon.aws.ssm_parameter",
        "community.general.bitwarden",
        "community.general.bitwarden_secrets_manager",
        "community.general.onepassword",
    }


@pytest.mark.parametrize("call", CALLS, ids=plugin)
def test_lookup_exists_and_has_the_options(call: ast.Call, documented: dict[str, set[str]]) -> None:
    assert {str(word.arg) for word in call.keywords} <= documented[plugin(call)]


@pytest.mark.parametrize("block", BLOCKS, ids=[plugin(lookups(block)[0]) for block in BLOCKS])
def test_block_passes_the_check_and_shows_no_value(block: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}")
        (programs / name).chmod(0o755)
    aws = tmp_path / "collections" / "ansible_collections" / "amazon" / "aws" / "plugins" / "lookup"
    aws.mkdir(parents=True)
    for name in ("secretsmanager_secret", "ssm_parameter"):
        (aws / f"{name}.py").write_text(AWS)
    inventory = tmp_path / "inventory"
    (inventory / "group_vars").mkdir(parents=True)
    minimal = (ROOT / "inventory" / "minimal" / "hosts.yml").read_text(encoding="utf-8")
    (inventory / "hosts.yml").write_text(minimal)
    (inventory / "group_vars" / "app.yml").write_text(block)
    collections = f"{ROOT / '.ansible' / 'collections'}:{tmp_path / 'collections'}"
    command: list[str | Path] = [
        BIN / "ansible-playbook",
        *("-i", inventory, ROOT / "playbooks" / "check.yml"),
        "-v",
    ]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "BWS_ACCESS_TOKEN": "a-token",
            "BW_SESSION": "a-session",
            "PATH": f"{programs}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    told = ended.stdout + ended.stderr
    assert ended.returncode == 0, told
    assert "made-up" not in told
