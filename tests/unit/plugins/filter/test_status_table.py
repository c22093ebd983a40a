"""The filter around the fleet's table, whose cells are tested with the module_utils."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.filter.status_table import FilterModule


def test_status_table_has_a_line_for_each_host() -> None:
    lines = FilterModule().filters()["status_table"]({"web1": None, "web2": None})
    assert [line.split()[:2] for line in lines] == [
        ["HOST", "RELEASE"],
        ["web1", "unreachable"],
        ["web2", "unreachable"],
    ]
