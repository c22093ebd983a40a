"""nginx in front of the measured slot: what it does as the visitors' one does."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.module_utils.application.layout import Application
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.front import Front, config
from ansible_collections.asgi.fleet.plugins.module_utils.tuning.place import slot_of


def test_it_listens_on_loopback_and_leads_to_the_slots_socket() -> None:
    text = config(slot_of(Application("shop")), Front(), 4321)
    assert "listen 127.0.0.1:4321;" in text
    assert text.count("listen ") == 1
    assert "server unix:/run/shop/tune.sock;" in text
    assert "rewrite" not in text
    assert "/var/log" not in text


def test_what_visitors_paths_begin_with_is_stripped() -> None:
    text = config(slot_of(Application("shop")), Front(root_path="/api"), 4321)
    assert "rewrite ^/api(/.*)$ $1 break;" in text
    assert 'X-Forwarded-Prefix "/api"' in text
