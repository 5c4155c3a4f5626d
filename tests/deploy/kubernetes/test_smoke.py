"""deploy/smoke.sh, as far as it can be held to the manifests and contracts without a cluster."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import Any

from schemas.touchpoint import TouchpointAdapter
from services.cli.worker import OFFSETS
from tests.deploy.kubernetes import code
from tests.deploy.kubernetes.rendering import ROOT, objects_of, of_kind, pods

SCRIPT = ROOT / "deploy" / "smoke.sh"
TEXT = SCRIPT.read_text("utf-8")
PROGRAM = re.compile(r"^(?:event|CONNECT|LOCKED)=([\"'])(\n.*?)\1$", re.M | re.S)


def test_the_script_and_its_programs_parse() -> None:
    """Bash reads the script, and Python the programs within."""
    read = subprocess.run(["bash", "-n", SCRIPT], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    programs = PROGRAM.findall(TEXT)
    assert len(programs) == 3
    for _, one in programs:
        ast.parse(one)


def test_its_names_are_those_of_the_manifests() -> None:
    """Workloads, containers, ports and pages that it asks for are there."""
    objects = objects_of("production")
    names = {workload["metadata"]["name"] for workload, _ in pods(objects)}
    assert f'WORKERS="{" ".join(OFFSETS)}"' in TEXT
    assert {"c360-topics", "c360-migrate", "c360-api"} <= names
    assert {f"c360-{one}" for one in OFFSETS} <= names
    for one in of_kind(objects, "StatefulSet", "Deployment"):
        (container,) = one["spec"]["template"]["spec"]["containers"]
        # The script asks neither the probe nor the notifier.
        asked = {f"c360-{name}": name for name in ("api", "probe", "notify")}
        assert container["name"] == asked.get(one["metadata"]["name"], "worker")
    ports = {one: code.port_of(one, code.settings_of({})) for one in (*OFFSETS, code.API)}
    first, *others = (ports[one] for one in OFFSETS)
    assert f"\nport={first}\n" in TEXT
    assert others == [first + 1, first + 2]
    assert f"api {ports[code.API]} " in TEXT
    for pages in re.findall(r"for path in (.*); do", TEXT):
        for service in (*OFFSETS, code.API):
            assert set(pages.split()) <= code.pages_of(service)


def test_its_event_keeps_to_the_contract() -> None:
    """The event that it sends would be accepted, and is marked as synthetic."""
    (literal,) = re.findall(r"^event = (\{.*?\}\})$", TEXT, re.M | re.S)
    given = {"name": "smoke-1", "now": "2026-03-02T12:00:00+00:00"}
    event: Any = eval(literal, {"__builtins__": {}}, given)
    assert TouchpointAdapter.validate_python(event).source.synthetic
