"""Manifests as `kubectl kustomize` renders them.

An overlay is rendered as it stands, a component on top of the base. Nothing is written into k8s/,
and no cluster is asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
MANIFESTS = ROOT / "k8s"
OVERLAYS = sorted(one.name for one in (MANIFESTS / "overlays").iterdir())
COMPONENTS = sorted(one.name for one in (MANIFESTS / "components").iterdir())
EXAMPLES = MANIFESTS / "secrets.example.yaml"
KUBECTL_MIN = (1, 21)
NEEDED = f"kubectl {'.'.join(map(str, KUBECTL_MIN))} or newer is needed to render k8s/"
Manifest = dict[str, Any]
"""One object, as JSON."""


@cache
def kubectl() -> str:
    """The kubectl of this machine. Fails where there is none, or one whose kustomize is too old
    for components."""
    found = shutil.which("kubectl")
    assert found is not None, f"{NEEDED}, and none is on the PATH"
    asked = subprocess.run(
        [found, "version", "--client", "--output", "json"], capture_output=True, check=True
    )
    fault = fault_of(json.loads(asked.stdout)["clientVersion"])
    assert fault is None, f"{found}: {fault}"
    return found


def fault_of(version: Mapping[str, str]) -> str | None:
    """Why a kubectl of this version (`major`, `minor`, `gitVersion`) cannot render k8s/."""
    have = int(version["major"]), int(version["minor"].rstrip("+"))
    return None if have >= KUBECTL_MIN else f"{NEEDED}, this is {version['gitVersion']}"


def rendered(directory: Path) -> list[Manifest]:
    """The objects of a kustomization."""
    made = subprocess.run(
        [kubectl(), "kustomize", str(directory)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    assert not made.stderr, f"kustomize warns: {made.stderr}"
    return list(yaml.safe_load_all(made.stdout))


SETS = [*OVERLAYS, *(f"base with {one}" for one in COMPONENTS)]
"""What is rendered: every overlay, and the base with each component."""


def objects_of(name: str) -> list[Manifest]:
    """The objects of one of `SETS`; a copy of its own."""
    copy: list[Manifest] = json.loads(_rendered(name))
    return copy


@cache
def _rendered(name: str) -> str:
    if name in OVERLAYS:
        return json.dumps(rendered(MANIFESTS / "overlays" / name))
    component = name.removeprefix("base with ")
    with TemporaryDirectory() as folder:
        place = os.path.relpath(MANIFESTS, Path(folder).resolve())
        text = f"resources: [{place}/base]\ncomponents: [{place}/components/{component}]\n"
        (Path(folder) / "kustomization.yaml").write_text(text, "utf-8")
        return json.dumps(rendered(Path(folder)))


def secrets() -> dict[str, dict[str, str]]:
    """What each Secret of the example holds."""
    examples = yaml.safe_load_all(EXAMPLES.read_text("utf-8"))
    return {one["metadata"]["name"]: one["stringData"] for one in examples}


def named(one: Manifest) -> str:
    """How messages name an object."""
    return f"{one['kind']} {one['metadata']['name']}"


def of_kind(objects: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """The objects of some kinds."""
    return [one for one in objects if one["kind"] in kinds]


def pods(objects: Iterable[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Each of our workloads with its pod template."""
    for one in of_kind(objects, "Deployment", "StatefulSet", "Job"):
        yield one, one["spec"]["template"]
    for one in of_kind(objects, "CronJob"):
        yield one, one["spec"]["jobTemplate"]["spec"]["template"]


def containers(template: Manifest) -> list[Manifest]:
    """Init containers and containers of a pod."""
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]
