"""What a drain changes, and what it refuses."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from ansible_collections.asgi.fleet.plugins.module_utils.servers.runtime_socket import (
    HaproxyError,
    Runtime,
    ServerState,
    parse_servers,
    plan,
)

# Answers of HAProxy 2.6.12, shortened to what is read.
STATES = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
5 shop 1 web1 10.0.0.1 2 0 5 100
5 shop 2 web2 10.0.0.2 2 8 1 1
5 shop 3 web3 10.0.0.3 0 0 1 1
"""
STATISTICS = """# pxname,svname,qcur,qmax,scur,smax
shop,web1,0,0,3,9
shop,web2,0,0,,1
"""
UP, DOWN, DRAINED = ServerState(2, 0), ServerState(0, 0), ServerState(2, 8)
MAINTENANCE = ServerState(0, 1)


def test_servers_are_read_with_their_sessions() -> None:
    servers = parse_servers(STATES, STATISTICS)
    assert servers == {
        "shop/web1": ServerState(2, 0, 3, weight=5, full_weight=100),
        "shop/web2": ServerState(2, 8, 0),
        "shop/web3": ServerState(0, 0, 0),
    }
    assert [state.serves for state in servers.values()] == [True, False, False]
    assert [state.drained for state in servers.values()] == [False, True, False]


@pytest.mark.parametrize(
    ("servers", "wanted", "changes"),
    [
        ({"shop/a": UP, "shop/b": UP}, ["shop/a"], ["shop/a"]),
        ({"shop/a": DRAINED, "shop/b": UP}, ["shop/a"], []),
        # A server that is down takes nothing away, and must not come back by itself.
        ({"shop/a": DOWN, "shop/b": DOWN}, ["shop/a"], ["shop/a"]),
        ({"shop/a": UP, "shop/b": UP, "blog/a": UP, "blog/b": UP}, ["shop/a", "blog/a"], None),
    ],
)
def test_drain_changes_what_is_not_drained(
    servers: dict[str, ServerState], wanted: list[str], changes: list[str] | None
) -> None:
    assert plan(servers, wanted, drain=True) == (wanted if changes is None else changes)


@pytest.mark.parametrize("other", [DOWN, DRAINED, MAINTENANCE])
def test_drain_refuses_the_last_server_that_serves(other: ServerState) -> None:
    servers = {"shop/a": UP, "shop/b": other, "blog/c": UP}
    with pytest.raises(HaproxyError, match=r"^shop/a is the last .*-e drain_last=true$"):
        plan(servers, ["shop/a"], drain=True)
    assert plan(servers, ["shop/a"], drain=True, others="none") == ["shop/a"]


def test_drain_counts_no_server_that_is_drained_with_it() -> None:
    servers = {"shop/a": UP, "shop/b": UP}
    with pytest.raises(HaproxyError, match="the last server of shop"):
        plan(servers, ["shop/a", "shop/b"], drain=True)


def test_drain_can_ask_for_all_others() -> None:
    servers = {"shop/a": UP, "shop/b": UP, "shop/c": DOWN}
    assert plan(servers, ["shop/a"], drain=True) == ["shop/a"]
    with pytest.raises(HaproxyError, match=r"^shop/c gets no traffic.*undrain.yml --limit c$"):
        plan(servers, ["shop/a"], drain=True, others="all")
    # Once drained, nothing is taken away any more: a run that failed can be run again.
    servers["shop/a"] = DRAINED
    assert plan(servers, ["shop/a"], drain=True, others="all") == []


def test_undrain_changes_what_is_out() -> None:
    servers = {"shop/a": DRAINED, "shop/b": UP, "shop/c": MAINTENANCE, "shop/d": DOWN}
    assert plan(servers, list(servers), drain=False) == ["shop/a", "shop/c"]


@pytest.mark.parametrize("drain", [True, False])
def test_unknown_server_is_refused_with_those_that_are_there(drain: bool) -> None:
    with pytest.raises(HaproxyError, match=r"shop/z is not a server .* one of shop/a; run: .*bal"):
        plan({"shop/a": UP}, ["shop/z"], drain=drain)


def serve(path: Path, answer: bytes) -> threading.Thread:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def run() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(1024)
            connection.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_runtime_refuses_with_the_words_of_haproxy(tmp_path: Path) -> None:
    thread = serve(tmp_path / "s", b"No such server.\n\n")
    with pytest.raises(HaproxyError, match=r"^haproxy refuses 'set server a/b state drain': No s"):
        Runtime(str(tmp_path / "s")).order("set server a/b state drain")
    thread.join()


def test_runtime_says_when_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(HaproxyError, match=r"No such file or directory.*systemctl status haproxy"):
        Runtime(str(tmp_path / "s")).ask("show info")


def test_server_has_what_its_last_check_said() -> None:
    states = "1\n# header\n6 shop 1 web1 10.0.0.1 0 0 1 1"
    columns = "# pxname,svname,scur,check_status,check_code,last_chk\n"
    told = parse_servers(states, columns + "shop,web1,2,* L7STS,503,Service Unavailable\n")
    assert told["shop/web1"].check == "L7STS/503/Service Unavailable"
    assert (told["shop/web1"].sessions, told["shop/web1"].serves) == (2, False)
