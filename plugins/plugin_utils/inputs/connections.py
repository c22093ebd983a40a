"""Finds environment variables that name a service which `app_network_allow` keeps out of reach.

Conservative: what is told must be a connection, since a false refusal stops a deployment that
works. What is missed shows as a time-out of the new slot, which then names the directive. The rule:

- a URL whose scheme is of a data store, a broker, a mail server or a directory (`SCHEMES`), in any
  variable, with or without a driver, as in postgresql+asyncpg; its `host=` parameter too;
- a URL with http, https, grpc or ws in a variable whose name ends in _URL, _URI, _DSN or _ENDPOINT,
  or is one of a proxy, unless a word of the name says that it is the application's own address or
  one for browsers (`OWN_WORDS`): PUBLIC_URL, CORS_ORIGIN_URL, LOGIN_REDIRECT_URL;
- a host, or several with commas, each with or without a port, in a variable whose name has a word
  of `STORES` and ends in one of `PLACES`: REDIS_HOST, KAFKA_BOOTSTRAP_SERVERS, PGHOST;
- `host=` in the keywords of a name that ends in _DSN.

Not told: HOST, BIND, ALLOWED_HOSTS, 0.0.0.0, unix sockets, and names that DNS resolves.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, unquote

from ansible_collections.asgi.fleet.plugins.module_utils.protocol.sandbox import (
    ANY,
    LINK_LOCAL,
    LOCALHOST,
    NAMED,
    RESOLVER,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.problems import Findings, Problem

SCHEMES = re.compile(
    "postgres|postgresql|cockroachdb|mysql|mariadb|mssql|oracle|db2|clickhouse|clickhousedb|redis|"
    "rediss|valkey|valkeys|keydb|mongodb|memcache|memcached|amqp|amqps|pyamqp|nats|kafka|pulsar|"
    "mqtt|mqtts|stomp|cassandra|couchdb|couchbase|elasticsearch|opensearch|neo4j|bolt|influxdb|"
    "ldap|ldaps|smtp|smtps|imap|imaps|statsd|etcd|consul|zookeeper"
)
WEB_SCHEMES = re.compile("https?|grpcs?|wss?")
URL_ENDINGS = ("URL", "URI", "DSN", "ENDPOINT")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY")
OWN_WORDS = re.compile(
    "ALLOWED|APP|APPLICATION|ASSETS|AUDIENCE|BACKEND|BASE|BIND|CALLBACK|CANCEL|CLIENT|CORS|CSRF|DOCS|ERROR|"
    "EXTERNAL|FRONT|FRONTEND|HOME|HOOK|ISSUER|LISTEN|LOGIN|LOGOUT|MEDIA|ORIGINS?|OWN|PUBLIC|"
    "REDIRECT|REFERER|RETURN|ROOT|SELF|SERVER|SERVICE|SITE|STATIC|SUCCESS|TRUSTED|UI|WEB|WEBHOOK|"
    "WEBSITE|NEXT|REACT|VITE"
)
STORES = re.compile(
    "AMQP|BROKER|CACHE|CASSANDRA|CELERY|CLICKHOUSE|CONSUL|COUCHDB|DATABASE|DB|ELASTIC|"
    "ELASTICSEARCH|EMAIL|ETCD|INFLUX|INFLUXDB|KAFKA|KEYDB|LDAP|MAIL|MARIADB|MEMCACHED?|MILVUS|MINIO|"
    "MONGO|MONGODB|MQTT|MSSQL|MYSQL|NATS|NEO4J|OPENSEARCH|PG|POSTGRES|POSTGRESQL|QDRANT|RABBITMQ|"
    "REDIS|SMTP|SOLR|STATSD|VALKEY|ZOOKEEPER"
)
PLACES = re.compile("HOSTS?|HOSTNAME|HOSTADDR|SERVERS?|ADDR|ADDRESS|ADDRESSES|NODES|BROKERS")
#: Words of names whose hosts are no one to connect to: DB_ADMIN_ALLOWED_HOSTS.
ABOUT_HOSTS = re.compile("ALLOWED|BIND|BLOCKED|CORS|DENIED|EXCLUDED|LISTEN|LOCAL|TRUSTED")
#: Names without a _ between their words.
WHOLE_NAMES = ("PGHOST", "PGHOSTADDR")

_URL = re.compile(
    r"([a-z][a-z0-9.-]*(?:\+[a-z0-9._-]+)?)://([^/?#\s]*)[^?#\s]*(?:\?([^#\s]*))?", re.IGNORECASE
)
_KEYWORD = re.compile(r"\bhost(?:addr)?\s*=\s*'?([^\s';]+)", re.IGNORECASE)
_PORT = re.compile(r":\d+$")


def out_of_reach(
    environment: Mapping[str, object], allow: Iterable[str], variable: str
) -> list[Problem]:
    """Return a problem for each environment variable that names what may not be reached.

    Args:
        environment: Names and values; no value is ever told.
        allow: The checked `app_network_allow`.
        variable: The variable that holds `environment`: app_env or app_secrets.
    """
    names = list(allow)
    findings = Findings(variable)
    for name, value in environment.items():
        missing = dict.fromkeys(
            filter(None, (_missing(host, names) for host in hosts(name, value)))
        )
        for what in missing:
            findings.refuse(
                f"the address of a service that the application may not reach ({what[0]})",
                f"one that app_network_allow has, which is {', '.join(names) or 'empty'}",
                f"add {what[1]} to app_network_allow, or correct the address",
                at=f".{name}",
            )
    return findings.problems


def hosts(name: str, value: object) -> Iterator[str]:
    """Yield the hosts that an environment variable has the application connect to."""
    if not isinstance(name, str) or not isinstance(value, str):
        return
    words = name.upper().split("_")
    found = False
    for scheme, place, query in _URL.findall(value):
        found = True
        if any(map(SCHEMES.fullmatch, scheme.lower().split("+"))) or (
            WEB_SCHEMES.fullmatch(scheme.lower()) and _is_of_a_connection(words)
        ):
            yield from _split(unquote(place.rpartition("@")[2]))
            yield from (
                host
                for key, text in parse_qsl(query)
                if key in ("host", "hostaddr")
                for host in _split(text)
            )
    if found:
        return
    if _is_place_of_a_store(words):
        yield from _split(value)
    elif words[-1] == "DSN":
        yield from (host for text in _KEYWORD.findall(value) for host in _split(text))


def _is_of_a_connection(words: list[str]) -> bool:
    """Tell by a variable's name whether the application connects to the URL in it."""
    if "_".join(words) in PROXIES:
        return True
    *before, last = words
    own = before in ([], ["API"]) or any(map(OWN_WORDS.fullmatch, before))
    return last in URL_ENDINGS and not own


def _is_place_of_a_store(words: list[str]) -> bool:
    """Tell by a variable's name whether it is the host of a service, such as REDIS_HOST."""
    *before, last = words
    return "_".join(words) in WHOLE_NAMES or bool(
        PLACES.fullmatch(last)
        and any(map(STORES.fullmatch, before))
        and not any(map(ABOUT_HOSTS.fullmatch, before))
    )


def _split(places: str) -> Iterator[str]:
    """Yield the hosts of `host:port,[::1]:port`; none for a path, such as that of a unix socket."""
    for place in places.split(","):
        text = place.strip()
        if text.startswith("["):
            yield text[1:].partition("]")[0]
        elif text and not text.startswith("/"):
            # More than one colon is an IPv6 address without brackets.
            yield _PORT.sub("", text) if text.count(":") == 1 else text


def _missing(host: str, allow: list[str]) -> tuple[str, str] | None:
    """Return what a host is, and what `allow` lacks for it; None for one that may be reached."""
    plain = host.lower().rstrip(".")
    local = plain in ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
    if local or plain.endswith(".localhost"):
        plain = "127.0.0.1"
    elif plain == "metadata.google.internal":
        plain = "169.254.169.254"
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_unspecified or str(address) in RESOLVER:
        return None
    named = next((one for one in (LOCALHOST, LINK_LOCAL) if _has(NAMED[one], address)), None)
    if named in allow or (named is None and ANY in allow):
        return None
    if _has((entry for entry in allow if entry not in (ANY, *NAMED)), address):
        return None
    told = {LOCALHOST: "on loopback", LINK_LOCAL: "link-local"}.get(named or "", "by its address")
    return told, named or "its network"


def _has(networks: Iterable[str], address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in ipaddress.ip_network(network) for network in networks)
