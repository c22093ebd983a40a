"""Values in the configuration of a server: each stays the word that it is meant to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.config_values import (
    KINDS,
    config_refusals,
    is_network,
)

ROLES = Path(__file__).resolve().parents[5] / "roles"
#: Checked elsewhere, or not a value that a configuration contains.
APART = {
    # Text of a page in HTML, which is escaped.
    "nginx_site_maintenance_message",
}
GOOD: dict[str, list[object]] = {
    "buffers": ["4 8k", "8 16384"],
    "file": ["/etc/ssl/shop/fullchain.pem", "/srv/a+b@c~d", "/var/lib/shop/"],
    "name": ["www.example.com", "*.example.com"],
    "number": [0, 443, "443"],
    "pattern": [r"[.-][0-9a-f]{8,64}\.js$", "a b;"],
    "place": ["10.0.0.1", "10.0.0.0/24", "2001:db8::/32", "2001:db8::1", "lb1.example.com"],
    "size": ["32k", "1m", "16384"],
    "url_path": ["/", "/api/v1", "/%41"],
    "word": ["auto", "10m", "www-data"],
}
ESCAPES = [" ", "\n", ";", "{", "}", '"', "'", "$", "#", "\\", "\t", "\0"]


@pytest.mark.parametrize("kind", KINDS)
def test_value_that_fits_passes(kind: str) -> None:
    assert config_refusals({kind: {"x": GOOD[kind], "y": "", "z": []}}) == []
    for one in GOOD[kind]:
        assert config_refusals({kind: {"x": one}}) == []


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"pattern"}))
def test_value_that_would_be_more_is_refused_by_name(kind: str, escape: str) -> None:
    good = str(GOOD[kind][0])
    for bad in (f"{good}{escape}", f"{good}{escape}x", f"{escape}{good}"):
        [line] = config_refusals({kind: {"nginx_site_x": [good, bad]}})
        assert line.startswith("nginx_site_x is ")


def test_zone_of_an_address_is_refused() -> None:
    assert len(config_refusals({"place": {"x": ["fe80::1%eth0", "fe80::/10%a b"]}})) == 2


def test_unknown_kind_is_a_mistake_of_the_role() -> None:
    with pytest.raises(ValueError, match="the kind wrod is unknown"):
        config_refusals({"wrod": {}})


@pytest.mark.parametrize("role", ["nginx_site", "haproxy_balancer"])
def test_every_variable_that_a_template_writes_is_checked(role: str) -> None:
    written: set[str] = set()
    for path in (ROLES / role / "templates").rglob("*.j2"):
        for expression in re.findall(r"\{\{(.*?)\}\}", path.read_text(), re.DOTALL):
            written |= set(re.findall(rf"(?<!_)\b{role}_\w+", expression))
    variables = yaml.safe_load((ROLES / role / "vars/main.yml").read_text())
    checked = {name for kind in variables[f"__{role}_written"].values() for name in kind}
    assert written - checked - APART == set()


@pytest.mark.parametrize("value", ['a"b', "a\nb", "(", 7])
def test_a_pattern_is_a_regular_expression_on_one_line(value: object) -> None:
    (line,) = config_refusals({"pattern": {"nginx_site_static_hashed_names": value}})
    assert "expected a regular expression on one line, without quotes" in line
    assert config_refusals({"pattern": {"x": r"[.-][0-9a-f]{8}\.js$"}}) == []


def test_a_network_is_no_name() -> None:
    assert all(map(is_network, ["10.0.0.0/8", "::1", "192.0.2.7"]))
    assert not any(map(is_network, ["example.com", 7, "fe80::1%eth0", "10.0.0.0/33", ""]))
