"""Where the certificate comes from, as the role wants it told."""

from __future__ import annotations

from ansible_collections.asgi.fleet.plugins.plugin_utils.inputs.certificate_wiring import (
    certificate_loading,
    certificate_sources,
)

PATHS = {"certificate": "/pki/ca.pem", "key": "/pki/ca.key", "days": 7}


def test_certificate_of_an_authority_is_not_that_of_the_site() -> None:
    wired = certificate_sources({"mode": "internal_ca", **PATHS})
    assert wired["tls_certificate_authority_certificate"] == "/pki/ca.pem"
    assert wired["tls_certificate_provided_certificate"] == ""
    assert wired["tls_certificate_issued_days"] == 7
    wired = certificate_sources({"mode": "provided", "chain": "/pki/chain.pem", **PATHS})
    assert wired["tls_certificate_authority_certificate"] == ""
    assert wired["tls_certificate_provided_certificate"] == "/pki/ca.pem"
    assert wired["tls_certificate_provided_chain"] == "/pki/chain.pem"


def test_secrets_are_not_wired() -> None:
    tls = {"mode": "internal_ca", "key": "secret", "key_password": "secret"}
    assert "secret" not in certificate_sources(tls).values()


def test_folder_of_an_authority_is_beside_the_inventory() -> None:
    wired = certificate_sources({"mode": "internal_ca"})
    assert wired["tls_certificate_authority_folder"] == "authority"
    wired = certificate_sources({"mode": "internal_ca", "folder": "/pki"})
    assert wired["tls_certificate_authority_folder"] == "/pki"


def test_nginx_reads_the_pair_itself_unless_it_is_somewhere_else() -> None:
    assert certificate_loading("/etc/shop/tls", {}) == {
        "tls_certificate_deploy_command": "",
        "nginx_site_certificate_directory": "/etc/shop/tls",
        "tls_certificate_key_group": "www-data",
        "tls_certificate_key_mode": "0640",
    }
    assert certificate_loading("/etc/shop/tls", {"nginx_site_key_path": "/etc/key.pem"}) == {
        "tls_certificate_deploy_command": "systemctl try-reload-or-restart nginx"
    }
