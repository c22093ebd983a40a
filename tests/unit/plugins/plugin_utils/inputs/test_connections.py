"""Which environment variables name a service that is out of reach, and which must not be told."""

from __future__ import annotations

import pytest
from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.connections import out_of_reach


def told(name: str, value: object, *allow: str) -> list[str]:
    problems = out_of_reach({name: value}, allow or ("any",), "app_env")
    return [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://shop:pw@localhost/shop"),
        ("DATABASE_URL", "postgresql+asyncpg://shop:p%40w@127.0.0.1:5432/shop"),
        ("DATABASE_URL", "postgresql:///shop?host=localhost"),
        ("DATABASE_URL", "postgresql://db.example.com,localhost:5433/shop"),
        ("SQLALCHEMY_DATABASE_URI", "mysql+aiomysql://root@[::1]:3306/shop"),
        ("WHATEVER", "redis://127.0.0.1:6379/0"),
        ("CELERY_RESULT_BACKEND", "db+postgresql://shop@localhost/shop"),
        ("CELERY_BROKER_URL", "amqp://guest:guest@localhost//"),
        ("MONGO", "mongodb://a.example.com:27017,127.1.2.3:27017/?replicaSet=rs0"),
        ("SEARCH", "jdbc:clickhouse://localhost:8123/x"),
        ("PAYMENTS_URL", "http://localhost:9000/v1"),
        ("OPENAI_URI", "https://LOCALHOST./v1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"),
        ("INFERENCE_URL", "http://models.localhost:8080"),
        ("HTTP_PROXY", "http://127.0.0.1:3128"),
        ("http_proxy", "http://127.0.0.1:3128"),
        ("REDIS_HOST", "127.0.0.1"),
        ("REDIS_HOST", "::1"),
        ("REDIS_MASTER_HOST", "localhost:6379"),
        ("POSTGRES_SERVER", "localhost"),
        ("DB_HOSTNAME", "localhost"),
        ("PGHOST", "localhost"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka1.example.com:9092, localhost:9092"),
        ("SMTP_HOST", "localhost"),
        ("POSTGRES_DSN", "host=localhost dbname=shop user=shop"),
    ],
)
def test_connection_to_loopback_is_refused_unless_it_is_allowed(name: str, value: str) -> None:
    assert told(name, value) == [
        f"app_env.{name} is the address of a service that the application may not reach "
        "(on loopback); expected one that app_network_allow has, which is any; "
        "add localhost to app_network_allow, or correct the address"
    ]
    assert told(name, value, "any", "localhost") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("METADATA_URL", "http://169.254.169.254/latest/meta-data/"),
        ("METADATA_ENDPOINT", "http://metadata.google.internal"),
        ("REDIS_HOST", "fe80::1"),
        ("REDIS_URL", "redis://[::ffff:169.254.1.1]:6379"),
    ],
)
def test_connection_to_a_link_local_address_is_refused(name: str, value: str) -> None:
    (message,) = told(name, value, "any", "localhost")
    assert "(link-local)" in message
    assert "add link-local to app_network_allow" in message
    assert told(name, value, "link-local") == []


def test_address_that_a_list_of_networks_lacks_is_refused() -> None:
    (message,) = told("DATABASE_URL", "postgresql://192.0.2.7/shop", "10.0.0.0/8")
    assert (
        "(by its address); expected one that app_network_allow has, which is 10.0.0.0/8" in message
    )
    assert "add its network to app_network_allow" in message
    assert told("DATABASE_URL", "postgresql://192.0.2.7/shop", "192.0.2.0/24") == []
    assert told("DATABASE_URL", "postgresql://127.0.0.1/shop", "any", "127.0.0.1/32") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "127.0.0.1"),
        ("BIND_ADDRESS", "0.0.0.0:8000"),
        ("BIND", "127.0.0.1:8000"),
        ("UVICORN_HOST", "localhost"),
        ("LISTEN_URL", "http://127.0.0.1:8000"),
        ("ALLOWED_HOSTS", "localhost,127.0.0.1"),
        ("DB_ADMIN_ALLOWED_HOSTS", "localhost"),
        ("TRUSTED_HOSTS", '["localhost"]'),
        ("CORS_ORIGINS", '["http://localhost:3000", "http://localhost:5173"]'),
        ("BACKEND_CORS_ORIGINS", "http://localhost:3000"),
        ("CORS_ORIGIN_URL", "http://localhost:3000"),
        ("FRONTEND_URL", "http://localhost:5173"),
        ("FRONTEND_HOST", "http://localhost:5173"),
        ("PUBLIC_BASE_URL", "http://localhost:8000"),
        ("BASE_URL", "http://localhost:8000"),
        ("API_URL", "http://localhost:8000"),
        ("URL", "http://localhost:8000"),
        ("OAUTH_REDIRECT_URI", "http://localhost:8000/callback"),
        ("NO_PROXY", "localhost,127.0.0.1"),
        ("DOMAIN", "localhost"),
        ("REDIS_HOST", "0.0.0.0:6379"),
        ("REDIS_HOST", "redis.example.com"),
        ("REDIS_HOST", "10.0.0.4:6379"),
        ("PGHOST", "/var/run/postgresql"),
        ("DNS_URL", "http://127.0.0.53"),
        ("DATABASE_URL", "postgresql:///shop"),
        ("DATABASE_URL", "postgresql:///shop?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql://db.example.com/shop?application_name=localhost"),
        ("DATABASE_URL", "sqlite:////var/lib/shop/state/localhost.db"),
        ("REDIS_URL", "unix:///run/redis/redis.sock"),
        ("SENTRY_DSN", "https://key@o1.ingest.sentry.io/1"),
        ("GREETING", "localhost"),
        ("REDIS_PORT", 6379),
    ],
)
def test_what_is_no_connection_to_loopback_is_not_refused(name: str, value: object) -> None:
    assert told(name, value) == []


def test_message_never_has_the_value_and_tells_a_variable_once() -> None:
    problems = out_of_reach(
        {"REDIS_HOST": "localhost,127.0.0.1", "DATABASE_URL": "postgresql://u:s3cret@localhost"},
        ["any"],
        "app_secrets",
    )
    assert [problem.variable for problem in problems] == ["app_secrets"] * 2
    assert not any("s3cret" in problem.message for problem in problems)
    assert problems[0].message.startswith("app_secrets.REDIS_HOST is ")
