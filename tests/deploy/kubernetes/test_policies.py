"""Every pod is restricted, and checkov's policies for Kubernetes hold but for named exceptions."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kubernetes.rendering import (
    ROOT,
    SETS,
    Manifest,
    containers,
    objects_of,
    of_kind,
    pods,
)

CHECKOV = ROOT / ".venv-policy" / "bin" / "checkov"
EXCEPTIONS = {
    "CKV_K8S_11": "CPU limits: a limit throttles a worker in the very moment it has to catch up, "
    "and turns a burst into lag; requests share the node fairly, and memory is limited",
    "CKV_K8S_35": "secrets as files: all settings are environment variables (docs/settings.md), "
    "and nothing else reads them; no other process is in the container",
}
"""Policies that the manifests do not keep, and why."""
IN_DEV = {
    "CKV_K8S_15": "pull policy Always, without a digest: dev may run an image that was built and "
    "loaded on the node, and never pushed",
    "CKV_K8S_43": "an image by digest: dev runs what was built a minute ago, by a tag",
}
UNSAFE = "unsafe"
"""A pod that keeps to nothing: whoever checks must say so."""
SAMPLE: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": UNSAFE, "namespace": "customer360"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "hostNetwork": True,
                "containers": [
                    {"name": "a", "image": "a:latest", "securityContext": {"privileged": True}}
                ],
            },
        },
    },
}
FOUND_IN_SAMPLE = {
    "CKV_K8S_8", "CKV_K8S_13", "CKV_K8S_14", "CKV_K8S_16", "CKV_K8S_19", "CKV_K8S_20", "CKV_K8S_22",
    "CKV_K8S_23", "CKV_K8S_28", "CKV_K8S_31", "CKV_K8S_38",
}  # fmt: skip
Failures = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Failures:
    """By set of manifests and policy, the objects that do not keep it; one run for all."""
    folder = tmp_path_factory.mktemp("manifests")
    for name in ("dev", "production"):
        _write(folder / f"{name}.yaml", objects_of(name))
    _write(folder / f"{UNSAFE}.yaml", [SAMPLE])
    assert CHECKOV.is_file(), f"{CHECKOV} is missing: run 'make k8s', which installs it"
    offline = {"PATH": os.environ["PATH"], "HOME": str(folder), "LOG_LEVEL": "ERROR"}
    made = subprocess.run(
        [CHECKOV, "--directory", folder, "--framework", "kubernetes", "--output", "json",
         "--compact", "--quiet", "--skip-download", "--soft-fail"],
        capture_output=True, text=True, check=True, env=offline,
    )  # fmt: skip
    found: Failures = defaultdict(lambda: defaultdict(set))
    report: Any = json.loads(made.stdout)
    assert report["summary"]["parsing_errors"] == 0
    for one in report["results"]["failed_checks"]:
        found[Path(one["file_path"]).stem][one["check_id"]].add(one["resource"])
    return found


def _write(file: Path, objects: list[Manifest]) -> None:
    file.write_text("".join(f"---\n{json.dumps(one)}\n" for one in objects), "utf-8")


def test_policies_hold_but_for_named_exceptions(failures: Failures) -> None:
    """Production fails exactly the policies that are named with a reason; dev two more."""
    production, dev = failures["production"], failures["dev"]
    assert production.keys() == EXCEPTIONS.keys(), dict(production)
    assert dev.keys() == EXCEPTIONS.keys() | IN_DEV.keys(), dict(dev)


def test_an_unsafe_pod_is_found(failures: Failures) -> None:
    """The checker tells of a privileged container on the host's network, unpinned and unlimited."""
    assert failures[UNSAFE].keys() >= FOUND_IN_SAMPLE


@pytest.mark.parametrize("name", SETS)
def test_every_pod_is_restricted(name: str) -> None:
    """As the Pod Security Standard `restricted` asks, and more: no token, no writable image."""
    objects = objects_of(name)
    assert not unrestricted(objects)
    (space,) = of_kind(objects, "Namespace")
    labels = space["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_an_unrestricted_pod_is_found() -> None:
    """The sample breaks each rule."""
    assert len(unrestricted([SAMPLE])) == 8


def unrestricted(objects: list[Manifest]) -> list[str]:
    """What pods may do that the standard forbids, or that nothing here needs."""
    found: list[str] = []
    for workload, template in pods(objects):
        spec, name = template["spec"], workload["metadata"]["name"]
        own = spec.get("securityContext", {})
        host = any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
        rules = {
            "shares the host": not host,
            "may run as root": own.get("runAsNonRoot") is True and own.get("runAsUser", 0) > 0,
            "has no seccomp profile": own.get("seccompProfile") == {"type": "RuntimeDefault"},
            "has a token": spec.get("automountServiceAccountToken") is False,
        }
        for container in containers(template):
            context = container.get("securityContext", {})
            dropped = context.get("capabilities", {})
            rules |= {
                "is privileged": not context.get("privileged"),
                "may gain privileges": context.get("allowPrivilegeEscalation") is False,
                "has capabilities": dropped == {"drop": ["ALL"]},
                "may write its image": context.get("readOnlyRootFilesystem") is True,
            }
        found += [f"{name} {what}" for what, holds in rules.items() if not holds]
    return found
