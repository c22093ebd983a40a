"""The script of the load tool, wrk: the operator's requests in Lua, and one line that is counted.

wrk's own SCRIPTING file is the reference: `setup` and `done` run in its main state, `init`,
`request` and `response` in each thread's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: What is asked for if the operator names nothing.
HEALTH = "the health path, which says little about the application's own work"
_TAIL = r"""
local at = 0
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   statuses = {}
   if args[1] == "statuses" then
      response = function(status)
         local name = tostring(status)
         statuses[name] = (statuses[name] or 0) + 1
      end
   end
end

function request()
   at = at % #order + 1
   return requests[order[at]]
end

function done(summary, latency)
   local counts = {}
   for _, thread in ipairs(threads) do
      for status, count in pairs(thread:get("statuses")) do
         table.insert(counts, string.format('"%s": %d', status, count))
      end
   end
   local errors = summary.errors
   io.write(string.format(
      '\nfleet {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "bad": %d, ' ..
      '"connect": %d, "read": %d, "write": %d, "timeout": %d, "statuses": {%s}}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
      latency:percentile(99) / 1e3, errors.status, errors.connect, errors.read, errors.write,
      errors.timeout, table.concat(counts, ", ")))
end
"""


def load_script(requests: Sequence[Mapping[str, Any]], host: str, health_path: str) -> str:
    """Return the script.

    Args:
        requests: `tune_requests`, checked; without any it is the health path.
        host: The header Host.
        health_path: The health path, as visitors ask for it.
    """
    wanted = list(requests) or [{"path": health_path}]
    lines = ["-- The load of a measurement. Written by asgi.fleet.", "local requests = {"]
    lines += [f"   {_raw(one, host)}," for one in wanted]
    turns = schedule([int(one.get("weight", 1)) for one in wanted])
    lines += ["}", f"local order = {{{', '.join(str(turn + 1) for turn in turns)}}}"]
    return "\n".join(lines) + "\n" + _TAIL.lstrip("\n")


def schedule(weights: Sequence[int]) -> list[int]:
    """Return the places of the requests in one cycle, each as often as its weight and spread out.

    Each turn, every request gains its weight, and the one that has most is taken and pays for all.
    """
    total = sum(weights)
    credit = [0] * len(weights)
    turns = []
    for _turn in range(total):
        credit = [have + weight for have, weight in zip(credit, weights, strict=True)]
        chosen = credit.index(max(credit))
        credit[chosen] -= total
        turns.append(chosen)
    return turns


def _raw(request: Mapping[str, Any], host: str) -> str:
    """Return a request as it goes over the wire (RFC 9112, section 3), as a text of Lua."""
    body = request.get("body", "")
    given = {str(k): str(v) for k, v in request.get("headers", {}).items()}
    usual = {"Host": host}
    if not isinstance(body, str):
        body = json.dumps(body)
        usual = {"Content-Type": "application/json", **usual}
    # A name has no case (RFC 9110, section 5.1), and two Host are refused by every server.
    named = {name.lower(): name for name in given}
    headers = {named.get(name.lower(), name): value for name, value in usual.items()} | given
    payload = body.encode()
    method = str(request.get("method", "GET")).upper()
    if payload or method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(payload))
    head = [f"{method} {request['path']} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return quoted("\r\n".join([*head, "", ""]).encode() + payload)


def quoted(text: bytes) -> str:
    """Return bytes as a text of Lua."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(byte: int) -> str:
    # Printable, and neither a quote nor a backslash.
    return chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03d}"
