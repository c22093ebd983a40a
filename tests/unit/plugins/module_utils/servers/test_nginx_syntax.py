"""A configuration as a tree, with what it includes."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx_syntax import (
    Directive,
    read_tree,
)


def tree(files: dict[str, str], **more: object) -> Directive:
    def find(pattern: str) -> list[str]:
        return sorted(path for path in files if Path(path).match(pattern))

    return read_tree(
        "/etc/nginx/nginx.conf",
        read=lambda path: files.get(path, ""),
        find=find,
        **more,  # type: ignore[arg-type]
    )


def test_included_files_stand_where_they_are_included_with_their_own_lines() -> None:
    found = tree(
        {
            "/etc/nginx/nginx.conf": "user www-data;\nhttp {\n  include conf.d/*.conf;\n}\n",
            "/etc/nginx/conf.d/shop.conf": "# the shop\nserver {\n listen 80;\n}\n",
        }
    )

    (http,) = found.inside("http")
    (server,) = http.inside("server")
    assert [one.words for one in found.inside("user")] == [("www-data",)]
    assert server.place == "/etc/nginx/conf.d/shop.conf:2"
    assert [one.place for one in server.inside("listen")] == ["/etc/nginx/conf.d/shop.conf:3"]
    assert [one.words for one in http.inside("include")] == [("conf.d/*.conf",)]


def test_words_are_as_nginx_reads_them() -> None:
    text = """
    a "x ; { # no comment" 'it''s' plain\\;word ${name}x; # a comment; with { braces
    map $x $y { "~^(a|b){2}$" 1; default 0; }
    location ~ ^/(x|y)$ { return 200 "{}"; }
    """
    found = tree({"/etc/nginx/nginx.conf": text})

    assert [one.name for one in found.block or ()] == ["a", "map", "location"]
    assert (found.block or ())[0].words[0] == "x ; { # no comment"


def test_block_in_another_language_is_left_out() -> None:
    text = 'http { content_by_lua_block { if x then return {a = "}"} end } server { listen 81; } }'

    (http,) = tree({"/etc/nginx/nginx.conf": text}).inside("http")

    assert [one.name for one in http.block or ()] == ["server"]


def test_files_that_include_each_other_end() -> None:
    found = tree({"/etc/nginx/nginx.conf": "a 1; include nginx.conf;"})

    assert len(list(found.inside("a"))) > 1


def test_file_to_skip_and_half_a_file_are_no_error() -> None:
    files = {
        "/etc/nginx/nginx.conf": "http { include conf.d/*.conf; server { listen 80;",
        "/etc/nginx/conf.d/mine.conf": "server { listen 81; }",
    }

    (http,) = tree(files, skip=frozenset(["/etc/nginx/conf.d/mine.conf"])).inside("http")

    assert len(list(http.inside("server"))) == 1
