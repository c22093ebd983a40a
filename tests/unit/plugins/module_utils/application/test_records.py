"""What rollouts leave on a host: written, read, and not without end."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.asgi.fleet.plugins.module_utils.application import records
from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application


def identity(number: int) -> str:
    return f"20261128T{number:06}-5f3a"


def test_records_are_read_in_order_of_time(tmp_path: Path) -> None:
    shop = Application("shop", str(tmp_path))
    assert records.records(shop) == []
    for number in (2, 1, 3):
        records.write_record(shop, identity(number), {"number": number})
    assert records.records(shop) == [{"number": 1}, {"number": 2}, {"number": 3}]
    assert records.records(shop, 2) == [{"number": 2}, {"number": 3}]


def test_record_beyond_those_that_are_kept_removes_the_oldest(tmp_path: Path) -> None:
    shop = Application("shop", str(tmp_path))
    for number in range(records.KEPT + 1):
        records.write_record(shop, identity(number), {"number": number})
    found = records.records(shop, 1000)
    assert [record["number"] for record in found] == list(range(1, records.KEPT + 1))


def test_record_that_a_full_disk_has_torn_counts_as_none(tmp_path: Path) -> None:
    shop = Application("shop", str(tmp_path))
    records.write_record(shop, identity(1), {"number": 1})
    (Path(shop.records) / f"{identity(2)}.json").write_text('{"numb')
    (Path(shop.records) / "notes.txt").write_text("the operator's own")
    assert records.records(shop) == [{"number": 1}]


def test_record_of_another_name_is_not_written(tmp_path: Path) -> None:
    shop = Application("shop", str(tmp_path))
    records.write_record(shop, "../../etc/shop", {})
    assert not Path(shop.records).exists()
