"""`make lint ONLY=kubernetes`: render the overlays, and validate them without a cluster.

kubectl renders, kubernetes-validate knows the schemas, checkov the weaknesses; what none of them
sees is a name that nothing has.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.extras import installed
from scripts.system import CHECKOUT, CommandError, command_line, run, say

OVERLAYS = CHECKOUT / "deploy/kubernetes/overlays"
# Kinds of operators, which are no part of Kubernetes and have no schema here.
UNKNOWN_KINDS = ("ServiceMonitor",)
# What is made by hand, or by cert-manager: docs/deploy.md.
GIVEN_SECRETS = {
    "production": {
        *("telemedicine-api", "telemedicine-worker", "telemedicine-migrate"),
        *("telemedicine-metrics", "api-certificate"),
    },
    "development": set[str](),
}
# Rules of checkov that do not hold, and why.
SKIPPED = {
    # The digest of an image is known when it is built: `kustomize edit set image`, docs/deploy.md.
    "production": ("CKV_K8S_43",),
    # The images of a development cluster are on the computer itself, without a digest and without a
    # registry to pull them from; CKV_K8S_40: the user has the number of the image `postgres`.
    "development": ("CKV_K8S_43", "CKV_K8S_15", "CKV_K8S_40"),
}
WORKLOADS = ("Deployment", "StatefulSet", "Job")

Manifest = dict[str, Any]


def main() -> None:
    """Check every overlay; raises CommandError with all complaints."""
    folder = installed("kubernetes") / "bin"
    complaints: list[str] = []
    for overlay in sorted(path.name for path in OVERLAYS.iterdir()):
        text = run((str(folder / "kubectl"), "kustomize", str(OVERLAYS / overlay)), os.environ)
        manifests = [m for m in yaml.safe_load_all(text) if m]
        complaints += [f"{overlay}: {line}" for line in dangling(manifests, GIVEN_SECRETS[overlay])]
        with tempfile.TemporaryDirectory() as rendered:
            file = Path(rendered) / f"{overlay}.yaml"
            known = [m for m in manifests if m["kind"] not in UNKNOWN_KINDS]
            file.write_text(yaml.safe_dump_all(known))
            skipped = ",".join(SKIPPED[overlay])
            complaints += complaints_of(
                *(str(folder / "kubernetes-validate"), "--strict", "--quiet", str(file))
            )
            complaints += complaints_of(
                *(str(folder / "python"), "-m", "checkov.main", "--framework", "kubernetes"),
                *("--file", str(file), "--compact", "--quiet", "--skip-download"),
                *("--skip-check", skipped),
            )
        say(f"lint: kubernetes: {overlay}: {len(manifests)} manifests")
    if complaints:
        raise CommandError("\n".join(["kubernetes: failed", *complaints]))


def complaints_of(*command: str) -> list[str]:
    """What a command prints if it fails."""
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    return [] if result.returncode == 0 else [f"{result.stdout}{result.stderr}"[-4000:]]


def dangling(manifests: list[Manifest], secrets: set[str]) -> Iterator[str]:
    """Names in the manifests that nothing has. secrets: those that exist without a manifest."""
    names: dict[str, set[str]] = {}
    for manifest in manifests:
        names.setdefault(manifest["kind"], set()).add(manifest["metadata"]["name"])
    secrets = secrets | names.get("Secret", set())
    pods = [m["spec"]["template"] for m in manifests if m["kind"] in WORKLOADS]
    for pod in pods:
        yield from _dangling_of_pod(pod["spec"], names, secrets)
    labels = [pod["metadata"]["labels"] for pod in pods]
    services = [m["metadata"].get("labels", {}) for m in manifests if m["kind"] == "Service"]
    for manifest in manifests:
        kind, name, spec = manifest["kind"], manifest["metadata"]["name"], manifest.get("spec", {})
        selected = services if kind == "ServiceMonitor" else labels
        for selector in _selectors(kind, spec):
            if not any(_matches(selector, found) for found in selected):
                yield f"{kind} {name} selects nothing: {selector}"
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            if target["name"] not in names.get(target["kind"], set()):
                yield f"{kind} {name} scales nothing: {target['name']}"
        if kind == "Ingress":
            yield from _dangling_of_ingress(name, spec, names, secrets)


def _dangling_of_pod(
    spec: Manifest, names: dict[str, set[str]], secrets: set[str]
) -> Iterator[str]:
    account = spec.get("serviceAccountName", "default")
    if account not in names.get("ServiceAccount", set()) | {"default"}:
        yield f"no service account {account}"
    volumes = {v["name"] for v in spec["volumes"]}
    for volume in spec["volumes"]:
        if "secret" in volume and volume["secret"]["secretName"] not in secrets:
            yield f"no secret {volume['secret']['secretName']}"
    for container in spec["containers"]:
        for mount in container["volumeMounts"]:
            if mount["name"] not in volumes and mount["name"] != "data":  # a claim of the template
                yield f"{container['name']} mounts no volume {mount['name']}"
        for source in container.get("envFrom", []):
            if source["configMapRef"]["name"] not in names.get("ConfigMap", set()):
                yield f"no config map {source['configMapRef']['name']}"


def _dangling_of_ingress(
    name: str, spec: Manifest, names: dict[str, set[str]], secrets: set[str]
) -> Iterator[str]:
    for tls in spec["tls"]:
        if tls["secretName"] not in secrets:
            yield f"Ingress {name} has no certificate {tls['secretName']}"
    for rule in spec["rules"]:
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]["name"]
            if service not in names.get("Service", set()):
                yield f"Ingress {name} leads to no service {service}"


def _selectors(kind: str, spec: Manifest) -> Iterator[Manifest]:
    if kind == "Service":
        yield {"matchLabels": spec["selector"]}
    elif kind in ("PodDisruptionBudget", "ServiceMonitor", *WORKLOADS) and "selector" in spec:
        yield spec["selector"]
    elif kind == "NetworkPolicy":
        yield spec["podSelector"]


def _matches(selector: Manifest, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        labels.get(rule["key"]) in rule["values"] for rule in selector.get("matchExpressions", [])
    )


if __name__ == "__main__":
    command_line("lint", main)
