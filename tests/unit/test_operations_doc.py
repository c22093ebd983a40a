"""Every command of docs/operations.md is run by a test, or excused here with a reason."""

from __future__ import annotations

from tests.operations import PAGE, STORY, commands, run_by

#: Commands that no test runs, and why.
EXCUSED: dict[str, str] = {
    "ansible-playbook playbooks/drill.yml -e drill=<app_name>": "molecule/drill does it",
    "ansible-playbook playbooks/certificates.yml -e certificates_rotate=authority": (
        "visitors of the story trust one certificate; molecule/fleet_upkeep rotates"
    ),
}

WRITTEN = {text for _section, text in commands(PAGE.read_text(encoding="utf-8"))}
RUN = run_by(STORY.read_text(encoding="utf-8"))


def test_commands_are_found() -> None:
    assert "ansible-playbook playbooks/release.yml" in WRITTEN
    assert "$EDITOR inventory/<yours>/hosts.yml" in WRITTEN
    assert len(WRITTEN) > 20


def test_every_command_is_run_or_excused() -> None:
    assert sorted(WRITTEN - RUN - EXCUSED.keys()) == []


def test_what_is_run_or_excused_is_written() -> None:
    assert sorted((RUN | EXCUSED.keys()) - WRITTEN) == []


def test_what_is_excused_has_a_reason_and_is_not_run() -> None:
    assert all(EXCUSED.values())
    assert EXCUSED.keys().isdisjoint(RUN)


def test_commands_have_no_comment_and_blocks_no_output() -> None:
    page = """
## Release

    ansible-playbook deploy.yml -e a=b   # all of it
    HOST  RELEASE

Or run `A=b ansible-playbook playbooks/status.yml` and `ls`.

    0 * * * *  cd <clone> && ansible-playbook playbooks/verify.yml
"""
    assert list(commands(page)) == [
        ("Release", "ansible-playbook deploy.yml -e a=b"),
        ("Release", "A=b ansible-playbook playbooks/status.yml"),
        ("Release", "0 * * * *  cd <clone> && ansible-playbook playbooks/verify.yml"),
    ]
