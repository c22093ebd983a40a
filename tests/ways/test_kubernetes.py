"""app/kubernetes.yml: valid by Kubernetes' own schemas, and its times add up."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kubernetes_validate
import pytest
import yaml
from ansible_collections.asgi.fleet.plugins.plugin_utils.sizing.timeouts import LIFESPAN_SECONDS

from bench.containers import container
from bench.servers import APP, fetch

#: The oldest has preStop with `sleep` switched on by default; the newest is what the library has.
VERSIONS = ("1.30", "1.33", kubernetes_validate.latest_version())
DOCUMENTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((APP / "kubernetes.yml").read_text(encoding="utf-8"))
)
BY_KIND = {document["kind"]: document for document in DOCUMENTS}
POD: dict[str, Any] = BY_KIND["Deployment"]["spec"]["template"]["spec"]
APPLICATION: dict[str, Any] = POD["containers"][0]
#: What is kept for things that take longer than they say.
MARGIN_SECONDS = 5


def argument(name: str) -> int:
    """Return the number of one of Uvicorn's options."""
    return next(int(a.split("=")[1]) for a in APPLICATION["args"] if a.startswith(f"--{name}="))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", BY_KIND)
def test_schema_accepts_the_manifest(kind: str, version: str) -> None:
    kubernetes_validate.validate(BY_KIND[kind], version, strict=True)


def test_schema_refuses_a_misspelt_field() -> None:
    wrong = {**BY_KIND["Service"], "spec": {"selectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError, match="selectors"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_manifest_has_one_process_in_each_of_several_pods() -> None:
    assert sorted(BY_KIND) == ["Deployment", "PodDisruptionBudget", "Service"]
    assert len(DOCUMENTS) == len(BY_KIND)
    assert APPLICATION["args"][0] == "uvicorn"
    assert not any("workers" in argument for argument in APPLICATION["args"])
    assert BY_KIND["Deployment"]["spec"]["replicas"] >= 2


def test_all_of_it_selects_the_same_pods() -> None:
    labels = BY_KIND["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert BY_KIND["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert BY_KIND["Service"]["spec"]["selector"] == labels
    assert BY_KIND["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_pod_is_not_killed_while_it_drains() -> None:
    before = APPLICATION["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = argument("timeout-graceful-shutdown")
    needed = before + drain + LIFESPAN_SECONDS + MARGIN_SECONDS
    assert needed <= POD["terminationGracePeriodSeconds"]


def test_pod_gets_no_traffic_any_more_when_uvicorn_is_told_to_stop() -> None:
    readiness = APPLICATION["readinessProbe"]
    # What still asks by probes, such as a balancer outside of the cluster, has noticed by then.
    noticed = readiness["periodSeconds"] * readiness.get("failureThreshold", 3)
    assert APPLICATION["lifecycle"]["preStop"]["sleep"]["seconds"] >= noticed


def test_liveness_is_more_patient_than_readiness_and_starts_after_the_startup() -> None:
    def patience(probe: str) -> int:
        return int(APPLICATION[probe]["periodSeconds"] * APPLICATION[probe]["failureThreshold"])

    assert patience("readinessProbe") < patience("livenessProbe")
    assert patience("startupProbe") >= 60
    dockerfile = (APP / "Dockerfile").read_text(encoding="utf-8")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert APPLICATION[probe]["httpGet"]["path"] in dockerfile


def test_account_and_port_are_those_of_the_image() -> None:
    dockerfile = (APP / "Dockerfile").read_text(encoding="utf-8")
    user, group = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.M)[0]
    context = POD["securityContext"]
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))
    assert [port["containerPort"] for port in APPLICATION["ports"]] == [argument("port")]
    assert f"\nEXPOSE {argument('port')}\n" in dockerfile


def test_command_of_the_manifest_runs_and_drains_in_the_image(image: str) -> None:
    strict = ("--read-only", "--tmpfs=/tmp", "--volume=/srv/state", "--cap-drop=all")
    variables = [f"--env={item['name']}={item['value']}" for item in APPLICATION["env"]]
    limit = f"--memory={APPLICATION['resources']['limits']['memory'].lower().removesuffix('i')}"
    options = (*strict, *variables, limit, "--security-opt=no-new-privileges")
    with container(image, options, APPLICATION["args"]) as one:
        assert fetch(one.port, "/whoami")["pid"] == 1
        assert len(one.pids()) == 1
        with ThreadPoolExecutor(1) as pool:
            request = pool.submit(fetch, one.port, "/procesar", 30.0)
            time.sleep(0.7)
            one.stop()
            assert request.result()
