"""The transaction: its order, and its way back from every place where nginx can refuse."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx import (
    Changes,
    NginxConfigError,
    Verdict,
    apply_changes,
    check_paths,
    explain_refusal,
    is_final,
    plan_changes,
    read_current,
    replace_file,
)

EMERG = (
    'nginx: [emerg] unknown directive "servr" in /etc/nginx/conf.d/shop.conf:3\nnginx: test failed'
)


@dataclass
class FakeNginx:
    """An nginx that refuses where a test wants it to, and notes what it was asked."""

    valid: bool = True
    takes: bool = True
    active: bool = True
    output: str = ""
    asked: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    watched: Path | None = None
    tested: Changes | None = None

    def test(self, changes: Changes) -> Verdict:
        self.tested = changes
        self._ask("test")
        return Verdict(self.valid, self.output)

    def running(self) -> bool:
        return self.active

    def start(self) -> None:
        self._ask("start")

    def reload(self) -> None:
        self._ask("reload")

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.watched is not None:
            self.seen.append(self.watched.read_text() if self.watched.exists() else "nothing")
        if what != "test" and not self.takes:
            raise NginxConfigError("nginx refuses the reload: bind() failed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nginx").mkdir()
    return tmp_path / "nginx"


@pytest.fixture
def pending(tmp_path: Path) -> Path:
    return tmp_path / "pending"


def plan(files: dict[Path, str], absent: list[Path] | None = None) -> Changes:
    wanted = {str(path): text for path, text in files.items()}
    unwanted = [str(path) for path in absent or []]
    return plan_changes(wanted, unwanted, read_current([*wanted, *unwanted]))


def test_plan_holds_only_what_differs() -> None:
    current = {"/n/same": "a", "/n/other": "b", "/n/new": None, "/n/old": "c", "/n/gone": None}
    files = {"/n/same": "a", "/n/other": "B", "/n/new": "d"}

    changes = plan_changes(files, ["/n/old", "/n/gone"], current)

    assert changes.write == {"/n/other": "B", "/n/new": "d"}
    assert changes.remove == ("/n/old",)
    assert [
        (entry["after_header"], entry["before"], entry["after"]) for entry in changes.diff()
    ] == [
        ("/n/new", "", "d"),
        ("/n/old (removed)", "c", ""),
        ("/n/other", "b", "B"),
    ]


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/etc/nginx/conf.d/shop.conf", False),
        ("/etc/nginx/nginx.conf", False),
        ("/etc/nginx", True),
        ("/etc/nginx-old/a.conf", True),
        ("/etc/nginx/../passwd", True),
        ("conf.d/shop.conf", True),
    ],
)
def test_paths_outside_of_the_configuration_are_refused(path: str, refused: bool) -> None:
    refusals = check_paths([path], [], "/etc/nginx/")

    assert bool(refusals) == refused
    assert all("expected a path below /etc/nginx/" in refusal for refusal in refusals)


def test_a_path_both_wanted_and_unwanted_is_refused() -> None:
    refusals = check_paths(["/etc/nginx/a"], ["/etc/nginx/a"], "/etc/nginx")

    assert len(refusals) == 1
    assert "is both in files and in absent; expected one of them" in refusals[0]


def test_files_are_tested_before_they_are_replaced_and_reloaded_after(
    folder: Path, pending: Path
) -> None:
    site, default = folder / "conf.d" / "shop.conf", folder / "default"
    default.write_text("page")
    nginx = FakeNginx(watched=site)

    outcome = apply_changes(plan({site: "server"}, [default]), nginx, pending, always=False)

    assert list(zip(nginx.asked, nginx.seen, strict=True)) == [
        ("test", "nothing"),
        ("reload", "server"),
    ]
    assert (outcome.action, outcome.tested) == ("reloaded", True)
    assert site.stat().st_mode & 0o777 == 0o644
    assert not default.exists()
    assert not pending.exists()
    assert [path.name for path in site.parent.iterdir()] == ["shop.conf"]


def test_a_refused_test_touches_nothing(folder: Path, pending: Path) -> None:
    site = folder / "shop.conf"
    site.write_text("old")

    with pytest.raises(
        NginxConfigError, match=r'unknown directive "servr" in .*shop.conf:3; nginx serves'
    ):
        apply_changes(
            plan({site: "servr"}), FakeNginx(valid=False, output=EMERG), pending, always=False
        )

    assert site.read_text() == "old"
    assert not pending.exists()


@pytest.mark.parametrize("active", [True, False])
def test_files_come_back_when_nginx_does_not_take_them(
    folder: Path, pending: Path, active: bool
) -> None:
    changed, added, removed, link = (
        folder / name for name in ("changed", "added", "removed", "link")
    )
    changed.write_text("old")
    changed.chmod(0o640)
    removed.write_bytes(b"caf\xe9")
    link.symlink_to("removed")
    changes = plan({changed: "new", added: "new"}, [removed, link])

    with pytest.raises(NginxConfigError, match=r"bind\(\) failed; the previous files are back"):
        apply_changes(changes, FakeNginx(takes=False, active=active), pending, always=False)

    assert (changed.read_text(), changed.stat().st_mode & 0o777) == ("old", 0o640)
    assert not added.exists()
    assert removed.read_bytes() == b"caf\xe9"
    assert link.is_symlink()
    assert not pending.exists()


def test_nothing_to_do_asks_nothing_of_nginx(folder: Path, pending: Path) -> None:
    site = folder / "shop.conf"
    site.write_text("same")
    nginx = FakeNginx()

    outcome = apply_changes(plan({site: "same"}), nginx, pending, always=False)

    assert (outcome.action, outcome.tested, nginx.asked) == ("none", False, [])


def test_unchanged_files_are_reloaded_when_asked_to(pending: Path) -> None:
    nginx = FakeNginx()

    assert apply_changes(Changes(), nginx, pending, always=True).action == "reloaded"
    assert nginx.asked == ["test", "reload"]


def test_a_run_torn_apart_before_its_reload_is_finished_by_the_next(pending: Path) -> None:
    pending.touch()

    assert apply_changes(Changes(), FakeNginx(), pending, always=False).action == "reloaded"
    assert not pending.exists()


def test_an_nginx_that_does_not_run_is_started(pending: Path) -> None:
    nginx = FakeNginx(active=False)

    assert apply_changes(Changes(), nginx, pending, always=False).action == "started"
    assert nginx.asked == ["test", "start"]


def test_warnings_of_nginx_are_handed_on(pending: Path) -> None:
    warning = 'nginx: [warn] conflicting server name "shop.example.com" on 0.0.0.0:443, ignored'
    nginx = FakeNginx(output=f"{warning}\nnginx: configuration file test is successful")

    assert apply_changes(Changes(), nginx, pending, always=True).warnings == [warning]


@pytest.mark.parametrize(
    ("output", "seen"),
    [
        (EMERG, 'unknown directive "servr" in /etc/nginx/conf.d/shop.conf:3'),
        (
            "2026/11/21 06:00:00 [emerg] 12#12: bind() to 0.0.0.0:80 failed (98: in use)\n"
            "2026/11/21 06:00:01 [emerg] 12#12: bind() to 0.0.0.0:80 failed (98: in use)\n"
            "2026/11/21 06:00:01 [notice] 12#12: try again to bind() after 500ms",
            "bind() to 0.0.0.0:80 failed (98: in use)",
        ),
        (
            "unshare: unshare failed: Operation not permitted",
            "unshare: unshare failed: Operation not permitted",
        ),
        ("", "nothing was logged"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_nginx(output: str, seen: str) -> None:
    assert explain_refusal("the reload", output) == (
        f"nginx refuses the reload: {seen}; nginx serves what it served before"
    )


def test_a_failed_write_leaves_no_temporary_file(folder: Path) -> None:
    (folder / "busy").mkdir()

    with pytest.raises(OSError, match="directory"):
        replace_file(folder / "busy", "text")

    assert [path.name for path in folder.iterdir()] == ["busy"]


def test_a_link_that_leads_nowhere_is_there(folder: Path) -> None:
    (folder / "default").symlink_to("nowhere")

    assert plan({}, [folder / "default"]).remove == (str(folder / "default"),)


@pytest.mark.parametrize(
    ("line", "final"),
    [
        ("[emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)", False),
        ("[notice] 7#7: try again to bind() after 500ms", False),
        ("[emerg] 7#7: still could not bind()", True),
        ("[emerg] 7#7: bind() to 0.0.0.0:80 failed (13: Permission denied)", True),
        ("[crit] 7#7: pread() failed", True),
        ("[warn] 7#7: conflicting server name", False),
    ],
)
def test_a_taken_port_is_waited_for_as_long_as_nginx_does(line: str, final: bool) -> None:
    assert is_final(line) == final
