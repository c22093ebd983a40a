"""The operator, his terminal, and the visitors, for the whole session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from events import ROOT, Load, Shop
from terminal import Terminal

SCENARIO = Path(__file__).parent
LAB = ROOT / "molecule" / "shared" / "inventory" / "lab.yml"
#: What of this environment the shell of the operator has: neither CI, nor a callback of molecule's.
KEPT = ("PATH", "HOME", "FLEET_LAB", "FLEET_LAB_PORT")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The deployed application; `shop.inventory` is the operator's, who changes it."""
    folder = tmp_path_factory.mktemp("screen")
    shop = Shop.found(folder, SCENARIO / "inventory", "web1")
    own = folder / "inventory" / "production"
    (own / "group_vars").mkdir(parents=True)
    for file in ("hosts.yml", "group_vars/all.yml"):
        (own / file).write_text((SCENARIO / "inventory" / file).read_text("utf-8"), "utf-8")
    shop.inventory = own
    return shop


@pytest.fixture(scope="session", autouse=True)
def load(shop: Shop) -> Iterator[Load]:
    """Visitors of the first host: few, since the screen is looked at here."""
    running = Load(shop, rate=40)
    running.start()
    yield running
    if running.process is not None:
        running.end()


def environment(shop: Shop) -> dict[str, str]:
    """Return the environment of the operator's shell."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        # Instead of -i, which would make each command wider than the page.
        "ANSIBLE_INVENTORY": f"{LAB},{shop.inventory}",
        "XDG_CACHE_HOME": str(shop.folder / "cache"),
    }


@pytest.fixture(scope="session")
def terminal(shop: Shop) -> Iterator[Terminal]:
    """The operator's terminal, of 120 columns and 40 lines.

    SCREEN_CAPTURES names a folder where the screens are kept, for docs/screen.md.
    """
    with Terminal(shop.folder / "tmux", environment(shop)) as terminal:
        yield terminal
    if folder := os.environ.get("SCREEN_CAPTURES"):
        for name, screen in terminal.captures.items():
            (Path(folder) / f"{name}.txt").write_text(f"{screen}\n", encoding="utf-8")


def set_source(shop: Shop, path: str) -> None:
    """Write into the inventory what is to be released."""
    file = shop.inventory / "group_vars" / "all.yml"
    variables = yaml.safe_load(file.read_text("utf-8"))
    variables["app_source"] = {"type": "path", "path": path}
    file.write_text(yaml.safe_dump(variables), encoding="utf-8")
