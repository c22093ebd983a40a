#!/usr/bin/env python3
"""Asks the site of a host as visitors do, and says what is not as it should be. Runs there.

The answers of one call of curl: status, headers (lower case, each a list) and body.
"""

# No AnsibleModule here.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TAG = Path("/var/tmp/served_paths_tag")
SITE = "https://paths.example.com"
CURL = (
    *("curl", "--silent", "--show-error", "--include", "--connect-to", "::127.0.0.1:"),
    # The certificate is not what this is about.
    "--insecure",
)


@dataclass(frozen=True)
class Answer:
    """What came."""

    status: int
    headers: dict[str, list[str]]
    body: str

    def one(self, name: str) -> str:
        """Return a header that is there once, or what is wrong with it."""
        found = self.headers.get(name, [])
        return found[0] if len(found) == 1 else f"{len(found)} times: {found}"


def ask(path: str, *options: str) -> Answer:
    """Request a path."""
    result = subprocess.run(
        [*CURL, *options, f"{SITE}{path}"], capture_output=True, text=True, check=True
    )
    head, _blank, body = result.stdout.replace("\r\n", "\n").partition("\n\n")
    while head.startswith("HTTP/1.1 100"):
        head, _blank, body = body.partition("\n\n")
    status, *lines = head.splitlines()
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _colon, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    return Answer(int(status.split()[1]), headers, body)


FAILURES: list[str] = []


def check(name: str, seen: object, expected: object) -> None:
    """Note a difference."""
    if seen != expected:
        FAILURES.append(f"{name}: {seen!r}; expected {expected!r}")


def static_files() -> None:
    """Check what nginx serves itself."""
    sheet = ask("/static/css/site.css")
    check("a file is served", (sheet.status, sheet.body), (200, "body { color: #111; }\n"))
    check("asked for again", sheet.one("cache-control"), "no-cache")
    check("its headers", sheet.one("x-content-type-options"), "nosniff")
    check("HSTS", sheet.one("strict-transport-security"), "max-age=63072000")
    tag = sheet.one("etag")
    check("the tag is the release", bool(re.fullmatch(r'"[0-9a-zA-Z.+_-]{8,}"', tag)), True)
    same = ask("/static/css/site.css", "-H", f"If-None-Match: {tag}")
    check("unchanged", (same.status, same.one("etag"), same.body), (304, tag, ""))
    weak = ask("/static/css/site.css", "-H", f'If-None-Match: "x", W/{tag}')
    check("unchanged, weakly", weak.status, 304)
    other = ask("/static/css/site.css", "-H", 'If-None-Match: "another"')
    check("another tag", other.status, 200)
    dated = ask("/static/css/site.css", "-H", f"If-Modified-Since: {sheet.one('last-modified')}")
    check("a date is no proof", dated.status, 200)
    part = ask("/static/css/site.css", "-H", "Range: bytes=0-3", "-H", f"If-Range: {tag}")
    check("a part", (part.status, part.body), (206, "body"))
    hashed = ask("/static/app.3f9ac01e.js")
    check("hashed", hashed.one("cache-control"), "public, max-age=31536000, immutable")
    for path in (".hidden", "link.py", "css", "none.css", "../main.py", "%2e%2e/main.py"):
        rest = ask(f"/static/{path}", "--path-as-is")
        own = "the application's" in rest.body or '"app"' in rest.body
        check(f"{path} is the application's", (rest.status, own), (200, True))


def paths() -> None:
    """Check what differs by path."""
    large = ("--data-binary", "@/tmp/large", "-H", "Content-Type: application/octet-stream")
    check("a large body", ask("/elsewhere", *large).status, 413)
    check("a large upload", ask("/upload/it", *large).status, 200)
    check("a large upload, itself", ask("/upload", *large).status, 200)
    check("not below it", ask("/uploads", *large).status, 413)
    refused = ask("/intern/it")
    check(
        "not allowed",
        (refused.status, refused.one("content-type")),
        (403, "text/html; charset=utf-8"),
    )
    check("only there", ask("/internal").status, 200)
    asked = ask("/admin", "-H", "Accept: application/json")
    told = json.loads(asked.body) if asked.status == 401 else {}
    check("a login", (asked.status, asked.one("www-authenticate")), (401, 'Basic realm="front"'))
    check("in JSON", (told.get("title"), told.get("status")), ("Unauthorized", 401))
    check("with the request's id", told.get("request_id"), asked.one("x-request-id"))
    check("in", ask("/admin/it", "--user", "alice:secret").status, 200)
    check("wrong password", ask("/admin/it", "--user", "alice:secrets").status, 401)
    check("handed down", ask("/admin/large", *large).status, 401)
    check("and changed", ask("/admin/large", *large, "--user", "alice:secret").status, 200)
    seen = [ask("/limited/it").status for _number in range(5)]
    check("limited", seen, [200, 200, 200, 429, 429])
    limited = ask("/limited/it", "--data", "a=b")
    check("when to come again", (limited.status, limited.one("retry-after")), (429, "10"))
    check("and only there", ask("/elsewhere").status, 200)


def answers() -> None:
    """Check headers and errors."""
    seen = ask("/anything")
    check("the id reaches the application", json.loads(seen.body)["id"], seen.one("x-request-id"))
    check("framing", seen.one("x-frame-options"), "SAMEORIGIN")
    check("referrer", seen.one("referrer-policy"), "strict-origin-when-cross-origin")
    framed = ask("/framed")
    check("the application's own", framed.one("x-frame-options"), "DENY")
    check("the site's own", framed.one("strict-transport-security"), "max-age=63072000")
    for status in (401, 403, 404, 413, 429, 500, 502, 503, 504):
        own = ask(f"/own/{status}")
        check(f"its own {status}", (own.status, own.body), (status, "my own"))
    slow = ask("/slow")
    check("too slow", (slow.status, "took too long" in slow.body), (504, True))
    check("names the request", slow.one("x-request-id") in slow.body, True)
    check("in the log", slow.one("x-request-id") in log("front"), True)
    docs = ask("/docs")
    check("/docs", (docs.status, "cdn.jsdelivr.net" in docs.body), (200, True))
    check("/docs is not hindered", docs.headers.get("content-security-policy"), None)
    many = ask("/anything", "-H", f"Cookie: a={'x' * 9000}")
    check("a large cookie", many.status, 200)


def http3() -> None:
    """Check HTTP/3 where nginx has it, and that it is not offered elsewhere."""
    told = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=True).stderr
    offered = ask("/anything").headers.get("alt-svc")
    if "--with-http_v3_module" not in told:
        check("no HTTP/3", offered, None)
        return
    check("HTTP/3", offered, ['h3=":443"; ma=86400'])
    check("by HTTP/3", ask("/anything", "--http3-only").status, 200)
    rules = subprocess.run(["ufw", "status"], capture_output=True, text=True, check=True).stdout
    check("the firewall", "443/udp" in rules, True)


def mounted() -> None:
    """Check the application that is mounted."""
    seen = ask("/api/items?a=b")
    body = json.loads(seen.body)
    check("the mounted one", (body["app"], body["root_path"]), ("api", "/api"))
    check("its links", body["link"], f"{SITE}/api/items?a=b")
    check("its log", '"path":"/api/items"' in log("front-api"), True)
    check("and not the other's", '"path":"/api/items"' in log("front"), False)
    slow = ask("/api/slow")
    check("its error", (slow.status, "took too long" in slow.body), (504, True))
    check("is in its log", '"path":"/api/slow"' in log("front-api"), True)
    check("and not in the other's", '"path":"/api/slow"' in log("front"), False)
    check("the slash", ask("/api").status, 301)
    check("health", ask("/api/healthz").status, 200)
    check("not below it", json.loads(ask("/apis").body)["app"], "front")


def remember() -> None:
    """Note the tag of the file that changes."""
    TAG.write_text(ask("/static/css/site.css").one("etag"), encoding="utf-8")


def changed() -> None:
    """Check that a browser with the former tag gets the new file, and the former program."""
    tag = TAG.read_text(encoding="utf-8")
    sheet = ask("/static/css/site.css", "-H", f"If-None-Match: {tag}")
    check("a changed file", (sheet.status, sheet.body), (200, "body { color: #222; }\n"))
    check("has another tag", sheet.one("etag") != tag, True)
    check("the new program", ask("/static/app.77aa01ce.js").body, "one\n")
    former = ask("/static/app.3f9ac01e.js")
    check("the former program", (former.body, former.one("etag")), ("one\n", tag))


def front_in_maintenance() -> None:
    """Check that maintenance of the front end is its own."""
    check("in maintenance", (ask("/").status, ask("/static/css/site.css").status), (503, 503))
    check("health", ask("/healthz").status, 200)
    check("served", ask("/api/items").status, 200)
    for path in ("/.error/elsewhere", "/.error/front-api/elsewhere", "/.maintenance/elsewhere"):
        check(f"{path} leads nowhere else", ask(path).status, 503)


def mounted_in_maintenance() -> None:
    """Check the same of the application that is mounted."""
    told = ask("/api/items", "-H", "Accept: application/json")
    check("in maintenance", (told.status, json.loads(told.body)["status"]), (503, 503))
    check("health", ask("/api/healthz").status, 200)
    check("served", ask("/").status, 200)


def unmounted() -> None:
    """Check that the path is the front end's again."""
    check("the front end", json.loads(ask("/api/items").body)["app"], "front")


def log(name: str) -> str:
    """Return an access log."""
    return Path(f"/var/log/nginx/{name}.log").read_text(encoding="utf-8")


def main() -> None:
    """Run the checks that are named, or all."""
    Path("/tmp/large").write_bytes(b"x" * (11 << 20))
    everything = [static_files, paths, answers, http3, mounted]
    later = [remember, changed, front_in_maintenance, mounted_in_maintenance, unmounted]
    known = {one.__name__: one for one in (*everything, *later)}
    for one in [known[name] for name in sys.argv[1:]] or everything:
        one()
    if FAILURES:
        raise SystemExit("\n".join(FAILURES))


if __name__ == "__main__":
    main()
