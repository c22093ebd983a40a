"""What the controller keeps of wheels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.wheelhouses.stock import (
    KEPT,
    Stock,
    sha256_of,
)


@pytest.fixture
def stock(tmp_path: Path) -> Stock:
    return Stock(str(tmp_path), "x86_64, glibc 2.41, Python 3.13")


def kept(stock: Stock, release: str, text: str = "wheels") -> dict[str, Any]:
    archive = Path(stock.archive("shop", release))
    archive.parent.mkdir(parents=True, exist_ok=True)
    fetched = archive.parent / "fetched"
    fetched.write_text(text)
    told = {"sha256": sha256_of(str(fetched)), "built_on": "b1"}
    stock.keep("shop", release, str(fetched), told)
    return told


def test_what_was_fetched_is_found_for_its_platform_alone(stock: Stock, tmp_path: Path) -> None:
    told = kept(stock, "1")
    assert stock.told("shop", "1") == told
    assert stock.told("shop", "2") is None
    assert Stock(str(tmp_path), "aarch64, glibc 2.41, Python 3.13").told("shop", "1") is None


def test_archive_that_was_damaged_on_its_way_does_not_count(stock: Stock) -> None:
    kept(stock, "1")
    fetched = Path(stock.archive("shop", "2") + ".fetched")
    fetched.write_text("else")
    with pytest.raises(ValueError, match="as the builder said"):
        stock.keep("shop", "2", str(fetched), {"sha256": "0" * 64, "built_on": "b1"})
    assert stock.told("shop", "2") is None


def test_archive_that_somebody_removed_does_not_count(stock: Stock) -> None:
    kept(stock, "1")
    Path(stock.archive("shop", "1")).unlink()
    assert stock.told("shop", "1") is None


def test_old_ones_go(stock: Stock) -> None:
    for number in range(KEPT + 2):
        kept(stock, str(number))
        os.utime(stock.archive("shop", str(number)), (number, number))
    kept(stock, "new")
    found = [path.name for path in Path(stock.archive("shop", "new")).parent.iterdir()]
    assert len(found) == 2 * KEPT
    assert "new.tar" in found


def test_wheel_of_uv_is_of_the_version(stock: Stock) -> None:
    folder = Path(stock.uv_wheel("1.0"))
    folder.mkdir(parents=True)
    (folder / "uv-1.0-py3-none-manylinux.whl").touch()
    assert stock.uv_wheel("1.0").endswith("uv-1.0-py3-none-manylinux.whl")
    assert stock.uv_wheel("1.1") == str(folder)
