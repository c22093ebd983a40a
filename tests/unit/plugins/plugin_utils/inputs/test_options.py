"""What `-e` sets for one run: a misspelt option is named, everything else is left alone."""

import re
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.options import OPTIONS, misspelt
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.values import PREFIXES

ROOT = Path(__file__).resolve().parents[5]
# An option on a command line of the documentation, or of a playbook's comment.
TYPED = re.compile(r"\s-e '?\{?\"?([a-z_]+)\b")
#: What a sentence has there: `-e name=value`.
NO_OPTIONS = {"name"}


def said(*given: str, playbook: str = "deploy") -> list[str]:
    return [problem.message for problem in misspelt(given, [playbook])]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("plan_onyl", "plan_only"),
        ("plan-only", "plan_only"),
        ("Plan_only", "plan_only"),
        ("relase", "release"),
        ("skip_backups", "skip_backup"),
        ("tune_secods", "tune_seconds"),
        ("maintenence", "maintenance"),
        ("unpinn", "unpin"),
    ],
)
def test_misspelt_option_is_named(name: str, meant: str) -> None:
    assert said(name) == [
        f"{name} (of the command line) is not an option of a playbook; did you mean {meant}? "
        "rename it; a variable of your own needs a name that is less like one"
    ]


def test_name_with_the_playbooks_own_prefix_is_meant_for_it() -> None:
    (message,) = said("history_until", playbook="history")
    assert "expected one of history_count, history_file, history_format; rename it" in message
    assert said("history_until", playbook="deploy") == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "release",
            "plan_only",
            "tune_seconds",
            "region",
            "ansible_user",
            "release_id",
            "version",
        ),
        # Compared with the variables of the deployment and of the roles, elsewhere.
        *("app_relase", "fleet_cannary", "nginx_site_hsts"),
    ],
)
def test_options_and_the_users_own_variables_are_left_alone(name: str) -> None:
    assert said(name) == []


def test_every_option_that_a_page_or_a_playbook_names_is_known() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "playbooks").glob("*.yml")]
    typed = {name for page in pages for name in TYPED.findall(page.read_text(encoding="utf-8"))}
    ours = {name for name in typed if not name.startswith((*PREFIXES, "ansible_", "bootstrap_"))}
    assert ours - OPTIONS - NO_OPTIONS == set()


def test_every_option_is_read_somewhere() -> None:
    code = "\n".join(
        line
        for folder in ("playbooks", "plugins")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".yml", ".py") and path.name != "options.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    )
    assert {name for name in OPTIONS if not re.search(rf"\b{name}\b", code)} == set()
