"""Clients that others generate from the OpenAPI document: made without a warning, and they work.

Every operation of the document is called through the Python client, against a running service; the
TypeScript types are compiled in strict mode with a program that uses every path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients import outside_smoke
from tests.clients.conftest import ROOT
from tests.contract.api.populated import Populated
from tests.events import event, identifier
from tests.tiers import LONG

DOCUMENT = ROOT / "schemas" / "generated" / "openapi.json"
PATHS: dict[str, dict[str, Any]] = json.loads(DOCUMENT.read_text("utf-8"))["paths"]
OPERATIONS = [one["operationId"] for path in PATHS.values() for one in path.values()]
PROGRAM = Path(__file__).parent / "every_path.ts"
DEADLINE_S = 120


def run(outside: Path, cwd: Path, *command: str | Path, stdin: str = "") -> str:
    """What a tool of the outside environment prints. Fails if it fails."""
    folders = [str(outside / "bin"), str(outside / "node_modules" / ".bin")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(one) for one in command],
        input=stdin,
        cwd=cwd,
        env={**kept, "PATH": os.pathsep.join([*folders, os.environ["PATH"]])},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def facts_of(asked: Populated) -> dict[str, Any]:
    """What the programs ask about."""
    sent = [event(identifiers=[identifier("cookie", "of an outside client")])]
    return {**asked._asdict(), "service": "", "key": "", "other_key": "", "events": sent}


def test_every_operation_is_called() -> None:
    """A new operation comes with its call, and no call stays of one that went."""
    facts = dict.fromkeys([*Populated._fields, "events"], "")
    assert set(outside_smoke.calls(facts)) == set(OPERATIONS)
    program = PROGRAM.read_text("utf-8")
    assert [path for path in PATHS if f'"{path}"' not in program] == []


@LONG
def test_generated_python_client(outside: Path, asked: Populated, tmp_path: Path) -> None:
    """openapi-python-client makes a client without a warning; each operation gives its type."""
    made = tmp_path / "generated"
    generate = ("openapi-python-client", "generate", "--fail-on-warning", "--meta", "none")
    run(outside, tmp_path, *generate, "--path", DOCUMENT, "--output-path", made)
    given = {
        "url": asked.service.url,
        "key": asked.key,
        "facts": facts_of(asked),
        "operations": OPERATIONS,
    }
    program = Path(outside_smoke.__file__)
    python = outside / "bin" / "python"
    printed = run(outside, tmp_path, python, program, tmp_path, stdin=json.dumps(given))
    found = json.loads(printed)["called"]
    assert found.keys() == set(OPERATIONS)
    assert {name: one["status"] for name, one in found.items()} == dict.fromkeys(OPERATIONS, 200)
    wrong = {name: one["type"] for name, one in found.items() if one["type"] not in types_of(name)}
    assert wrong == {}


def types_of(operation: str) -> set[str]:
    """The types of an answer that the document names."""
    [found] = [
        one for path in PATHS.values() for one in path.values() if one["operationId"] == operation
    ]
    content = found["responses"]["200"]["content"]
    if "application/json" not in content:
        return {"str"}
    schema = content["application/json"]["schema"]
    named = [schema, *schema.get("anyOf", []), *schema.get("oneOf", [])]
    return {one["$ref"].rpartition("/")[2] for one in named if "$ref" in one}


def test_typescript_client(outside: Path, asked: Populated, tmp_path: Path) -> None:
    """openapi-typescript makes types; a program over all paths compiles in strict mode and runs."""
    run(outside, tmp_path, "openapi-typescript", DOCUMENT, "-o", tmp_path / "api.d.ts")
    (tmp_path / "node_modules").symlink_to(outside / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}', "utf-8")
    (tmp_path / PROGRAM.name).write_text(PROGRAM.read_text("utf-8"), "utf-8")
    options = ("--strict", "--exactOptionalPropertyTypes", "--module", "nodenext")
    run(outside, tmp_path, "tsc", *options, "--outDir", tmp_path, tmp_path / PROGRAM.name)
    compiled = tmp_path / PROGRAM.with_suffix(".js").name
    given = {"url": asked.service.url, "key": asked.key, "facts": facts_of(asked)}
    printed = run(outside, tmp_path, "node", compiled, stdin=json.dumps(given))
    statuses = json.loads(printed)
    assert statuses == dict.fromkeys(statuses, 200)
    assert statuses.keys() == PATHS.keys()


@pytest.mark.parametrize("name", ["package-lock.json", "requirements.lock"])
def test_pinned_packages_have_hashes_and_no_address(name: str) -> None:
    """The environment is the same everywhere, from whatever mirror it comes."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    assert '"resolved"' not in text
    assert "--index-url" not in text
    packages = text.count('"node_modules/') or text.count("==")
    assert packages <= text.count('"integrity"') + text.count("--hash=")
    assert sys.version_info >= (3, 11)
