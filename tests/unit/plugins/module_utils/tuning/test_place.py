"""The slot of a measurement: where it is, and how it starts a number of workers."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.host.systemd import Refusal
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import (
    Step,
    drop_in_text,
    slot_of,
)


def test_nothing_of_it_is_in_the_way_of_a_slot_or_outlives_a_boot() -> None:
    application = Application("shop")
    slot = slot_of(application)
    assert slot.units == ("shop@tune.socket", "shop@tune.service")
    assert slot.files["service"] == "/run/systemd/system/shop@tune.service"
    assert slot.drop_in == "/run/systemd/system/shop@tune.service.d/workers.conf"
    assert slot.live_link == "/etc/shop/tune/live.sock"
    for other in ("blue", "green"):
        assert not set(slot.files.values()) & set(application.slot(other).files.values())


def test_command_line_has_the_number_of_workers_after_the_units_own() -> None:
    unit = "[Service]\nExecStart=/venv/bin/gunicorn --config /etc/shop/tune/gunicorn.conf.py\n"
    assert drop_in_text(unit, Step(3, 896, 512)) == (
        "[Service]\nRestart=no\nExecStart=\n"
        "ExecStart=/venv/bin/gunicorn --config /etc/shop/tune/gunicorn.conf.py --workers 3\n"
        "MemoryMax=896M\nTasksMax=512\n"
    )


def test_unit_that_starts_nothing_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"no line ExecStart=; expected .* correct gunicorn_"):
        drop_in_text("[Service]\n#ExecStart=x\n", Step(1, 1, 1))
