"""How a site gets in beside what a host's nginx serves: decisions over texts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx_claim import (
    DEFAULT_SERVER,
    MAIN,
    PAGES,
    Build,
    NginxVerdict,
    Site,
    build_problems,
    default_owner,
    judge,
    main_counts,
)
from ansible_collections.asgi.fleet.plugins.module_utils.servers.nginx_syntax import read_tree
from ansible_collections.asgi.fleet.plugins.module_utils.servers.standing import (
    FOREIGN,
    MISSING,
    OURS,
    PACKAGED,
)

SHOP = Site("/etc/nginx/conf.d/shop.conf", ("shop.example.com", "www.shop.example.com"))
KEPT = "user www-data; http { include /etc/nginx/conf.d/*.conf; %s }"
OTHER = "/etc/nginx/conf.d/other.conf"


def verdict(
    inside: str = "",
    *,
    site: Site = SHOP,
    main: str = FOREIGN,
    page: str = MISSING,
    text: str = KEPT,
    ours: bool = False,
    owner: str = "",
) -> NginxVerdict:
    tree = read_tree(
        MAIN,
        read=lambda path: {MAIN: text % inside if "%s" in text else text}.get(path, ""),
        find=lambda _pattern: [],
    )
    return judge(
        site,
        {MAIN: main, PAGES[0]: page, PAGES[1]: MISSING},
        tree,
        "nobody",
        lambda _: ours,
        owner,
    )


@pytest.mark.parametrize(
    ("main", "wanted", "written", "kept", "copied"),
    [
        (MISSING, "auto", True, False, False),
        (PACKAGED, "auto", True, False, False),
        (OURS, "auto", True, False, False),
        (FOREIGN, "auto", False, True, False),
        (FOREIGN, "replace", True, False, True),
        (OURS, "replace", True, False, False),
        (PACKAGED, "replace", True, False, False),
        (FOREIGN, "keep", False, True, False),
        (OURS, "keep", False, False, False),
        (PACKAGED, "keep", False, False, False),
    ],
)
def test_main_configuration_is_written_unless_it_is_someones(
    main: str, wanted: str, *, written: bool, kept: bool, copied: bool
) -> None:
    found = verdict(main=main, site=replace(SHOP, main_config=wanted))

    assert (found.main_config, found.main_kept, bool(found.backup)) == (written, kept, copied)
    assert found.problems == []
    # What is decided by hand needs no telling, unless something is replaced.
    assert any(MAIN in note for note in found.notes) == (
        main == FOREIGN and wanted in ("auto", "replace")
    )


@pytest.mark.parametrize(
    ("main", "wanted", "counts"),
    [
        (OURS, "auto", True),
        (FOREIGN, "auto", True),
        (FOREIGN, "replace", False),
        (PACKAGED, "auto", False),
        (PACKAGED, "keep", True),
        (MISSING, "auto", False),
    ],
)
def test_what_a_replaced_main_configuration_says_does_not_count(
    main: str, wanted: str, *, counts: bool
) -> None:
    assert main_counts(main, wanted) == counts


@pytest.mark.parametrize(
    "text",
    [
        "user www-data; http { include sites-enabled/*; }",
        # Not inside of http: the file would be refused by nginx itself.
        "user www-data; include conf.d/*.conf; http { }",
        "user www-data; http { include conf.d/*.cfg; }",
    ],
)
def test_kept_main_configuration_must_include_the_site(text: str) -> None:
    (told,) = verdict(text=text).problems

    assert "/etc/nginx/nginx.conf is kept, and does not include /etc/nginx/conf.d/shop.conf" in told
    assert "add `include /etc/nginx/conf.d/*.conf;` to its block `http`" in told


@pytest.mark.parametrize("name", ["conf.d/*.conf", "/etc/nginx/conf.d/*", "conf.d/shop.conf"])
def test_every_form_of_include_will_do(name: str) -> None:
    assert verdict(text=f"user www-data; http {{ include {name}; }}").problems == []


@pytest.mark.parametrize(("text", "user"), [("user nginx; ", "nginx"), ("", "nobody")])
def test_kept_workers_must_reach_the_application(text: str, user: str) -> None:
    kept = text + "http { include conf.d/*.conf; }"

    assert f"its workers run as {user}" in verdict(text=kept).problems[0]
    # Who says `false` has cared for that, in earlier versions too.
    assert verdict(text=kept, site=replace(SHOP, main_config="keep")).problems == []
    assert verdict(text=kept, site=replace(SHOP, user=user)).problems == []


def test_unchanged_page_of_the_package_is_removed_and_an_edited_one_stays() -> None:
    assert verdict(page=PACKAGED).absent == [PAGES[0]]
    edited = verdict(page=FOREIGN)
    assert edited.absent == []
    assert any(f"{PAGES[0]} is someone's own" in note for note in edited.notes)
    off = replace(SHOP, default_server=False)
    assert verdict(page=PACKAGED, site=off).absent == []


@pytest.mark.parametrize(
    ("inside", "http", "https"),
    [
        ("", ["80", "[::]:80"], ["443", "[::]:443"]),
        ("server { listen 80 default_server; }", ["[::]:80"], ["443", "[::]:443"]),
        ("server { listen *:80 default_server; listen [::]:80 default; }", [], ["443", "[::]:443"]),
        ("server { listen 0.0.0.0:443 ssl default_server; }", ["80", "[::]:80"], ["[::]:443"]),
        # Another address and port is another socket.
        ("server { listen 192.0.2.1:80 default_server; }", ["80", "[::]:80"], ["443", "[::]:443"]),
        ("server { listen 8080 default_server; }", ["80", "[::]:80"], ["443", "[::]:443"]),
        (
            "server { listen unix:/run/x.sock default_server; }",
            ["80", "[::]:80"],
            ["443", "[::]:443"],
        ),
    ],
)
def test_our_default_server_gives_way_address_by_address(
    inside: str, http: list[str], https: list[str]
) -> None:
    found = verdict(inside)

    assert (found.default_http, found.default_https) == (http, https)
    told = [note for note in found.notes if "unknown host names are answered by" in note]
    assert len(told) == (len(http + https) < 4)
    assert DEFAULT_SERVER not in found.absent


ADDRESS = replace(SHOP, domains=("192.0.2.7",), by_address=True)


def test_clients_that_ask_for_an_address_meet_our_default_server() -> None:
    assert verdict(site=ADDRESS).problems == []
    [told] = verdict("server { listen 443 ssl default_server; }", site=ADDRESS).problems
    assert (
        "meet the default server of port 443, which is someone's own (/etc/nginx/nginx.con" in told
    )
    assert told.endswith(": remove `default_server` there, or have names only")
    [told] = verdict(site=replace(ADDRESS, default_server=False)).problems
    assert "nginx_site_default_server_enabled: false leaves that to others: set it to" in told


def test_default_server_is_one_sites_and_stays_so() -> None:
    [told] = verdict(site=ADDRESS, owner="blog").problems
    assert "meet the default server, which is blog's: only one application of a host can be" in told
    named = verdict(owner="blog")
    assert named.problems == []
    assert (named.default_http, named.default_https, named.absent) == ([], [], [])


def test_owner_of_the_default_server_is_in_its_head() -> None:
    text = "# Refuses.\n# For clients that ask for an address, as web-shop has it.\nserver {\n}\n"
    assert default_owner(text) == "web-shop"
    assert default_owner("# Refuses.\nserver {\n}\n") == ""


def test_default_server_without_a_free_address_is_removed() -> None:
    every = "".join(
        f"server {{ listen {port} default_server; listen [::]:{port} default_server; }}"
        for port in (80, 443)
    )
    found = verdict(every)

    assert (found.default_http, found.default_https) == ([], [])
    assert found.absent == [DEFAULT_SERVER]


@pytest.mark.parametrize(
    "inside",
    [
        "server { listen 80; server_name shop.example.com; }",
        "server { listen 443 ssl; server_name other.example.com WWW.shop.example.com; }",
        # nginx's default is port 80.
        "server { server_name shop.example.com; }",
        "server { listen 192.0.2.1:443 ssl; server_name shop.example.com; }",
        # nginx would ignore it altogether, since it has the name as well.
        "server { listen 80; server_name .shop.example.com; }",
    ],
)
def test_site_with_the_same_name_is_refused_by_its_file_or_named(inside: str) -> None:
    (told,) = verdict(inside).problems
    assert "shop.example.com is served already, by /etc/nginx/nginx.conf:1" in told
    assert "choose another app_domain" in told
    # An application of ours under its former name is what the operator removes next.
    other = verdict(inside, ours=True)
    assert other.problems == []
    assert any("is served already" in note for note in other.notes)


@pytest.mark.parametrize(
    "inside",
    [
        "server { listen 8080; server_name shop.example.com; }",
        "server { listen 127.0.0.1:80; server_name shop.example.com; }",
        "server { listen 80; server_name *.example.com; }",
        r"server { listen 80; server_name ~^shop\.example\.com$; }",
        "server { listen 80; server_name .example.com; }",
        # Neither is the one that answers every name.
        "server { listen 80 default_server; } server { listen 80; server_name _; }",
        "server { listen 80; server_name x.example.com; } server { listen 80; server_name _; }",
        "server { listen 192.0.2.1:80; server_name _; }",
    ],
)
def test_site_that_does_not_collide_is_left_alone(inside: str) -> None:
    assert verdict(inside).problems == []


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ("server { listen 80; server_name _; }", "80"),
        ("server { }", "80"),
        ('server { listen [::]:443 ssl; server_name ""; }', "[::]:443"),
    ],
)
def test_server_of_every_name_is_not_cut_in_silence(inside: str, place: str) -> None:
    (told,) = verdict(inside).problems
    assert told.startswith("/etc/nginx/nginx.conf:1 answers every host name on port ")
    assert f"write `listen {place} default_server;` there" in told
    # Our own files come before it as well.
    assert verdict(inside, site=replace(SHOP, default_server=False)).problems == [told]
    # After the first deployment it has long been so.
    assert verdict(inside, ours=True).problems == []


def test_package_page_answers_every_name_before_others_do() -> None:
    assert verdict("server { listen 80; server_name _; }", page=PACKAGED).problems == []


@pytest.mark.parametrize("kind", ["stream", "mail"])
def test_other_block_on_the_same_port_is_refused(kind: str) -> None:
    text = KEPT % "" + f"{kind} {{ server {{ listen 443; }} server {{ listen 53 udp; }} }}"

    (told,) = verdict(text=text).problems

    assert f"the block `{kind}` of nginx listens on port 443 already" in told
    assert "set nginx_site_https_port to a free port" in told
    assert verdict(text=text, site=replace(SHOP, https_port=8443)).problems == []


def test_listener_for_both_families_is_refused_before_nginx_fails_to_bind() -> None:
    (told,) = verdict("server { listen [::]:80 ipv6only=off; server_name x.example.com; }").problems

    assert "listens on IPv4's port 80 too" in told


def test_address_that_another_site_has_for_itself_is_named() -> None:
    found = verdict("server { listen 192.0.2.1:443 ssl; server_name x.example.com; }")

    assert any("requests to 192.0.2.1:443 do not reach the site" in note for note in found.notes)
    assert found.problems == []


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("", []),
        ("configure arguments: --conf-path=/etc/nginx/nginx.conf --user=nginx", []),
        (
            "configure arguments: --prefix=/usr/local/openresty/nginx "
            "--conf-path=/usr/local/openresty/nginx/conf/nginx.conf",
            ["/usr/sbin/nginx reads /usr/local/openresty/nginx/conf/nginx.conf"],
        ),
    ],
)
def test_nginx_that_reads_another_file_is_refused(output: str, told: list[str]) -> None:
    problems = list(build_problems(Build.of(output), "/usr/sbin/nginx"))

    assert len(problems) == len(told)
    assert all(start in problem for start, problem in zip(told, problems, strict=True))


def test_user_that_nginx_was_built_with_is_known() -> None:
    assert Build.of("configure arguments: --user=nginx --group=nginx").user == "nginx"
    assert Build.of("").user == "nobody"
