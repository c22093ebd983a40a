"""What renews a certificate on a host is compared in the round trip that compares the pair."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.host.certificate_drift import digest
from ansible_collections.asgi.fleet.plugins.module_utils.host.renewal_drift import (
    Renewing,
    renewal_drift,
)


def test_what_renews_the_pair_is_compared_by_its_content(tmp_path: Path) -> None:
    program, units = tmp_path / "program", tmp_path / "units"
    wanted = Renewing({str(program): digest(__file__)}, "shop-certificate.timer")
    link = units / "timers.target.wants" / wanted.timer
    assert renewal_drift(wanted, str(units)) == [str(program), str(link)]
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere")
    program.write_text("another")
    assert renewal_drift(wanted, str(units)) == [str(program)]
    program.write_bytes(Path(__file__).read_bytes())
    assert renewal_drift(wanted, str(units)) == []
    assert renewal_drift(Renewing({}, "", (str(program), "/nowhere"))) == [str(program)]
