"""Variables as texts for digests."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.values import as_texts


def test_texts_are_of_each_setting_and_each_secret() -> None:
    given = {"app_env": {"A": "1", "B": "2"}, "app_secrets": {"T": "x"}, "app_workers": 2}
    assert as_texts(given) == {
        "app_env.A": '"1"',
        "app_env.B": '"2"',
        "app_secrets.T": '"x"',
        "app_workers": "2",
    }


def test_texts_of_equal_values_are_equal() -> None:
    assert as_texts({"app_tls": {"a": 1, "b": [2]}}) == as_texts({"app_tls": {"b": [2], "a": 1}})


def test_texts_tell_a_number_from_a_text() -> None:
    assert as_texts({"app_workers": 2}) != as_texts({"app_workers": "2"})


def test_texts_take_a_value_that_is_no_mapping_as_it_is() -> None:
    assert as_texts({"app_env": "not yet refused"}) == {"app_env": '"not yet refused"'}


def test_texts_are_the_same_where_another_controller_keeps_its_clone() -> None:
    """What is in it is part of the release's id."""
    here, there = (
        {
            "app_source": {"type": "path", "path": f"{home}/shop/"},
            "fleet_report_directory": f"{home}/kept",
        }
        for home in ("/home/ada", "/builds/7")
    )
    assert as_texts(here) == as_texts(there) == {"app_source": '{"path": "shop", "type": "path"}'}
