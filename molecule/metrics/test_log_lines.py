"""Lines of JSON in a real journal: with the id that nginx logged, and readable to the operator."""

from __future__ import annotations

import json
import socket
import ssl
from http.client import HTTPSConnection
from typing import Any

from events import DOMAIN, Shop


def requested(shop: Shop, path: str) -> tuple[int, str]:
    """Request a path; return the status, and the id that a visitor gets."""
    context = ssl.create_default_context(cafile=str(shop.folder / "ca.pem"))
    connection = HTTPSConnection(DOMAIN, timeout=60)
    raw = socket.create_connection(("127.0.0.1", shop.port), timeout=60)
    connection.sock = context.wrap_socket(raw, server_hostname=DOMAIN)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers["X-Request-ID"]


def lines(shop: Shop) -> list[str]:
    """Return what the processes of the live slot have logged."""
    unit = f"shop@{shop.live().split()[0]}.service"
    shop.shell("journalctl --sync")
    return shop.shell(f"journalctl --output=cat _SYSTEMD_UNIT={unit}").splitlines()


def of_request(shop: Shop, identity: str) -> list[dict[str, Any]]:
    """Return the lines of one request."""
    told = [json.loads(line) for line in lines(shop)]
    return [one for one in told if one.get("request_id") == identity]


def test_all_lines_of_a_slot_are_json(shop: Shop) -> None:
    told = [json.loads(line) for line in lines(shop)]
    slot, release = shop.live().split()
    assert {(one["release"], one["slot"]) for one in told} == {(release, slot)}
    assert {"gunicorn.error", "uvicorn.error"} <= {one["logger"] for one in told}


def test_line_has_the_id_that_nginx_logged(shop: Shop) -> None:
    status, identity = requested(shop, "/logged")
    assert status == 200
    [line] = of_request(shop, identity)
    slot, release = shop.live().split()
    assert line.pop("time")
    assert line == {
        "level": "WARNING",
        "logger": "shop.orders",
        "message": "no stock",
        "release": release,
        "slot": slot,
        "request_id": identity,
        "extra": {"article": 7},
    }
    [request] = shop.shell(f"grep -F {identity} /var/log/nginx/shop.log").splitlines()
    assert json.loads(request)["path"] == "/logged"


def test_error_of_a_request_is_one_line_with_its_traceback(shop: Shop) -> None:
    status, identity = requested(shop, "/failing")
    assert status == 500
    [line] = of_request(shop, identity)
    assert (line["logger"], line["level"]) == ("uvicorn.error", "ERROR")
    assert line["exception"].endswith("LookupError: no stock")


def test_operator_reads_them_as_text_beside_the_request(shop: Shop) -> None:
    _status, identity = requested(shop, "/logged")
    shown = shop.succeed("logs", logs_grep=identity)
    assert f"[WARNING] shop.orders: no stock (request {identity})" in shown
    assert "200 GET /logged " in shown
    assert '{"time"' not in shown


def test_text_is_text_again(shop: Shop) -> None:
    shop.succeed("release", app_log_format="text")
    assert requested(shop, "/logged")[0] == 200
    assert "no stock" in lines(shop)
    slot = shop.live().split()[0]
    assert shop.shell(f"cat /etc/shop/{slot}/json_logs.py") == ""
    shop.succeed("release")
    assert requested(shop, "/logged")[0] == 200
    assert '"no stock"' in lines(shop)[-1]
