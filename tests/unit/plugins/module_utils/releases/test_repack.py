"""Wheels of what is installed: where each file goes, and what is left away."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.repack import main, repack

WHEEL = (
    "Wheel-Version: 1.0\n"
    "Tag: cp313-cp313-manylinux_2_17_x86_64\n"
    "Tag: cp313-cp313-manylinux2014_x86_64\n"
)
BUILT, FINAL = "/opt/shop/wheelhouses/1", "/opt/shop/releases/1"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "wheels").mkdir()
    site = tmp_path / "venv" / "lib" / "python3.13" / "site-packages"
    site.mkdir(parents=True)
    return site


def install(site: Path, files: dict[str, str], *, record: bool = True) -> None:
    info = "toy-1.0.dist-info"
    named = {f"{info}/WHEEL": WHEEL, f"{info}/INSTALLER": "uv", **files}
    for path, text in named.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    lines = [f"{path},,\n" for path in (*named, "toy/__pycache__/toy.pyc", f"{info}/RECORD")]
    if record:
        (site / info / "RECORD").write_text("".join(lines))


def made(site: Path) -> dict[str, dict[str, bytes]]:
    venv, wheels = site.parents[2], site.parents[3] / "wheels"
    names = repack(str(venv), str(wheels), BUILT, FINAL)
    found = {}
    for name in names:
        with zipfile.ZipFile(wheels / name) as archive:
            found[name] = {entry: archive.read(entry) for entry in archive.namelist()}
    return found


def test_wheel_has_the_tags_of_its_installation(site: Path) -> None:
    install(site, {})
    assert list(made(site)) == [
        "toy-1.0-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    ]


def test_each_file_goes_to_its_place_and_an_installers_own_do_not(site: Path) -> None:
    install(
        site,
        {
            "toy/a.py": "a",
            "../../../bin/toy": "made of the entry point",
            "../../../bin/other": "#!/bin/sh",
            "../../../share/man/toy.1": "man",
            "../../../include/site/python3.13/toy/toy.h": "h",
            "toy-1.0.dist-info/entry_points.txt": "[console_scripts]\ntoy = toy:main\n",
            "toy-1.0.dist-info/direct_url.json": "{}",
        },
    )
    (files,) = made(site).values()
    assert sorted(files) == [
        "toy-1.0.data/data/share/man/toy.1",
        "toy-1.0.data/headers/toy.h",
        "toy-1.0.data/scripts/other",
        "toy-1.0.dist-info/RECORD",
        "toy-1.0.dist-info/WHEEL",
        "toy-1.0.dist-info/entry_points.txt",
        "toy/a.py",
    ]
    listed = files["toy-1.0.dist-info/RECORD"].decode().splitlines()
    assert "toy/a.py,sha256=ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs,1" in listed


def test_editable_installation_leads_to_the_release(site: Path) -> None:
    install(
        site,
        {
            "toy.pth": f"{BUILT}/src",
            "toy-1.0.dist-info/direct_url.json": '{"dir_info": {"editable": true}}',
        },
    )
    (files,) = made(site).values()
    assert files["toy.pth"] == f"{FINAL}/src".encode()


def test_file_outside_is_refused(site: Path) -> None:
    install(site, {"../../../../outside": "x"})
    with pytest.raises(ValueError, match="outside of its virtual environment"):
        made(site)


def test_installation_without_a_list_is_refused(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, {}, record=False)
    arguments = [str(site.parents[2]), str(site.parents[3] / "new"), BUILT, FINAL]
    assert main(arguments) == 1
    assert "toy-1.0.dist-info has no list of its files" in capsys.readouterr().err
