"""Sources to archives: real folders, git repositories, tars, zips and wheels, all made here."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import shutil
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import (
    BaseHTTPRequestHandler,
    HTTPServer,
    SimpleHTTPRequestHandler,
    ThreadingHTTPServer,
)
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.credentials import shown
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.entries import SourceError
from ansible_collections.asgi.fleet.plugins.plugin_utils.sources.packing import (
    Source,
    prepare,
    release_id,
)

from tests.unit.plugins.plugin_utils.sources.trees import (
    Prepare,
    content,
    git,
    members,
    refused,
    write,
)

# Folders


def test_path_packs_the_files_below_the_folder(packed: Prepare, project: Path) -> None:
    source = packed(type="path", path=str(project))
    assert sorted(members(source)) == ["main.py", "web/page.html"]
    assert content(source, "main.py") == "app = None\n"
    assert (source.kind, source.label, source.commit) == ("tree", "src", "")
    assert source.archive.endswith(f"/cache/{source.digest[:16]}.tar.gz")


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        "web/.venv/bin/python",
        "__pycache__/main.cpython-313.pyc",
        "web/old.pyc",
        "node_modules/x/index.js",
        ".pytest_cache/README.md",
        ".git",
    ],
)
def test_path_leaves_out_what_never_belongs_to_a_release(
    packed: Prepare, project: Path, name: str
) -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    assert sorted(members(packed(type="path", path=str(project)))) == ["main.py", "web/page.html"]


@pytest.mark.parametrize(
    ("exclude", "kept"),
    [
        (["web"], ["main.py"]),
        (["web/"], ["main.py"]),
        # The application may need the folder, such as one that it fills itself.
        (["*.html"], ["main.py", "web"]),
        (["/web/*"], ["main.py", "web"]),
        (["page.*", "none"], ["main.py", "web"]),
        (["html"], ["main.py", "web/page.html"]),
    ],
)
def test_path_leaves_out_what_is_excluded(
    packed: Prepare, project: Path, exclude: list[str], kept: list[str]
) -> None:
    source = packed(type="path", path=str(project), exclude=exclude)
    assert sorted(members(source)) == kept


def test_path_keeps_the_executable_bit_and_no_other(packed: Prepare, project: Path) -> None:
    (project / "run").write_text("#!/bin/sh\n")
    (project / "run").chmod(0o4700)
    (project / "main.py").chmod(0o666)
    found = members(packed(type="path", path=str(project)))
    assert {name: oct(member.mode) for name, member in found.items()} == {
        "main.py": "0o644",
        "run": "0o755",
        "web/page.html": "0o644",
    }
    assert {(m.uid, m.gid, m.uname) for m in found.values()} == {(0, 0, "")}


def test_path_keeps_links_that_stay_inside(packed: Prepare, project: Path) -> None:
    (project / "static").symlink_to("web")
    (project / "web" / "app.py").symlink_to("../main.py")
    found = members(packed(type="path", path=str(project)))
    assert found["static"].linkname == "web"
    assert found["web/app.py"].linkname == "../main.py"


@pytest.mark.parametrize("target", ["/etc/passwd", "../other", "web/../../other"])
def test_path_refuses_links_that_lead_outside(packed: Prepare, project: Path, target: str) -> None:
    (project / "link").symlink_to(target)
    assert refused(packed, type="path", path=str(project)) == (
        f"the source's link links to {target}, outside of it; remove the link"
    )


def test_path_leaves_out_what_is_no_file(
    packed: Prepare, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(project / "pipe")
    monkeypatch.chdir(project)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("listener")
        assert sorted(members(packed(type="path", path="."))) == ["main.py", "web/page.html"]


def test_path_takes_names_in_any_bytes(packed: Prepare, project: Path) -> None:
    (project / os.fsdecode(b"caf\xe9")).write_text("")
    assert len(members(packed(type="path", path=str(project)))) == 3


def test_path_takes_its_label_from_the_project(packed: Prepare, project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.x]\nversion = "9"\n[project]\nname = "shop"\nversion = "1.4.2"\n[tool.y]\n'
    )
    assert packed(type="path", path=str(project)).label == "1.4.2"


def test_path_digest_is_of_the_contents_alone(packed: Prepare, project: Path) -> None:
    first = packed(type="path", path=str(project))
    os.utime(project / "main.py", (0, 0))
    (project / "main.py").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(project / "main.py", 12345, 12345)
    project.rename(project.with_name("elsewhere"))

    second = packed(type="path", path=str(project.with_name("elsewhere")))
    assert (second.digest, second.archive) == (first.digest, first.archive)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "main.py").write_text("app = 1\n"),
        lambda root: (root / "main.py").chmod(0o755),
        lambda root: (root / "main.py").rename(root / "app.py"),
        lambda root: (root / "link").symlink_to("main.py"),
        lambda root: (root / "empty").write_text(""),
    ],
    ids=["contents", "executable", "name", "link", "empty file"],
)
def test_path_digest_changes_with(
    packed: Prepare, project: Path, change: Callable[[Path], object]
) -> None:
    before = packed(type="path", path=str(project)).digest
    change(project)
    assert packed(type="path", path=str(project)).digest != before


def test_path_refuses_what_is_no_folder(packed: Prepare, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert refused(packed, type="path", path=missing) == (
        f"{missing} is not a folder of the controller; set app_source.path to one"
    )


def test_path_refuses_an_empty_folder(packed: Prepare, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refused(packed, type="path", path=str(tmp_path / "empty")) == "the source is empty"


def test_source_refuses_an_unknown_type(packed: Prepare) -> None:
    assert refused(packed, type="svn") == (
        "the source's type is 'svn'; expected one of archive, git, package, path"
    )


def test_source_refuses_a_cache_that_cannot_be_written(tmp_path: Path, project: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=r"cannot be packed on the controller: .*Not a directory"):
        prepare({"type": "path", "path": str(project)}, str(tmp_path / "file" / "cache"))


# Git


def test_git_resolves_a_branch_anew_each_time(packed: Prepare, repository: Path) -> None:
    before = packed(type="git", url=str(repository), version="main")
    assert content(before, "main.py") == "app = 2\n"
    assert before.commit == git(repository, "rev-parse", "HEAD")
    (repository / "main.py").write_text("app = 3\n")
    git(repository, "commit", "--quiet", "--all", "--message=three")

    after = packed(type="git", url=str(repository), version="main")
    assert content(after, "main.py") == "app = 3\n"
    assert after.digest != before.digest
    assert after.label == "main"


def test_git_resolves_a_tag_and_an_annotated_tag(packed: Prepare, repository: Path) -> None:
    git(repository, "tag", "--annotate", "--message=x", "release/1", "v1")
    tagged = packed(type="git", url=str(repository), version="v1")
    annotated = packed(type="git", url=str(repository), version="release/1")
    assert content(tagged, "main.py") == "app = None\n"
    assert tagged.label == "v1"
    assert annotated.label == "release_1"
    assert annotated.commit == tagged.commit == git(repository, "rev-parse", "v1")
    assert annotated.digest == tagged.digest


@pytest.mark.parametrize("length", [7, 12, 40])
def test_git_resolves_a_commit(packed: Prepare, repository: Path, length: int) -> None:
    commit = git(repository, "rev-parse", "v1")
    source = packed(type="git", url=str(repository), version=commit[:length])
    assert source.commit == commit
    assert source.label == commit[: min(length, 10)]


def test_git_packs_the_same_bytes_as_the_folder(packed: Prepare, repository: Path) -> None:
    from_git = packed(type="git", url=str(repository), version="main")
    assert packed(type="path", path=str(repository)).digest == from_git.digest


def test_git_packs_a_subdirectory(packed: Prepare, repository: Path) -> None:
    source = packed(type="git", url=str(repository), version="v1", subdirectory="web")
    assert list(members(source)) == ["page.html"]


def test_git_refuses_a_subdirectory_that_is_not_there(packed: Prepare, repository: Path) -> None:
    message = refused(packed, type="git", url=str(repository), version="v1", subdirectory="no/such")
    assert message == "the source has nothing below no/such"


@pytest.mark.parametrize("version", ["no-such-branch", "0" * 40, "deadbee"])
def test_git_refuses_an_unknown_version(packed: Prepare, repository: Path, version: str) -> None:
    message = refused(packed, type="git", url=f"file://{repository}", version=version)
    assert message == (
        f"app_source.version is {version}; file://{repository} has no such branch, tag or commit"
    )


def test_git_hides_credentials_in_what_git_says(packed: Prepare) -> None:
    url = "http://ada:p%40ss@word@127.0.0.1:1/shop.git"
    message = refused(packed, type="git", url=url, version="main")
    assert message.startswith("git clone failed: ")
    assert "//127.0.0.1:1/shop.git" in message
    assert "ss@" not in message
    assert "word" not in message


@pytest.fixture
def private(repository: Path, tmp_path: Path) -> Iterator[str]:
    """The repository on a server that asks for a password; returns its place."""
    served = tmp_path / "served" / "shop.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(served))
    git(served, "update-server-info")
    wanted = "Basic " + base64.b64encode(b"ada:s3cret@1").decode()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:  # noqa: ANN401
            super().__init__(*args, directory=str(served.parent))

        def do_GET(self) -> None:
            if self.headers["Authorization"] == wanted:
                super().do_GET()
            else:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="shop"')
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}/shop.git"
    server.shutdown()
    server.server_close()


def test_git_gets_credentials_in_neither_arguments_nor_files(
    packed: Prepare, private: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("git")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\nexec {real} "$@"\n'
    )
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    url = f"http://ada:s3cret%401@{private}"
    cache = tmp_path / "cache"
    old = cache / (hashlib.sha256(url.encode()).hexdigest()[:16] + ".git")
    old.mkdir(parents=True)
    for _ in range(2):
        found = packed(type="git", url=url, version="main")
        assert found.shown["url"] == f"http://{private}"
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert not old.exists()
    for path in cache.rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes()


def test_git_does_not_tell_a_password_that_is_wrong(packed: Prepare, private: str) -> None:
    message = refused(packed, type="git", url=f"http://ada:wr0ng@{private}", version="main")
    assert message.startswith("git clone failed: ")
    assert "wr0ng" not in message


def test_package_is_the_same_with_another_password(packed: Prepare) -> None:
    package = {"type": "package", "name": "shop", "version": "1.0"}
    digests = {
        packed(**package, index=f"https://{user}example.com/simple").digest
        for user in ("", "ada:one@", "bob:two@")
    }
    assert len(digests) == 1


def test_git_leaves_no_torn_clone_in_the_cache(packed: Prepare, tmp_path: Path) -> None:
    refused(packed, type="git", url=str(tmp_path / "missing"), version="main")
    assert list((tmp_path / "cache").iterdir()) == []


def test_git_says_when_it_is_not_installed(
    packed: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(packed, type="git", url="/x", version="main") == (
        "git is not installed on the controller; install it"
    )


@pytest.mark.parametrize(
    ("url", "without"),
    [
        ("https://ada:secret@example.com/shop.git", "https://example.com/shop.git"),
        ("https://token@example.com/shop.git", "https://example.com/shop.git"),
        ("https://ada:p@ss@example.com/a@b", "https://example.com/a@b"),
        ("https://example.com/a@b", "https://example.com/a@b"),
        ("git@example.com:shop.git", "git@example.com:shop.git"),
    ],
)
def test_shown_source_has_no_credentials(url: str, without: str) -> None:
    assert shown({"url": url, "exclude": ["x"]}) == {"url": without, "exclude": ["x"]}


# Archives

FILES = {"main.py": "app = 1\n", "web/page.html": "<p>\n"}


def tar(files: dict[str, str], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def zipped(files: dict[str, str], mode: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return buffer.getvalue()


FORMATS: dict[str, Callable[[dict[str, str]], bytes]] = {
    "shop.tar": lambda files: tar(files, "w"),
    "shop.tar.gz": tar,
    "shop.tgz": tar,
    "shop.tar.bz2": lambda files: tar(files, "w:bz2"),
    "shop.tar.xz": lambda files: tar(files, "w:xz"),
    "shop.zip": zipped,
}


@pytest.mark.parametrize("top", ["", "shop-1.2.3/"], ids=["bare", "top folder"])
@pytest.mark.parametrize("name", FORMATS)
def test_archive_of_any_format_gives_the_same_tree(
    packed: Prepare, tmp_path: Path, name: str, top: str
) -> None:
    path = tmp_path / name
    path.write_bytes(FORMATS[name]({f"{top}{file}": text for file, text in FILES.items()}))
    source = packed(type="archive", path=str(path))
    assert {file: content(source, file) for file in members(source)} == FILES
    assert source.label == "shop"
    assert source.digest == packed(type="path", path=write(tmp_path / "same", FILES)).digest


@pytest.mark.parametrize("top", ["", "shop-1.2.3/"], ids=["bare", "top folder"])
def test_archive_packs_a_subdirectory(packed: Prepare, tmp_path: Path, top: str) -> None:
    path = tmp_path / "shop.tar.gz"
    path.write_bytes(tar({f"{top}{file}": text for file, text in FILES.items()}))
    source = packed(type="archive", path=str(path), subdirectory="web")
    assert list(members(source)) == ["page.html"]


def test_archive_keeps_executables_and_links(packed: Prepare, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shop.tar", "w") as archive:
        run = tarfile.TarInfo("bin/run")
        run.mode, run.size = 0o755, 1
        archive.addfile(run, io.BytesIO(b"x"))
        link = tarfile.TarInfo("run")
        link.type, link.linkname = tarfile.SYMTYPE, "bin/run"
        archive.addfile(link)
        hard = tarfile.TarInfo("again")
        hard.type, hard.linkname = tarfile.LNKTYPE, "bin/run"
        archive.addfile(hard)
    source = packed(type="archive", path=str(tmp_path / "shop.tar"))
    found = members(source)
    assert found["bin/run"].mode == 0o755
    assert found["run"].linkname == "bin/run"
    assert content(source, "again") == "x"


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_archive_refuses_devices_and_pipes(packed: Prepare, tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "shop.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("web/pipe")
        info.type = kind
        archive.addfile(info)
    assert refused(packed, type="archive", path=str(path)) == (
        "the archive holds 'web/pipe', a device or a pipe, which no release needs; remove it"
    )


def test_zip_refuses_devices_and_pipes(packed: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "shop.zip"
    path.write_bytes(zipped({"pipe": ""}, 0o010644))
    assert "a device or a pipe" in refused(packed, type="archive", path=str(path))


def test_archive_loses_setuid_and_setgid(packed: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "shop.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("run")
        info.mode = 0o6755
        archive.addfile(info, io.BytesIO(b""))
    assert members(packed(type="archive", path=str(path)))["run"].mode == 0o755


def test_zip_keeps_executables_and_links(packed: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "shop.zip"
    path.write_bytes(zipped({"run": "x"}, 0o100755))
    assert members(packed(type="archive", path=str(path)))["run"].mode == 0o755
    path.write_bytes(zipped({"link": "main.py"}, 0o120777))
    assert members(packed(type="archive", path=str(path)))["link"].linkname == "main.py"


@pytest.mark.parametrize("name", ["../outside", "/etc/cron.d/x", "web/../../outside"])
@pytest.mark.parametrize("make", [tar, zipped])
def test_archive_refuses_members_that_lead_out(
    packed: Prepare, tmp_path: Path, make: Callable[[dict[str, str]], bytes], name: str
) -> None:
    path = tmp_path / "shop"
    path.write_bytes(make({"main.py": "", name: ""}))
    assert refused(packed, type="archive", path=str(path)) == (
        f"the archive holds {name!r}, which leads out of it; nothing was unpacked"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>Not found</html>",
        gzip.compress(b"no tar"),
        tar({"main.py": "x" * 4096})[:-20],
        zipped({"main.py": "x" * 64}).replace(b"x" * 64, b"y" * 64),
    ],
    ids=["empty", "a page", "no tar inside", "torn", "corrupt zip"],
)
def test_archive_refuses_what_is_none(packed: Prepare, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "shop.tar.gz"
    path.write_bytes(data)
    message = refused(packed, type="archive", path=str(path))
    assert message.startswith("shop.tar.gz is neither a tar, a zip nor a wheel, or is torn: ")


def test_archive_refuses_an_empty_one(packed: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "shop.tar"
    path.write_bytes(tar({}, "w"))
    message = refused(packed, type="archive", path=str(path))
    assert message == "the source has nothing below its root"


def test_archive_refuses_a_missing_file(packed: Prepare, tmp_path: Path) -> None:
    message = refused(packed, type="archive", path=str(tmp_path / "missing.zip"))
    assert message.startswith("app_source.path cannot be read: ")


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_archive_is_checked_against_its_checksum(
    packed: Prepare, tmp_path: Path, prefix: str
) -> None:
    path = tmp_path / "shop.zip"
    path.write_bytes(zipped(FILES))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert packed(type="archive", path=str(path), checksum=prefix + digest).kind == "tree"
    message = refused(packed, type="archive", path=str(path), checksum=prefix + "0" * 64)
    assert message == (
        f"{path} has the sha256 {digest}; app_source.checksum expects {'0' * 64}; "
        "nothing was installed"
    )


def test_wheel_is_kept_as_it_is(packed: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "shop-1.4.2-py3-none-any.whl"
    path.write_bytes(zipped({"shop.py": ""}))
    source = packed(type="archive", path=str(path))
    assert (source.kind, source.label) == ("wheel", "1.4.2")
    assert source.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    # An installer reads a wheel's name: it must not be another one in the cache.
    assert Path(source.archive).name == path.name
    assert Path(source.archive).read_bytes() == path.read_bytes()


class Download(BaseHTTPRequestHandler):
    """Serves one zip, to those who know the password."""

    data = zipped(FILES)
    asked: str | None = None

    def do_GET(self) -> None:
        Download.asked = self.headers["Authorization"]
        if self.path == "/private.zip" and not self.headers["Authorization"]:
            self.send_error(401)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.data) + (self.path == "/torn.zip")))
        self.end_headers()
        self.wfile.write(self.data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Download) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_archive_is_downloaded(packed: Prepare, site: str) -> None:
    source = packed(type="archive", url=f"http://{site}/shop-2.zip?download=1")
    assert sorted(members(source)) == sorted(FILES)
    assert source.label == "shop_2"
    assert Download.asked is None


def test_archive_download_sends_the_credentials_of_its_url(packed: Prepare, site: str) -> None:
    source = packed(type="archive", url=f"http://ada:p%40ss@{site}/private.zip")
    assert Download.asked == "Basic " + base64.b64encode(b"ada:p@ss").decode()
    assert source.shown["url"] == f"http://{site}/private.zip"


@pytest.mark.parametrize(
    ("path", "problem"),
    [("private.zip", "HTTP Error 401"), ("torn.zip", "IncompleteRead")],
)
def test_archive_download_that_fails_is_refused(
    packed: Prepare, site: str, path: str, problem: str
) -> None:
    message = refused(packed, type="archive", url=f"http://{site}/{path}")
    assert message.startswith(f"http://{site}/{path} cannot be fetched: ")
    assert problem in message


def test_archive_download_never_shows_a_password(packed: Prepare) -> None:
    message = refused(packed, type="archive", url="http://ada:secret@127.0.0.1:1/shop.zip")
    assert message.startswith("http://127.0.0.1:1/shop.zip cannot be fetched: ")
    assert "secret" not in message


# Packages and ids


def test_package_is_left_to_the_host(packed: Prepare) -> None:
    source = packed(type="package", name="shop", version="1.4.2", extras=["redis", "db"])
    assert (source.kind, source.archive, source.label) == ("package", "", "1.4.2")
    assert source.requirement == "shop[db,redis]==1.4.2"


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1.4.3"},
        {"name": "shop2"},
        {"extras": ["db"]},
        {"index": "https://pypi.example.com/simple"},
        {"find_links": "/srv/wheels"},
    ],
)
def test_package_digest_changes_with(packed: Prepare, change: dict[str, Any]) -> None:
    package = {"type": "package", "name": "shop", "version": "1.4.2"}
    assert packed(**(package | change)).digest != packed(**package).digest


@pytest.mark.parametrize(
    ("version", "label"),
    [
        ("v1.4.2", "v1.4.2"),
        ("1.0+local build", "1.0_local_build"),
        ("../../etc", "etc"),
        ("x" * 40, "x" * 24),
        ("-", "release"),
    ],
)
def test_label_is_fit_for_a_folder(packed: Prepare, version: str, label: str) -> None:
    assert packed(type="package", name="shop", version=version).label == label


SOURCE = Source("tree", "0" * 64, "1.4.2")


def test_release_id_is_the_same_in_every_run() -> None:
    assert release_id(SOURCE, "main:app", "3.13") == "1.4.2-0c8ba5a3"


@pytest.mark.parametrize(
    ("source", "ingredients"),
    [
        (Source("tree", "1" * 64, "1.4.2"), ("main:app", "3.13")),
        (SOURCE, ("main:other", "3.13")),
        (SOURCE, ("main:app", "3.14")),
        (SOURCE, ("main:app", "3.13", "")),
        (SOURCE, ("main:app3.13",)),
        (SOURCE, ("3.13", "main:app")),
    ],
)
def test_release_id_changes_with_each_ingredient(
    source: Source, ingredients: tuple[str, ...]
) -> None:
    assert release_id(source, *ingredients) != release_id(SOURCE, "main:app", "3.13")
