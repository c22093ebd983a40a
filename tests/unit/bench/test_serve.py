"""The parts of the serving bench that need no host."""

import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from bench import serve
from bench.releases import BenchError
from bench.serving import echo, host, load, nginx, summary, variants
from bench.serving.plan import CONTENDERS, DIRECT, GUIDE, KINDS, OURS, Contender

ROOT = Path(__file__).resolve().parents[3]


def record(contender: str, kind: str = "json", **values: object) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "contender": contender,
        "kind": kind,
        "failed": 0,
        "rps": 2000.0,
        "p50_ms": 20.0,
        "p99_ms": 60.0,
        "server_cpu": 0.4,
        "nginx_cpu": 0.1,
        "load_cpu": 0.05,
        "server_mb": 200.0,
        "nginx_mb": 20.0,
    }
    return usual | values


def round_of(ours: float, direct: float, guide: float, **values: float) -> list[dict[str, Any]]:
    return [
        record(OURS, "json", rps=ours, **values),
        record(DIRECT, rps=direct),
        record(GUIDE, rps=guide),
    ]


def test_ratio_compares_within_a_round_and_not_across() -> None:
    """The second round was on a busy machine: medians of each would say x 0.5."""
    records = [*round_of(2000, 2500, 1000), *round_of(200, 250, 100), *round_of(2000, 2500, 1000)]
    assert summary.ratio(records, GUIDE, "json", "rps") == 2.0


def test_what_holds_is_not_told() -> None:
    assert summary.broken(round_of(1500, 2000, 1000)) == []


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (
            round_of(1490, 1500, 1000),
            f"requests a second, JSON, to {GUIDE}: x 1.49; expected 1.5 or more",
        ),
        (
            round_of(2000, 2800, 1000),
            f"requests a second, JSON, to {DIRECT}: x 0.71; expected 0.75 or more",
        ),
        (
            round_of(2000, 2500, 1000, p99_ms=66.0),
            f"p99, JSON, to {GUIDE}: x 1.10; expected 1.0 or less",
        ),
        (
            round_of(2000, 2500, 1000, nginx_cpu=0.15),
            "the application's part of the CPU, JSON: 0.73; expected 0.75 or more, "
            "the rest is nginx's",
        ),
        (round_of(2000, 2500, 1000, failed=3), "requests that failed here: 3; expected 0"),
    ],
)
def test_what_does_not_hold_is_told(records: list[dict[str, Any]], said: str) -> None:
    assert summary.broken(records) == [said]


def test_workers_are_asked_directly_in_the_long_form_only() -> None:
    ours, direct, guide = round_of(2000, 2800, 1000)
    assert summary.broken([ours, guide]) == []
    assert len(summary.broken([ours, direct, guide])) == 1
    assert DIRECT not in serve.SHORT_NAMES


def test_requests_that_another_server_fails_are_not_ours() -> None:
    records = [*round_of(2000, 2500, 1000)[:2], record(GUIDE, rps=1000, failed=9)]
    assert summary.broken(records) == []


def test_medians_add_up_what_failed() -> None:
    records = [record(OURS, rps=rps, failed=1) for rps in (1.0, 3.0, 2.0)]
    assert summary.medians(records)[OURS]["json"]["rps"] == 2.0
    assert summary.medians(records)[OURS]["json"]["failed"] == 3


def test_costs_are_compared_within_a_round() -> None:
    records = [
        {"variant": name, "nginx_us": us, "server_us": 250.0, "rps": 1e5 / us}
        for round_us in ((50.0, 45.0), (500.0, 450.0), (60.0, 48.0))
        for name, us in zip((summary.DEPLOYED, "gzip off"), round_us, strict=True)
    ]
    found = summary.costs(records)
    assert (found["gzip off"]["nginx_us"], found["gzip off"]["ratio"]) == (48.0, 0.9)
    assert found["gzip off"]["rps_ratio"] == 1.11
    assert summary.costs_table(found).splitlines()[-1] == "| gzip off | 48 | x 0.90 | 250 |"
    assert variants.NGINX[0].name == summary.DEPLOYED


def test_table_has_json_in_full_and_every_kind_as_a_ratio() -> None:
    records = [
        *round_of(2000, 2500, 1000),
        *(
            record(name, "64k", rps=rps)
            for name, rps in ((OURS, 900), (DIRECT, 1000), (GUIDE, 300))
        ),
    ]
    lines = summary.table(records).splitlines()
    assert lines[2] == "| asgi.fleet | 2,000 | x 1.00 | 20.0 | 60.0 | 0.40 + 0.10 | 200 + 20 |"
    assert lines[4].startswith("| `uvicorn --workers 4` | 1,000 | x 0.50 |")
    assert lines[6:] == [
        "| ours to | json | 64k |",
        "|---|---|---|",
        f"| {DIRECT} | x 0.80 | x 0.90 |",
        "| `uvicorn --workers 4` | x 2.00 | x 3.00 |",
    ]


def test_docs_have_the_rows_that_the_bench_prints() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert summary.TABLE in page
    for one in CONTENDERS:
        assert f"\n| {summary.label(one.name)} | " in page


@pytest.mark.parametrize("one", CONTENDERS, ids=lambda one: one.name)
def test_server_listens_on_loopback_with_the_workers_of_its_name(one: Contender) -> None:
    if not one.command:
        assert one.workers(2) == 0
        return
    line = " ".join(one.line(2))
    assert "127.0.0.1" in line
    if one.name != DIRECT:
        said = re.search(r"(4|2n\+1)$", one.name)
        assert said is not None
        assert one.workers(2) == (4 if said[1] == "4" else 5)


def test_guides_nginx_shows_the_deployed_certificate_and_passes_websockets_on() -> None:
    text = nginx.guides(Path("/var/lib/b"), "demo", "demo.localhost")
    assert "ssl_certificate /etc/demo/tls/fullchain.pem;" in text
    assert "listen 127.0.0.1:18443 ssl;" in text
    assert "proxy_http_version 1.1;" in text
    assert text.count("{") == text.count("}")


def test_script_of_wrk_is_written_for_each_kind(tmp_path: Path) -> None:
    texts = {kind.name: load.script(kind, tmp_path).read_text("utf-8") for kind in KINDS}
    assert "local body = 65536\n" in texts["upload"]
    assert "local body = 0\n" in texts["json"]
    assert '{"requests":%d,' in texts["json"]


@pytest.mark.parametrize(
    ("ordered", "expected"), [([], 0.0), ([0.001], 1.0), ([n / 1000 for n in range(1, 101)], 99.0)]
)
def test_percentile_is_by_nearest_rank(ordered: list[float], expected: float) -> None:
    assert echo.percentile(ordered, 99) == pytest.approx(expected)


def test_frame_comes_back_without_its_mask() -> None:
    """RFC 6455, section 5.2: two bytes of header, four of key from a client, the payload."""
    assert echo.FRAME[6:] == echo.ECHO[2:] == echo.MESSAGE
    assert len(echo.MESSAGE) < 126


def test_value_is_what_follows_on_the_first_line() -> None:
    assert host.value("a = 1\nworkers = 5\nworkers = 6\n", "workers = ") == "5"


def test_sandbox_is_the_slots_but_for_loopback(tmp_path: Path) -> None:
    unit = tmp_path / "demo@blue.service"
    unit.write_text(
        "[Service]\nUser=demo\n\n# sandbox: all of it\n# B=1\nPrivateTmp=yes\n"
        "SystemCallFilter=@a\nSystemCallFilter=~@b\nIPAddressDeny=any\n\n[Install]\nWantedBy=x\n"
    )
    assert host.sandbox(unit) == ["PrivateTmp=yes", "SystemCallFilter=@a", "SystemCallFilter=~@b"]


def test_copy_of_nginx_has_ports_and_files_of_its_own() -> None:
    text = (
        "    listen 443 ssl;\n    listen [::]:443 ssl;\n    listen 80;\n    listen 443 quic;\n"
        "include /etc/nginx/x; access_log /var/log/nginx/a.log; pid /run/nginx.pid;\n"
    )
    assert variants.copied(text, Path("/c"), 18500) == (
        "    listen 127.0.0.1:18500 ssl;\n    listen 127.0.0.1:18501;\n"
        "include /c/x; access_log /c/log-a.log; pid /c/nginx.pid;\n"
    )


def test_variant_that_changes_nothing_is_an_error() -> None:
    """A measurement of what is deployed, under another name, would say that it costs nothing."""
    one = variants.Variant("no gzip", ((r"gzip on;", "gzip off;"),))
    assert variants.edited({"a": "gzip on;", "b": ""}, one) == {"a": "gzip off;", "b": ""}
    with pytest.raises(variants.VariantError, match="no gzip: nothing matches gzip on;"):
        variants.edited({"a": "gzip static;"}, one)


def test_archive_has_what_runs_on_the_host(tmp_path: Path) -> None:
    """And nothing that was compiled here, for another Python."""
    with tarfile.open(serve.packed(tmp_path)) as archive:
        names = set(archive.getnames())
    assert {"bench/__init__.py", "bench/serving/host.py", "bench/serving/requirements.txt"} <= names
    assert all(name.endswith((".py", ".txt")) for name in names)


def test_inventory_without_hosts_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise BenchError("x has no host y in its group app; run `make demo`")

    monkeypatch.setattr(serve, "inventory_host", none)
    monkeypatch.setattr(sys, "argv", ["serve"])
    assert serve.main() == 1
    assert capsys.readouterr().err == "bench: x has no host y in its group app; run `make demo`\n"
