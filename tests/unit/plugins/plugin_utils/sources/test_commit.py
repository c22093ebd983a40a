"""A commit as a source: what is in its objects, its submodules, and where it stands in history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.commit import _resolved
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.git import relation

from tests.unit.plugins.plugin_utils.sources.trees import (
    Prepare,
    commit,
    content,
    data,
    git,
    members,
    refused,
    repository_of,
    write,
)

SHOP = {"main.py": "app = 1\n"}


@pytest.mark.parametrize("tag", ["shop@1.4.0", "release/1.4", "v1.4.0+build", "größe", "a,b"])
def test_git_takes_tags_of_every_name(packed: Prepare, repository: Path, tag: str) -> None:
    git(repository, "tag", tag, "v1")
    source = packed(type="git", url=str(repository), version=tag)
    assert content(source, "main.py") == "app = None\n"


def test_git_packs_the_bytes_of_the_objects(packed: Prepare, tmp_path: Path) -> None:
    files = SHOP | {
        "scripts/prestart.sh": "#!/bin/sh\nexit 0\n",
        "windows.txt": "a\r\nb\r\n",
        "id.txt": "$Id$\n",
        "latin.txt": "a",
    }
    root = repository_of(tmp_path / "shop", files)
    # In the objects before the attributes are.
    write(
        root,
        {
            ".gitattributes": "* text eol=crlf\nid.txt ident\n"
            "latin.txt working-tree-encoding=UTF-16\n"
        },
    )
    git(root, "add", ".gitattributes")
    git(root, "commit", "--quiet", "--message=attributes")
    source = packed(type="git", url=str(root), version="main")
    for name, text in files.items():
        assert data(source, name) == text.encode()
    assert source.notes == (
        ".gitattributes has eol=crlf, ident, working-tree-encoding=UTF-16; the files are packed as "
        "git stores them, all of them (app_source.exclude leaves files out)",
    )


def test_git_packs_what_an_archive_would_leave_out_or_change(
    packed: Prepare, tmp_path: Path
) -> None:
    attributes = "/docs export-ignore\nversion.py export-subst\n*.bin filter=lfs -text\n"
    version = 'commit = "$Format:%H$"\n'
    files = SHOP | {"docs/a.md": "a", "version.py": version, ".gitattributes": attributes}
    root = repository_of(tmp_path / "shop", files)
    source = packed(type="git", url=str(root), version="main")
    assert sorted(members(source)) == sorted(files)
    assert content(source, "version.py") == version
    [note] = source.notes
    assert note.startswith(
        ".gitattributes has export-ignore, export-subst; the files are packed as"
    )


def test_git_is_not_led_astray_by_the_callers_environment(
    packed: Prepare, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a hook of git, from which a deployment may be started."""
    other = repository_of(tmp_path / "other", {"other.py": ""})
    expected = packed(type="git", url=str(repository), version="main").digest
    for name, value in {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "nothing"),
        "GIT_NAMESPACE": "x",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "no such"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "nonsense",
        "GIT_CONFIG_PARAMETERS": "nonsense",
    }.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        source = packed(type="git", url=str(repository), version="main")
        assert source.digest == expected
    assert packed(type="path", path=str(repository)).described.startswith("v1-1-g")


def test_git_keeps_how_the_caller_reaches_the_server(
    packed: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\nexit 1\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{ssh} -i key")
    refused(packed, type="git", url="git@git.example.com:shop.git", version="main")
    assert "-i key" in (tmp_path / "asked").read_text()


# Submodules


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return repository_of(tmp_path / "library", {"library.py": "x = 1\n"})


@pytest.fixture
def nested(tmp_path: Path, library: Path) -> Path:
    """A repository with a submodule that has one."""
    middle = repository_of(tmp_path / "middle", {"middle.py": ""})
    git(middle, "submodule", "--quiet", "add", str(library), "deep/library")
    commit(middle, "submodule")
    root = repository_of(tmp_path / "shop", SHOP)
    git(root, "submodule", "--quiet", "add", "../middle", "libs/middle")
    commit(root, "submodule")
    # What is not named by the parent's commit is not taken.
    (library / "library.py").write_text("x = 2\n")
    commit(library, "two")
    return root


def test_git_fetches_submodules_of_submodules(packed: Prepare, nested: Path) -> None:
    source = packed(type="git", url=str(nested), version="main")
    assert content(source, "libs/middle/deep/library/library.py") == "x = 1\n"
    assert {"main.py", ".gitmodules", "libs/middle/middle.py"} <= set(members(source))
    below = packed(type="git", url=str(nested), version="main", subdirectory="libs/middle")
    assert content(below, "deep/library/library.py") == "x = 1\n"
    assert source.notes == below.notes == ()


def test_git_fetches_a_commit_that_no_branch_leads_to(
    packed: Prepare, nested: Path, library: Path
) -> None:
    git(library, "checkout", "--quiet", "--orphan", "new")
    commit(library, "new")
    git(library, "branch", "--quiet", "--delete", "--force", "main")
    source = packed(type="git", url=str(nested), version="main")
    assert content(source, "libs/middle/deep/library/library.py") == "x = 1\n"


def test_git_needs_no_submodule_that_is_left_out(
    packed: Prepare, nested: Path, library: Path
) -> None:
    library.rename(library.with_name("gone"))
    message = refused(packed, type="git", url=str(nested), version="main")
    assert message.startswith(
        f"the submodule libs/middle/deep/library ({library}) cannot be fetched"
    )
    assert message.endswith("access to it, or leave it out by app_source.exclude")
    exclude = ["/libs/middle/deep/"]
    source = packed(type="git", url=str(nested), version="main", exclude=exclude)
    assert "libs/middle/middle.py" in members(source)
    (nested / "web").mkdir()
    write(nested, {"web/page.html": ""})
    commit(nested, "web")
    source = packed(type="git", url=str(nested), version="main", subdirectory="web")
    assert list(members(source)) == ["page.html"]


def test_git_refuses_a_submodule_that_nobody_names(packed: Prepare, nested: Path) -> None:
    (nested / ".gitmodules").write_text("")
    commit(nested, "forgotten")
    message = refused(packed, type="git", url=str(nested), version="main")
    assert message.startswith("libs/middle is a submodule, and .gitmodules does not say where it")


@pytest.mark.parametrize(
    "url", ["/etc", "file:///srv/private", "ext::sh -c id", "--upload-pack=id"]
)
def test_git_takes_no_submodule_from_the_controller(
    packed: Prepare, nested: Path, private_url: str, url: str
) -> None:
    git(nested, "config", "--file", ".gitmodules", "submodule.libs/middle.url", url)
    commit(nested, "elsewhere")
    message = refused(packed, type="git", url=private_url, version="main")
    assert message == (
        f"the submodule libs/middle comes from {url}; expected a URL of https or ssh"
    )


@pytest.fixture
def private_url(nested: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A URL of a server that is the repository itself, by the operator's own settings."""
    config = tmp_path / "home"
    config.mkdir()
    (config / ".gitconfig").write_text(
        f'[url "{nested.parent}/"]\n\tinsteadOf = https://git.example.com/\n'
    )
    monkeypatch.setenv("HOME", str(config))
    return "https://git.example.com/shop"


@pytest.mark.parametrize(
    ("url", "parent", "resolved"),
    [
        (
            "../lib.git",
            "https://git.example.com/team/shop.git",
            "https://git.example.com/team/lib.git",
        ),
        ("../../lib", "https://git.example.com/team/shop/", "https://git.example.com/lib"),
        ("../lib.git", "git@git.example.com:team/shop.git", "git@git.example.com:team/lib.git"),
        ("../lib.git", "git@git.example.com:shop.git", "git@git.example.com:lib.git"),
        (
            "./lib.git",
            "https://git.example.com/shop.git",
            "https://git.example.com/shop.git/lib.git",
        ),
        ("../lib", "/srv/git/shop", "/srv/git/lib"),
        ("https://example.com/x", "/srv/git/shop", "https://example.com/x"),
    ],
)
def test_relative_url_of_a_submodule_leads_from_its_parents(
    url: str, parent: str, resolved: str
) -> None:
    assert _resolved(url, parent) == resolved


@pytest.mark.parametrize("kind", ["path", "archive"])
def test_submodule_that_was_not_checked_out_is_refused(
    packed: Prepare, tmp_path: Path, nested: Path, kind: str
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(nested), str(clone))
    given = {"type": "path", "path": str(clone)}
    if kind == "archive":
        git(clone, "archive", "--format=tar", f"--output={tmp_path}/shop.tar", "HEAD")
        given = {"type": "archive", "path": f"{tmp_path}/shop.tar"}
    message = refused(packed, **given)
    assert message.startswith("libs/middle is empty in the source, but a submodule in .gitmodules;")
    source = packed(**given, exclude=["/libs/"])
    assert sorted(members(source)) == [".gitmodules", "main.py"]


def test_attributes_above_a_subdirectory_are_said(packed: Prepare, tmp_path: Path) -> None:
    root = repository_of(tmp_path / "shop", {"web/a": "", ".gitattributes": "*.py ident\n"})
    [note] = packed(type="git", url=str(root), version="main", subdirectory="web").notes
    assert note.startswith(".gitattributes has ident; ")


def test_subdirectory_outside_of_the_source_is_refused(packed: Prepare, project: Path) -> None:
    for below in ("..", "../shop", "web/../.."):
        message = refused(packed, type="path", path=str(project), subdirectory=below)
        assert message.startswith("the source has nothing below ..")


# The place in history


def test_git_describes_the_commit(packed: Prepare, repository: Path) -> None:
    short = git(repository, "rev-parse", "--short", "main")
    source = packed(type="git", url=str(repository), version="main")
    assert source.described == f"v1-1-g{short}"
    git(repository, "tag", "v2-rc1")
    git(repository, "tag", "v2")
    for tag in ("v2", "v2-rc1"):
        source = packed(type="git", url=str(repository), version=tag)
        assert source.described == f"{tag}-0-g{short}"


def test_git_without_tags_is_described_by_its_commit(packed: Prepare, tmp_path: Path) -> None:
    root = repository_of(tmp_path / "shop", SHOP)
    source = packed(type="git", url=str(root), version="main")
    assert source.described == git(root, "rev-parse", "--short", "HEAD")


def test_folder_of_a_work_tree_is_described(packed: Prepare, repository: Path) -> None:
    described = git(repository, "describe", "--tags", "--long")
    assert packed(type="path", path=str(repository)).described == described
    assert packed(type="path", path=str(repository / "web")).described == described
    (repository / "main.py").write_text("app = 9\n")
    assert packed(type="path", path=str(repository)).described == f"{described}-dirty"


def test_folder_outside_of_git_is_not_described(
    packed: Prepare, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packed(type="path", path=str(project)).described == ""
    monkeypatch.setenv("PATH", os.devnull)
    assert packed(type="path", path=str(project)).described == ""


# The repository around a subdirectory


def test_link_out_of_the_subdirectory_takes_the_repository(packed: Prepare, tmp_path: Path) -> None:
    root = Path(write(tmp_path / "shop", {"backend/main.py": "", "shared/models.py": "x = 1\n"}))
    (root / "backend" / "models.py").symlink_to("../shared/models.py")
    (root / "backend" / "inside.py").symlink_to("main.py")
    repository_of(root, {"frontend/app.js": ""})
    for given in (
        {"type": "git", "url": str(root), "version": "main"},
        {"type": "path", "path": str(root)},
    ):
        source = packed(**given, subdirectory="backend", exclude=["/frontend/"])
        assert source.project == "backend"
        found = members(source)
        assert set(found) == {
            *("backend/main.py", "backend/inside.py", "backend/models.py", "shared/models.py"),
        }
        assert found["backend/models.py"].linkname == "../shared/models.py"
        assert source.notes == (
            "the whole repository is packed, not only backend: backend/models.py links out of it",
        )


def test_link_out_of_the_repository_is_refused(packed: Prepare, tmp_path: Path) -> None:
    root = Path(write(tmp_path / "shop", {"backend/main.py": ""}))
    (root / "backend" / "hosts").symlink_to("../../other")
    message = refused(packed, type="path", path=str(root), subdirectory="backend")
    assert message == (
        "the source's backend/hosts links to ../../other, outside of it; remove the link"
    )


def test_projects_of_one_repository_are_other_releases(packed: Prepare, tmp_path: Path) -> None:
    root = Path(write(tmp_path / "shop", {"a/main.py": "", "b/main.py": "", "c/x.py": ""}))
    for name in ("a", "b"):
        (root / name / "x.py").symlink_to("../c/x.py")
    first, second = (packed(type="path", path=str(root), subdirectory=name) for name in "ab")
    assert first.digest != second.digest


WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend", "libs/*"]\n',
    "uv.lock": "version = 1\n",
    "backend/pyproject.toml": '[project]\nname = "backend"\nversion = "2.1"\n',
    "backend/main.py": "",
    "libs/common/pyproject.toml": '[project]\nname = "common"\nversion = "1"\n',
}


@pytest.mark.parametrize("kind", ["path", "git"])
def test_member_of_a_workspace_takes_the_repository(
    packed: Prepare, tmp_path: Path, kind: str
) -> None:
    root = repository_of(tmp_path / "shop", WORKSPACE)
    given = {"type": "path", "path": str(root)}
    if kind == "git":
        given = {"type": "git", "url": str(root), "version": "main"}
    source = packed(**given, subdirectory="./backend/")
    assert (source.project, sorted(members(source))) == ("backend", sorted(WORKSPACE))
    assert source.label == ("2.1" if kind == "path" else "main")
    [note] = source.notes
    assert note.startswith("the whole repository is packed, not only backend: it is a member of ")


def test_subdirectory_that_needs_nothing_else_is_packed_alone(
    packed: Prepare, tmp_path: Path
) -> None:
    root = write(
        tmp_path / "shop", {"backend/main.py": "", "backend/requirements.txt": "", "x": ""}
    )
    source = packed(type="path", path=root, subdirectory="backend")
    assert (source.project, sorted(members(source))) == ("", ["main.py", "requirements.txt"])


def test_path_of_a_member_alone_is_refused(packed: Prepare, tmp_path: Path) -> None:
    root = write(tmp_path / "shop", WORKSPACE)
    assert refused(packed, type="path", path=f"{root}/backend") == (
        f"app_source.path is {root}/backend, a member of the uv workspace of {root}, whose lock "
        f"says what it needs; set app_source to {{type: path, path: {root}, subdirectory: backend}}"
    )


def test_path_that_needs_its_neighbour_says_so(packed: Prepare, tmp_path: Path) -> None:
    write(tmp_path, {"shop/requirements.txt": "-r ../base.txt\n", "base.txt": "", "shop/a.py": ""})
    [note] = packed(type="path", path=str(tmp_path / "shop")).notes
    assert note.startswith(
        "app_source.path is packed alone, and its requirements.txt names ../base.txt; "
    )


def test_commits_are_ordered_by_the_history_of_their_repository(
    packed: Prepare, repository: Path, tmp_path: Path
) -> None:
    cache, url = str(tmp_path / "cache"), str(repository)
    older = packed(type="git", url=url, version="v1").commit
    newer = packed(type="git", url=url, version="main").commit
    assert relation(cache, url, older, newer) == "before"
    assert relation(cache, url, newer, older) == "after"
    assert relation(cache, url, newer, newer) == "same"
    git(repository, "checkout", "--quiet", "-b", "hotfix", "v1")
    write(repository, {"main.py": "app = 3\n"})
    git(repository, "commit", "--quiet", "--all", "--message=three")
    aside = packed(type="git", url=url, version="hotfix").commit
    assert relation(cache, url, aside, newer) == "unknown"


def test_commits_that_the_mirror_does_not_have_are_not_ordered(tmp_path: Path) -> None:
    assert relation(str(tmp_path), "/nowhere", "a" * 40, "b" * 40) == "unknown"
