"""Files that role variables name are found and compiled before a host is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.plugins.loader import filter_loader, test_loader
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.templates import (
    FILES,
    Engine,
    file_problems,
)

ROOT = Path(__file__).resolve().parents[5]
SITE = "nginx_site_template"
CHILD = "{% extends 'site.conf.j2' %}{% block extra %}\n"


def engine(base: Path) -> Engine:
    return Engine(
        roles=ROOT / "roles",
        base=base,
        has_filter=lambda name: filter_loader.get(name) is not None,
        has_test=lambda name: test_loader.get(name) is not None,
    )


def problems(base: Path, *names: str, **given: object) -> list[str]:
    return [problem.message for problem in file_problems(given, engine(base), names)]


def template(base: Path, text: str, name: str = "shop.conf.j2") -> Path:
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_every_variable_that_names_a_template_is_checked() -> None:
    written = "\n".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/defaults/main.yml")
    )
    named = {
        line.partition(":")[0]
        for line in written.splitlines()
        if line.partition(":")[0].endswith(("_template", "_lock"))
    }
    assert named == set(FILES)


@pytest.mark.parametrize("variable", FILES)
def test_missing_file_is_refused_by_its_variable(tmp_path: Path, variable: str) -> None:
    message, *others = problems(tmp_path, **{variable: "/srv/nowhere/shop.conf.j2"})
    assert others == []
    assert message.startswith(
        f"{variable} is /srv/nowhere/shop.conf.j2, which does not exist; expected the path of a "
        "file on the controller; correct it, or remove it to have the role's own"
    )


def test_refusal_says_where_it_looked(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (message,) = problems(tmp_path, **{SITE: "nowhere.conf.j2"})
    assert f"roles/nginx_site/templates, {ROOT}/roles/nginx_site" in message.replace(
        "roles/nginx_site/templates, roles", f"roles/nginx_site/templates, {ROOT}/roles"
    )
    assert f"{tmp_path}/templates, {tmp_path};" in message


@pytest.mark.parametrize(
    "named",
    [
        "shop.conf.j2",
        "templates/shop.conf.j2",
        "{base}/templates/shop.conf.j2",
        "../{folder}/templates/shop.conf.j2",
        # The role's own, and one of its others.
        "site.conf.j2",
        "snippets/proxy.conf.j2",
    ],
)
def test_template_is_found_where_ansible_finds_it(tmp_path: Path, named: str) -> None:
    template(tmp_path, CHILD + "{% endblock %}", "templates/shop.conf.j2")
    name = named.format(base=tmp_path, folder=tmp_path.name)
    assert problems(tmp_path, **{SITE: name}) == []


@pytest.mark.parametrize("value", ["", " ", None, 3, ["a"], {"a": 1}, True])
def test_value_that_is_no_path_is_refused(tmp_path: Path, value: object) -> None:
    (message,) = problems(tmp_path, **{SITE: value})
    assert message.startswith("nginx_site_template is ")
    assert "expected the path of a file" in message


def test_folder_is_no_template(tmp_path: Path) -> None:
    (message,) = problems(tmp_path, **{SITE: str(tmp_path)})
    assert "which is not a file" in message


def test_what_is_not_text_is_no_template(tmp_path: Path) -> None:
    (tmp_path / "shop.conf.j2").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8" in problems(tmp_path, **{SITE: "shop.conf.j2"})[0]


def test_lock_may_be_switched_off_and_is_not_compiled(tmp_path: Path) -> None:
    assert problems(tmp_path, python_release_server_lock="") == []
    lock = template(tmp_path, "gunicorn==25.0.0 # {{ nonsense", "server.txt")
    assert problems(tmp_path, python_release_server_lock=str(lock)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{% if app_name %}\nserver {}\n", "line 2: Unexpected end of template"),
        ("\n{{ app_name ", "line 2: unexpected end of template"),
        ("{{ app_name | to_jsno }}", "line 1: No filter named 'to_jsno'"),
        ("{{ app_name is like('x') }}", "line 1: No test named 'like'"),
        ("{% nonsense %}", "line 1: Encountered unknown tag 'nonsense'"),
        ("a\n{{ app_nmae }}\n", "line 2: app_nmae is set nowhere"),
        ("\n{% extends 'sit.conf.j2' %}", "line 2: sit.conf.j2 does not exist"),
        ("{% include ['a.j2', 'b.j2'] %}", "line 1: a.j2 or b.j2 does not exist"),
        ("{% import 'macros.j2' as m %}", "line 1: macros.j2 does not exist"),
    ],
)
def test_template_that_cannot_be_rendered_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = template(tmp_path, text)
    (message,) = problems(tmp_path, "app_name", **{SITE: str(path)})
    assert message.startswith(f"{SITE} is {path}, {told}")


def test_fault_of_a_parent_is_refused_by_its_own_name(tmp_path: Path) -> None:
    parent = template(tmp_path, "{% block a %}\n{% if %}{% endblock %}", "parent.j2")
    path = template(tmp_path, "{% extends 'parent.j2' %}")
    (message,) = problems(tmp_path, **{SITE: str(path)})
    assert f"{parent}, line 2: " in message
    assert message.endswith("correct parent.j2")


def test_template_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = template(tmp_path, CHILD + "{% endblock %}", "site.conf.j2")
    (message,) = problems(tmp_path, **{SITE: str(path)})
    assert "extends site.conf.j2, and so itself; expected a file with another name" in message


@pytest.mark.parametrize(
    "text",
    [
        "{{ app_name }} {{ ansible_facts['fqdn'] }} {{ hostvars[inventory_hostname] }}",
        # Ansible follows what is undefined.
        "{{ own.one | default('x') }}{{ other['one'].two | d }}",
        "{{ own | default('x') }}{{ other | d }}{% if third is defined %}{{ third }}{% endif %}",
        "{% for one in range(3) %}{{ loop.index }}{{ one | to_json }}{% endfor %}",
        "{% set mine = 1 %}{{ mine }}{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
        "{{ [1] | asgi.fleet.host_pattern }}{{ 'a' is match('a') }}{{ 'a' | upper }}",
        "{{ lookup('env', 'HOME') }}{{ query('env', 'HOME') }}{{ now() }}{{ omit }}",
        "{{ nginx_site_domains }}{{ __nginx_site_features }}{{ template_host }}",
        "{% include 'nowhere.j2' ignore missing %}{% include app_name ~ '.j2' %}",
        "{{ 3 | to_json }}",
        CHILD + "{{ super() }}{% endblock %}",
        # Read in a way of its own, which only Ansible knows.
        "#jinja2: variable_start_string: '[%'\n{{ nowhere }}",
    ],
)
def test_template_that_can_be_rendered_is_taken(tmp_path: Path, text: str) -> None:
    path = template(tmp_path, text)
    assert problems(tmp_path, "app_name", **{SITE: str(path)}) == []


def test_every_template_of_the_roles_and_the_example_is_taken(tmp_path: Path) -> None:
    for variable, folder in FILES.items():
        if folder == "templates":
            role = next(r.name for r in (ROOT / "roles").iterdir() if variable.startswith(r.name))
            for path in (ROOT / "roles" / role / "templates").rglob("*.j2"):
                assert problems(tmp_path, **{variable: str(path)}) == []
    example = ROOT / "templates" / "shop_site.conf.j2"
    assert problems(tmp_path, **{SITE: str(example)}) == []
