"""What builder, controller and hosts tell each other of wheels."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.releases.wheels import (
    Wheelhouse,
    known,
    requirements_of,
)

SHA = "a" * 64


def test_requirements_name_each_wheel_with_its_hash() -> None:
    wheels = {
        "Other_Toy-2.0.post1-py3-none-any.whl": SHA,
        "toy-1.0+cu1-cp313-abi3-linux_x86_64.whl": SHA,
    }
    assert requirements_of(wheels) == (
        f"other-toy==2.0.post1 --hash=sha256:{SHA}\ntoy==1.0+cu1 --hash=sha256:{SHA}\n"
    )


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("toy-1.0.tar.gz", SHA),
        ("toy-1.0\n--find-links=x-py3-none-any.whl", SHA),
        ("toy-1.0-py3-none-any.whl", "x"),
    ],
)
def test_what_is_no_wheel_is_refused(name: str, digest: str) -> None:
    with pytest.raises(ValueError, match="which is not a wheel"):
        requirements_of({name: digest})


def test_host_knows_wheels_of_its_own_platform_alone() -> None:
    wheels = {"toy-1.0-py3-none-any.whl": SHA}
    keys = [Wheelhouse(platform=name, wheels=wheels).key for name in ("one", "two")]
    manifests = [{"environment": key} for key in (*keys, "of a lock", None)]
    assert len(known(manifests, "one")) == 1
    assert known(manifests, "three") == []
