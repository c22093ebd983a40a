"""app/Dockerfile, built and run by podman: limits, account, process 1, health and stop."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.containers import (
    STOP_SECONDS,
    Container,
    ContainerError,
    can_limit_cores,
    container,
    run,
)
from bench.servers import all_answering, fetch

#: A machine that has one core only cannot show the difference.
LIMITS = ("--cpus=1", "--memory=1g")
#: As a cluster with strict rules runs it.
STRICT = (
    "--read-only",
    "--tmpfs=/tmp",
    "--volume=/srv/state",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)


@pytest.fixture(scope="module")
def limited(image: str) -> Iterator[Container]:
    if not can_limit_cores():
        pytest.skip("podman cannot limit the cores of a container here; run it as root")
    with container(image, LIMITS) as one:
        yield one


def test_nproc_counts_the_machines_cores_and_the_image_its_own(limited: Container) -> None:
    counted = int(limited.execute("nproc"))
    if counted == 1:
        pytest.skip("this machine has one core: nproc is right by accident")
    # What the usual Dockerfile computes: CMD uvicorn main:app --workers $((2 * $(nproc) + 1))
    article = int(limited.execute("sh", "-c", "echo $((2 * $(nproc) + 1))"))
    assert article == 2 * counted + 1 > 3
    assert "] 3 workers: 1 core allows 3, and 960 MB for one slot would allow 7" in limited.log()
    assert len(all_answering(limited.port, 3)) == 3
    assert len(limited.pids()) == 1 + 3


def test_workers_are_counted_from_the_memory_where_that_is_less(image: str) -> None:
    with container(image, ["--memory=320m"]) as one:
        assert "but 256 MB for one slot allow 2 of 128 MB each" in one.log()


def test_number_of_workers_can_be_given(image: str) -> None:
    with container(image, ["--env=WEB_CONCURRENCY=2"]) as one:
        assert "] 2 workers: as configured" in one.log()


def test_wrong_number_of_workers_is_refused_by_name(image: str) -> None:
    with (
        pytest.raises(ContainerError, match=r"WEB_CONCURRENCY.*: workers is '1000'; expected auto"),
        container(image, ["--env=WEB_CONCURRENCY=1000"]),
    ):
        pass


def test_nothing_runs_as_root(limited: Container) -> None:
    assert limited.execute("id", "-u") == "10001"
    users = run("podman", "top", limited.name, "huser").split()[1:]
    assert users
    assert "root" not in users
    # Neither the code nor the environment can be changed by who runs it.
    assert limited.execute("find", "/srv", "-writable", "-not", "-type", "l") == "/srv/state"


def test_gunicorn_is_process_1(limited: Container) -> None:
    command = limited.execute("cat", "/proc/1/cmdline").replace("\0", " ")
    assert command.split()[1:] == [
        "/srv/venv/bin/gunicorn",
        "--config",
        "/srv/fleet/gunicorn.conf.py",
        "main:app",
    ]


def test_container_becomes_healthy(limited: Container) -> None:
    assert json.loads(limited.inspect("{{json .Config.Healthcheck.Test}}"))[:2] == ["CMD", "python"]
    # By hand: podman's own timer is one of systemd's, which a machine may not have.
    run("podman", "healthcheck", "run", limited.name)
    assert limited.inspect("{{.State.Healthcheck.Status}}") == "healthy"


def test_image_is_the_application_and_its_worker_alone(limited: Container) -> None:
    assert limited.execute("ls", "/srv/app").split() == ["fleet_sample", "main.py"]
    assert limited.execute("ls", "/srv/fleet").split() == [
        "ansible_collections",
        "draining_worker.py",
        "gunicorn.conf.py",
        "slot_master.py",
    ]
    assert fetch(limited.port, "/whoami")["release"] == "ways"


def survives_the_stop(one: Container) -> float:
    """Stop a container while it works on a request; return the seconds that the stop took."""
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(fetch, one.port, "/procesar", 30.0)
        time.sleep(0.7)
        began = time.monotonic()
        one.stop()
        took = time.monotonic() - began
        assert request.result()
    assert one.inspect("{{.State.ExitCode}}") == "0"
    return took


def test_request_in_flight_survives_the_stop(image: str) -> None:
    with container(image, ["--env=WEB_CONCURRENCY=2", *STRICT]) as one:
        assert one.inspect("{{.Config.StopSignal}} {{.Config.StopTimeout}}") == f"15 {STOP_SECONDS}"
        one.execute("python", "-m", "fleet_sample.migrate")
        # It writes where it may, and nowhere else.
        assert fetch(one.port, "/migrations")["version"] > 0
        took = survives_the_stop(one)
    # The rest of the two seconds that the request takes, and no more.
    assert 0.5 < took < 10
