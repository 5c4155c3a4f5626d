"""Every object is valid: those of Kubernetes strictly, custom ones against what their API takes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.deploy.kubernetes.rendering import EXAMPLES, MANIFESTS, ROOT, SETS, Manifest, objects_of

VALIDATE = ROOT / ".venv-policy" / "bin" / "kubernetes-validate"
VERSIONS = ("1.32", "1.37")
"""The oldest Kubernetes that docs/kubernetes.md names, and the newest that can be checked."""
SCHEMAS = Path(__file__).parent / "schemas"
OF_KUBERNETES = {"v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1"}


def _distinct(objects: Iterable[Manifest]) -> list[Manifest]:
    return list({json.dumps(one, sort_keys=True): one for one in objects}.values())


@pytest.fixture(scope="module")
def every() -> list[Manifest]:
    """Each object that any set renders, once."""
    return _distinct(one for name in SETS for one in objects_of(name))


def _within(one: Manifest) -> list[Manifest]:
    """What an operator makes objects of Kubernetes from, as such objects."""
    templates = one["spec"].get("templates", {})
    found: list[Manifest] = []
    for key, kind in (
        ("podTemplates", "Pod"),
        ("serviceTemplates", "Service"),
        ("volumeClaimTemplates", "PersistentVolumeClaim"),
    ):
        for row in templates.get(key, []):
            name = {"name": f"{one['metadata']['name']}-{row['name']}"}
            found.append({"apiVersion": "v1", "kind": kind, "metadata": name, "spec": row["spec"]})
    return found


def _is_custom(one: Manifest) -> bool:
    return one["apiVersion"] not in OF_KUBERNETES


def _told(objects: Iterable[Manifest], version: str, folder: Path) -> str:
    """What the validator has against the objects; empty if nothing."""
    file = folder / f"{version}.yaml"
    file.write_text("".join(f"---\n{json.dumps(one)}\n" for one in objects), "utf-8")
    assert VALIDATE.is_file(), f"{VALIDATE} is missing: run 'make k8s', which installs it"
    told = subprocess.run(
        [VALIDATE, "--kubernetes-version", version, "--strict", "--quiet", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode in (0, 1), told.stderr
    assert (told.returncode == 0) == (told.stdout == ""), told.stdout + told.stderr
    return told.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_of_kubernetes_are_valid(
    every: list[Manifest], version: str, tmp_path: Path
) -> None:
    """Also those within templates of operators; no field is unknown."""
    core = [one for one in every if not _is_custom(one)]
    inner = [one for custom in every if _is_custom(custom) for one in _within(custom)]
    assert {"Pod", "Service", "PersistentVolumeClaim"} <= {one["kind"] for one in inner}
    assert len(core) > 30
    assert _told([*core, *inner], version, tmp_path) == ""


def test_a_misspelt_field_is_found(every: list[Manifest], tmp_path: Path) -> None:
    """Strict means strict: one letter less is told, with the object and the field."""
    one: Any = next(one for one in every if one["kind"] == "StatefulSet")
    container = one["spec"]["template"]["spec"]["containers"][0]
    container["livenesProbe"] = container.pop("livenessProbe")
    told = _told([one], VERSIONS[0], tmp_path)
    assert "livenesProbe" in told
    assert f"statefulset/{one['metadata']['name']}" in told


def _schema_of(one: Manifest) -> Path:
    group, version = one["apiVersion"].split("/")
    return SCHEMAS / f"{one['kind'].lower()}.{group}_{version}.json"


def _faults(one: Manifest) -> list[str]:
    schema = json.loads(_schema_of(one).read_text("utf-8"))
    return [error.message for error in Draft202012Validator(schema).iter_errors(one)]


def test_custom_objects_are_valid(every: list[Manifest]) -> None:
    """Each kind has a schema, each schema is one and is used, and each object keeps to its own."""
    custom = [one for one in every if _is_custom(one)]
    assert {_schema_of(one) for one in custom} == set(SCHEMAS.iterdir())
    for file in SCHEMAS.iterdir():
        Draft202012Validator.check_schema(json.loads(file.read_text("utf-8")))
    for one in custom:
        assert _faults(one) == [], one["metadata"]["name"]


@pytest.mark.parametrize(
    ("kind", "path", "field"),
    [
        ("KafkaTopic", ("spec",), "partition"),
        ("KafkaUser", ("spec", "authorization", "acls", 0), "operation"),
        ("ScaledObject", ("spec",), "maxReplicas"),
        ("ScaledObject", ("spec", "triggers", 0, "metadata"), "lagTreshold"),
        ("ExternalSecret", ("spec", "target"), "creationpolicy"),
        ("PodMonitor", ("spec", "podMetricsEndpoints", 0), "targetport"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0), "expression"),
        ("TriggerAuthentication", ("spec", "secretTargetRef", 0), "parametre"),
        ("ClickHouseInstallation", ("spec", "configuration", "clusters", 0), "lay"),
        ("ClickHouseKeeperInstallation", ("spec", "defaults"), "template"),
    ],
)
def test_a_misspelt_field_of_a_custom_object_is_found(
    every: list[Manifest], kind: str, path: tuple[str | int, ...], field: str
) -> None:
    """At any depth that the manifests use."""
    one: Any = next(one for one in every if one["kind"] == kind)
    one = json.loads(json.dumps(one))
    place = one
    for step in path:
        place = place[step]
    place[field] = 1
    assert any(field in fault for fault in _faults(one))


def test_no_secret_is_in_the_manifests(every: list[Manifest]) -> None:
    """Secrets exist by example only, in a file that nothing includes."""
    assert not [one for one in every if one["kind"] == "Secret"]
    for file in MANIFESTS.rglob("kustomization.yaml"):
        rows = [one for one in file.read_text("utf-8").splitlines() if not one.startswith("#")]
        assert not [one for one in rows if EXAMPLES.name in one], file
    for line in EXAMPLES.read_text("utf-8").splitlines():
        name, _, value = line.strip().partition(": ")
        if name.endswith(("SECRET", "PASSWORD", "KEYS")):
            assert "REPLACE" in value, line
