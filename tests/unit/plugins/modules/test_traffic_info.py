"""The module around a log's traffic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.modules import traffic_info

LINE = (
    '{"msec":"1790000000.500","path":"%s","status":"200","upstream":"unix:/x",'
    '"upstream_header_time":"0.004","upstream_response_time":"0.004"}\n'
)


@pytest.mark.parametrize("check_mode", [False, True])
def test_traffic_info_counts_since_a_fraction_of_a_second(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path, check_mode: bool
) -> None:
    log = tmp_path / "shop.log"
    log.write_text(LINE % "/items" + LINE % "/healthz")
    asked = {"log": str(log), "ignore_paths": ["/healthz"], "_ansible_check_mode": check_mode}
    answer = run_module(traffic_info, since="1790000000.4", **asked)
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert answer["traffic"] == {"requests": 1, "errors": 0, "latency_ms": {"4": 1}}
    assert run_module(traffic_info, since=1790000000.6, **asked)["traffic"]["requests"] == 0


def test_traffic_info_says_what_it_cannot_read(
    run_module: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    answer = run_module(traffic_info, log=str(tmp_path), since=0)
    assert answer["failed"]
    assert answer["msg"].startswith(f"log is {tmp_path}, which cannot be read (")
    assert answer["msg"].endswith("; read it as root, or correct the path")
