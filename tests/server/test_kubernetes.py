"""deploy/kubernetes: what can be said without kubectl. `make lint ONLY=kubernetes` renders it."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
import yaml

from api.config import SECRETS, Settings
from scripts.kubernetes import OVERLAYS, dangling
from scripts.system import CHECKOUT

BASE = CHECKOUT / "deploy/kubernetes/base"
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted(BASE.glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for manifest in yaml.safe_load_all(path.read_text())
]
# The parts that kustomize makes from base/kustomization.yaml.
GENERATED = [{"kind": "ConfigMap", "metadata": {"name": "settings"}}]
SECRET_NAMES = {"telemedicine-api", "telemedicine-worker", "telemedicine-migrate"}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {m["metadata"]["name"]: m for m in MANIFESTS if m["kind"] == kind}


def containers() -> dict[str, dict[str, Any]]:
    workloads = of_kind("Deployment") | of_kind("Job")
    return {name: w["spec"]["template"]["spec"]["containers"][0] for name, w in workloads.items()}


def test_names_in_the_base_exist() -> None:
    assert not list(dangling(MANIFESTS + GENERATED, SECRET_NAMES))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("Service", "api", "selector"), "Service api selects nothing"),
        (("PodDisruptionBudget", "worker", "selector"), "PodDisruptionBudget worker selects"),
        (
            ("HorizontalPodAutoscaler", "api", "scaleTargetRef"),
            "HorizontalPodAutoscaler api scales",
        ),
    ],
)
def test_name_that_nothing_has_is_reported(change: tuple[str, str, str], complaint: str) -> None:
    kind, name, part = change
    wrong = {
        "selector": {"app.kubernetes.io/component": "none"},
        "scaleTargetRef": {"kind": "Deployment", "name": "none"},
    }[part]
    if kind == "PodDisruptionBudget":
        wrong = {"matchLabels": wrong}
    spec = of_kind(kind)[name]["spec"] | {part: wrong}
    manifests = [m | {"spec": spec} if m is of_kind(kind)[name] else m for m in MANIFESTS]
    assert any(line.startswith(complaint) for line in dangling(manifests, SECRET_NAMES))
    assert "no config map settings" in set(dangling(manifests, SECRET_NAMES))


@pytest.mark.parametrize("name", ["api", "worker"])
def test_deployment_has_probes_a_budget_and_an_autoscaler(name: str) -> None:
    container = containers()[name]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
    # A restart does not help if the database is away.
    assert "live" in str(container["livenessProbe"])
    assert "live" not in str(container["readinessProbe"])
    assert of_kind("PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
    assert of_kind("HorizontalPodAutoscaler")[name]["spec"]["minReplicas"] >= 2
    assert "replicas" not in of_kind("Deployment")[name]["spec"]


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_container_has_no_more_rights_than_it_needs(name: str) -> None:
    rights = containers()[name]["securityContext"]
    assert rights["readOnlyRootFilesystem"] and rights["runAsNonRoot"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert not rights["allowPrivilegeEscalation"]
    assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not of_kind("ServiceAccount")[name]["automountServiceAccountToken"]


def test_nothing_is_open_that_no_policy_names() -> None:
    policies = of_kind("NetworkPolicy")
    closed = policies["nothing-is-open"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    worker = policies["worker-sends-to-the-internet"]["spec"]["egress"][0]["to"][0]["ipBlock"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"} <= set(worker["except"])


def test_settings_of_the_manifests_are_settings_and_no_secrets() -> None:
    known = {field.name.upper() for field in fields(Settings)}
    for path in (BASE, *OVERLAYS.iterdir()):
        (generator,) = yaml.safe_load((path / "kustomization.yaml").read_text())[
            "configMapGenerator"
        ]
        names = {literal.partition("=")[0] for literal in generator["literals"]}
        assert names <= known - set(SECRETS)
    variables = {v["name"] for c in containers().values() for v in c.get("env", [])}
    assert variables <= known | {"ENV_FILE", "DEPLOY_ATTEMPTS"}


@pytest.mark.parametrize("process", ["api", "worker", "migrate"])
def test_secrets_of_development_are_those_of_compose(process: str) -> None:
    compose = (CHECKOUT / "docker-compose.yml").read_text()
    text = (OVERLAYS / f"development/{process}.env").read_text()
    for name, value in re.findall(r"^(\w+)='?([^'\n]*)'?$", text, re.M):
        if re.search("KEY|PASSWORD", name):
            assert re.search(rf"{name}: \$\{{\w+:-{re.escape(value)}\}}", compose), name
