"""What a plan is made from: the results that the tasks of playbooks/plan.yml have registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.asgi.fleet.plugins.plugin_utils.plan.document import (
    BalancerPlan,
    HostFacts,
    Kind,
)
from ansible_collections.asgi.fleet.plugins.plugin_utils.rollout.begin import locked_text


class NoPlanError(Exception):
    """There is no plan, or it does not hold; the message says why and what to do."""


def host_facts(variables: Mapping[str, Any], kind: Kind) -> HostFacts:
    """Return what is known of a host.

    Args:
        variables: The host's, with the results of the tasks.
        kind: The playbook; what only a deployment changes is not looked at for another.
    """
    begun = variables["plan_begun"]
    compared = (variables.get("gunicorn_service_result") or {}) if begun.get("live") else {}
    return HostFacts(
        deployment=variables["deployment"],
        begun=begun,
        packed=variables["__python_release_packed"],
        fingerprint=variables["plan_fingerprint"],
        slot=compared,
        provision=provision(variables) if kind == "deploy" else {},
    )


def provision(variables: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what a deployment changes on a host, by subject.

    Args:
        variables: The host's: `host_baseline_result` of `asgi.fleet.host_drift`,
            `tls_certificate_result` of `asgi.fleet.certificate_drift`, `nginx_site_result` of
            `asgi.fleet.nginx_config`, and `fleet_look` where ACME brings the certificate.
    """
    found = {
        subject: list(map(str, names))
        for subject, names in (variables.get("host_baseline_result") or {}).get("drift", {}).items()
    }
    site = variables.get("nginx_site_result") or {}
    if not site.get("installed", True):
        found["packages"] = [*found.get("packages", []), "nginx"]
    found["site"] = list(site.get("files") or [])
    found["certificate"] = _certificate(variables)
    return {subject: names for subject, names in found.items() if names}


#: What differs of a certificate, in words. What exactly changes with every day that passes.
_CERTIFICATE = {
    "access": "owner or mode",
    "key": "a new key",
    "certificate": "a new certificate",
    "renewal": "what renews it",
    "links": "which pair is in use",
    "superseded": "old pairs removed",
}


def _certificate(variables: Mapping[str, Any]) -> list[str]:
    if variables["deployment"].get("app_mount_of"):
        return []
    drift = (variables.get("tls_certificate_result") or {}).get("drift") or {}
    found = [_CERTIFICATE.get(subject, subject) for subject in drift]
    tls = variables["deployment"].get("app_tls") or {}
    if tls.get("mode") == "acme":
        state = ((variables.get("fleet_look") or {}).get("state") or {}).get("certificate") or {}
        brought = (state.get("renewal") or {}).get("mode") == "acme"
        if not brought or set(state.get("names", [])) != set(variables["deployment"]["app_domain"]):
            found.append("ordered by ACME")
    return found


def refuse_locked(hosts: Mapping[str, HostFacts], *, take_over: bool) -> None:
    """Refuse hosts on which a rollout runs: what they run may change at any moment.

    Args:
        hosts: What is known of each; `holder` says who holds the lock. A lock of a rollout that
            another host knows to have ended counts as none: the next run takes it over by itself.
        take_over: The operator takes the locks over.

    Raises:
        NoPlanError: Naming the first.
    """
    ended = {one for facts in hosts.values() for one in facts.begun.get("ended") or []}
    for host, facts in hosts.items():
        holder = facts.begun.get("holder")
        if holder and not take_over and holder["rollout"] not in ended:
            text = locked_text(facts.deployment["app_name"], holder)
            raise NoPlanError(f"there is no plan, because of {host}: {text}")


def balancer_plan(look: Mapping[str, Any], sites: Iterable[Mapping[str, Any]]) -> BalancerPlan:
    """Return which servers a balancer gets and loses.

    Args:
        look: The result of `asgi.fleet.balancer_info`; one where HAProxy does not run has none.
        sites: The sites that it is to serve, from the filter `asgi.fleet.balancer_sites`.
    """
    servers: Sequence[str] = list((look.get("state") or {}).get("servers") or {})
    wanted = {f"{site['name']}/{server['name']}" for site in sites for server in site["servers"]}
    return {
        "added": sorted(wanted - set(servers)),
        "removed": sorted(set(servers) - wanted),
    }
