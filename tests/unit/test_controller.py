"""The machine that runs Ansible: what it lacks is said first; any folder, any inventory works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LINKS = {
    "collections": ".ansible/collections",
    "playbooks/collections": "../.ansible/collections",
    ".ansible/collections/ansible_collections/asgi/fleet": "../../../..",
}
TIMEOUT = "nginx_site_proxy_read_timeout_seconds"


def run(playbook: Path | str, *more: str | Path, cwd: Path) -> str:
    """Run a playbook where no ansible.cfg of ours is found; return all that it prints."""
    told = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    ended = subprocess.run(
        [BIN / "ansible-playbook", playbook, *more],
        cwd=cwd,
        env=told | {"ANSIBLE_NOCOLOR": "1", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return " ".join((ended.stdout + ended.stderr).split()) + f" rc={ended.returncode}"


def inventory(folder: Path, **variables: object) -> Path:
    source = folder / "source"
    source.mkdir()
    (source / "main.py").write_text("app = None\n")
    (source / "requirements.txt").write_text("fastapi\n")
    shop = {"app_name": "shop", "app_domain": "a.example"}
    shop["app_source"] = {"type": "path", "path": str(source)}  # type: ignore[assignment]
    file = folder / "hosts.yml"
    hosts = {"web1": {"ansible_connection": "local"}}
    file.write_text(yaml.safe_dump({"app": {"hosts": hosts, "vars": shop | variables}}))
    return file


def copy_of_the_clone(folder: Path) -> Path:
    """Copy what runs playbooks, without the links, as a zip file does."""
    folder.mkdir()
    for name in ("plugins", "roles", "meta", "templates", "galaxy.yml", "ansible.cfg"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "playbooks").mkdir()
    for path in (ROOT / "playbooks").iterdir():
        if path.name != "collections":
            (folder / "playbooks" / path.name).symlink_to(path)
    (folder / "tools").mkdir()
    (folder / "tools" / "bootstrap").write_text((ROOT / "tools" / "bootstrap").read_text())
    return folder


def first_imports(path: Path) -> list[Path]:
    """Return what a playbook imports before anything else: one of two, if a variable decides."""
    first: dict[str, Any] = yaml.safe_load(path.read_text())[0]
    named = str(first.get("ansible.builtin.import_playbook") or "")
    return [path.parent / name for name in re.findall(r"[a-z_/]+\.yml", named)]


def begins_with_the_check(path: Path) -> bool:
    """Return whether the first that a playbook does is to check, whatever a variable decides."""
    if path == ROOT / "playbooks" / "check.yml":
        return True
    follows = first_imports(path)
    return bool(follows) and all(map(begins_with_the_check, follows))


#: Second halves, which others import.
HALVES = ("aim_at_live.yml", "check.yml", "waves.yml")
#: Has hosts that no deployment has to name yet, and a check of its own: see below.
BEFORE_A_DEPLOYMENT = "bootstrap.yml"


@pytest.mark.parametrize(
    "path",
    [ROOT / "deploy.yml", *sorted((ROOT / "playbooks").glob("*.yml"))],
    ids=lambda path: path.name,
)
def test_playbook_begins_with_the_check(path: Path) -> None:
    if path.name in (*HALVES, BEFORE_A_DEPLOYMENT):
        return
    assert begins_with_the_check(path)


def test_bootstrap_refuses_what_the_check_refuses_while_ansible_reads() -> None:
    (check,), (bootstrap,) = (
        yaml.safe_load((ROOT / "playbooks" / name).read_text())[0]["tasks"]
        for name in ("check.yml", BEFORE_A_DEPLOYMENT)
    )
    assert bootstrap["vars"] == check["vars"]
    files = [task["ansible.builtin.import_tasks"]["file"] for task in (check, bootstrap)]
    assert files[1] == files[0].replace("tasks/check_inputs.yml", "tasks/bootstrap.yml")


def test_links_are_those_that_bootstrap_makes(tmp_path: Path) -> None:
    clone = copy_of_the_clone(tmp_path / "clone")
    (clone / "collections").write_text("as git leaves a link where there are none")
    subprocess.run(["sh", clone / "tools" / "bootstrap", "--links"], check=True, text=True)
    for path, target in LINKS.items():
        assert str((clone / path).readlink()) == str((ROOT / path).readlink()) == target


@pytest.mark.parametrize("playbook", ["release.yml", BEFORE_A_DEPLOYMENT])
def test_clone_that_lost_its_links_says_what_to_type(tmp_path: Path, playbook: str) -> None:
    clone = copy_of_the_clone(tmp_path / "clone")
    told = run(f"playbooks/{playbook}", "-i", inventory(tmp_path), cwd=clone)
    assert (
        f"Ansible does not find asgi.fleet, the collection of {clone}/playbooks; expected it in "
        f"{clone}/playbooks/collections, a link that a zip file or a copy may have lost; "
        f"type: {clone}/tools/bootstrap --links"
    ) in told
    assert "PLAY [" not in told


def test_older_ansible_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """By its condition alone; `make test-ansible` asks real ones."""
    check = (ROOT / "playbooks" / "check.yml").read_text()
    for name in ("playbooks", "playbooks/tasks"):
        (tmp_path / name).mkdir()
    newer = check.replace("version('2.19.4', '<')", "version('9.0', '<')")
    assert newer != check
    (tmp_path / "playbooks" / "check.yml").write_text(newer)
    told = run("playbooks/check.yml", "-i", inventory(tmp_path), cwd=tmp_path)
    assert "; expected 2.19.4 or later; in a clone, type: make bootstrap" in told
    assert "PLAY [" not in told


def test_clone_works_from_another_folder_and_says_that_its_settings_are_not_read(
    tmp_path: Path,
) -> None:
    told = run(ROOT / "playbooks" / "check.yml", "-i", inventory(tmp_path), cwd=tmp_path)
    assert told.endswith("rc=0"), told
    assert f"Ansible has not read {ROOT}/ansible.cfg" in told


def test_clone_works_in_a_folder_that_everybody_may_write(tmp_path: Path) -> None:
    clone = copy_of_the_clone(tmp_path / "clone")
    subprocess.run(["sh", clone / "tools" / "bootstrap", "--links"], check=True)
    clone.chmod(0o777)
    told = run("playbooks/check.yml", "-i", inventory(tmp_path), cwd=clone)
    assert told.endswith("rc=0"), told


def test_ini_inventory_and_extra_inventory_and_playbook_of_the_users_own(tmp_path: Path) -> None:
    """Every level at once; each variable is set at one of them."""
    given = {
        "nginx_site_hsts_enabled": False,
        "nginx_site_http2_streams": 64,
        "nginx_site_client_max_body_size": "20m",
        TIMEOUT: 300,
        "nginx_site_keepalive_requests": 900,
        "nginx_site_header_timeout_seconds": 16,
        "nginx_site_body_timeout_seconds": 17,
    }
    inventory(tmp_path)
    (tmp_path / "hosts.yml").unlink()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "hosts.ini").write_text(
        "[app]\nweb1 ansible_connection=local nginx_site_hsts_enabled=false app_workers=4\n"
        "[app:vars]\napp_name=shop\napp_domain=a.example\napp_env={'A': '1'}\n"
        f"app_source={{'type': 'path', 'path': '{tmp_path}/source'}}\n"
        "nginx_site_http2_streams=64\n"
    )
    script = tmp_path / "two.py"
    data = '{"app": {"hosts": ["web1"], "vars": {"nginx_site_client_max_body_size": "20m"}}}'
    script.write_text(f"#!{sys.executable}\nprint('''{data}''')\n")
    script.chmod(0o755)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "app.yml").write_text(f"{TIMEOUT}: 300\n")
    (tmp_path / "extra.yml").write_text("nginx_site_keepalive_requests: 900\n")
    facts = {"hosts": "app", "gather_facts": False}
    before = {"ansible.builtin.set_fact": {"nginx_site_header_timeout_seconds": 16}}
    lines = [f"{name}={{{{ {name} | to_json }}}}." for name in given]
    imported = {
        "import_playbook": str(ROOT / "playbooks" / "check.yml"),
        "vars": {"nginx_site_body_timeout_seconds": 17},
    }
    shown = {"ansible.builtin.debug": {"msg": " ".join(lines)}}
    # What an import_playbook is given holds within it alone.
    last = facts | {"tasks": [shown], "vars": imported["vars"]}
    plays = [facts | {"tasks": [before]}, imported, last]
    playbook = tmp_path / "site.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    inventories = ("-i", tmp_path / "one", "-i", script)
    # The user's own settings.
    settings = f"[defaults]\ncollections_path = {ROOT}/collections\n"
    (tmp_path / "ansible.cfg").write_text(settings)
    told = run(playbook, *inventories, "-e", "@extra.yml", cwd=tmp_path)
    assert told.endswith("rc=0"), told
    for name, value in given.items():
        text = f"{value}".lower() if isinstance(value, bool) else f"{value}"
        assert f"{name}={text}." in told.replace('\\"', "").replace('"', ""), (name, told)


def test_misspelt_role_variable_is_named(tmp_path: Path) -> None:
    hosts = inventory(tmp_path, nginx_site_read_timeout=300)
    told = run(ROOT / "playbooks" / "check.yml", "-i", hosts, cwd=tmp_path)
    assert (
        "nginx_site_read_timeout is not a variable of asgi.fleet's roles; did you mean "
        f"{TIMEOUT}? rename it"
    ) in told


#: Where the controller starts a program, and which: those of any Unix, and Python itself. A lock of
#: another tool is exported by that tool, in an environment that venv and pip make. A target of
#: fleet_notify is what the user names, or sendmail.
STARTED = {
    "plugin_utils/notify/transports.py": {"program"},
    "plugin_utils/inputs/authority_folder.py": {'"git"'},
    "plugin_utils/sources/git.py": {'"git"'},
    # ansible-playbook, by sys.executable.
    "plugin_utils/drill/playing.py": set(),
    "plugin_utils/sources/exporters.py": {"sys.executable", "pip", "python"},
}
STARTERS = r"\b(?:subprocess\.(?:run|Popen|call|check_\w+)|os\.(?:system|popen|exec\w+|spawn\w+))\b"


def test_controller_starts_no_program_but_those_of_the_page() -> None:
    folders = ("action", "callback", "filter", "plugin_utils")
    paths = [path for folder in folders for path in (ROOT / "plugins" / folder).rglob("*.py")]
    started = {
        str(path.relative_to(ROOT / "plugins"))
        for path in paths
        if re.search(STARTERS, path.read_text())
    }
    assert started == STARTED.keys()
    for path, programs in STARTED.items():
        text = (ROOT / "plugins" / path).read_text()
        calls = re.findall(r" (?:subprocess\.run|_run|_Objects)\(\s*\[?([\w\".]+),", text)
        # The functions that the others call have the name of their parameter.
        assert set(calls) - {"command"} == programs


def test_playbooks_start_only_what_any_unix_has_on_the_controller() -> None:
    texts = {
        path: path.read_text()
        for folder in ("playbooks", "roles")
        for path in (ROOT / folder).rglob("*.yml")
    }
    piped = {
        found for text in texts.values() for found in re.findall(r"builtin\.pipe', ?'(.+?)'", text)
    }
    assert piped == {'echo \\"$(id -un)@$(uname -n)\\"'}
    for path, text in texts.items():
        assert "local_action" not in text, path
        for task in text.split("\n\n"):
            if "delegate_to: localhost" in task:
                assert not re.search(r"ansible\.builtin\.(command|shell|script|raw):", task), path
