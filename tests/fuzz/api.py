"""schemathesis over the whole OpenAPI document, in all phases, and hostile values in every place.

`python -m tests.fuzz.api` (`make fuzz-api`) starts a service with data and asks it for longer than
the tests do; it ends with what was asked, and with 1 if an answer was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from services.api.auth import Scope
from tests.contract.api.populated import Populated, populated
from tests.fuzz.api_values import fault_of, hostile_requests

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
DEADLINE_S = 3_600
SETTINGS = {"C360_API_RATE_PER_S": "100000", "C360_API_CONSISTENT_WAIT_S": "0.05"}
"""Nobody is slowed down, or waits for an event that was made up."""


class Asked(NamedTuple):
    """What one run did."""

    cases: int
    phases: dict[str, str]
    """How each phase ended."""
    operations: int
    failures: list[dict[str, Any]]
    printed: str


def callers(made: Populated) -> dict[str, str]:
    """Keys of those who ask: all scopes, profiles without their values, and no key at all."""
    masked = made.service.key(Scope.PROFILES_READ, Scope.INCIDENTS_READ)
    return {"every scope": made.key, "masked": masked, "no key": ""}


def ask(
    made: Populated,
    key: str,
    examples: int,
    seed: int,
    directory: Path,
    phases: Sequence[str] = PHASES,
) -> Asked:
    """Run schemathesis with a key (empty: without one); files of the run go to the directory."""
    configuration, report = directory / "schemathesis.toml", directory / "report.json"
    configuration.write_text(CONFIGURATION.read_text("utf-8") + _known_values(made), "utf-8")
    options = ["--max-examples", str(examples), "--seed", str(seed), "--phases", ",".join(phases)]
    headers = ["--header", f"Authorization: Bearer {key}"] if key else []
    reports = ["--report", "json", "--report-json-path", str(report)]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", configuration),
        *("run", f"{made.service.url}/openapi.json", "--warnings", "off"),
        *("--continue-on-failure", "--generation-database", "none"),
        *(*options, *headers, *reports),
    ]
    done = subprocess.run(
        [str(one) for one in command],
        cwd=directory,
        env={**os.environ, "NO_PROXY": "*", "SCHEMATHESIS_HOOKS": "tests.fuzz.checks"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert report.is_file(), done.stdout + done.stderr
    found = json.loads(report.read_text("utf-8"))
    return Asked(
        found["test_cases"]["generated"],
        {name: one["status"] for name, one in found["phases"].items()},
        found["operations"]["tested"],
        found["failures"] + found["errors"],
        done.stdout,
    )


def hostile(made: Populated, key: str) -> tuple[list[str], int]:
    """What is wrong with the answers to hostile values in every place, and how many were sent."""
    headers, requests = {"X-API-Key": key} if key else {}, list(hostile_requests(made))
    with httpx.Client(base_url=made.service.url, headers=headers, timeout=60) as client:
        answered = [(one, fault_of(client, one)) for one in requests]
    faults = [f"{one.operation} {one.what}: {fault}" for one, fault in answered if fault]
    return faults, len(requests)


def _known_values(made: Populated) -> str:
    """Ids that exist, for parameters of their names: half of the time, and others otherwise."""
    known = {
        "profile_id": [made.profile_id, made.other_profile_id],
        "incident_id": [made.incident_id],
        "reject_id": [made.reject_id],
        "suggestion_id": [made.suggestion_id],
        "code": ["not-found"],
    }
    lines = [
        f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in known.items()
    ]
    bound = [f'{name} = {{ dictionary = "{name}", probability = 0.5 }}\n' for name in known]
    return "\n" + "\n".join(lines) + "\n[parameters]\n" + "".join(bound)


def main() -> int:
    """Ask for long; the exit code is 1 if an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.api")
    parser.add_argument("--examples", type=int, default=100, help="of each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cases, wrong = 0, 0
    with tempfile.TemporaryDirectory() as name, populated(Path(name), **SETTINGS) as made:
        for caller, key in callers(made).items():
            directory = Path(name) / caller.replace(" ", "-")
            directory.mkdir()
            found = ask(made, key, arguments.examples, arguments.seed, directory)
            cases, wrong = cases + found.cases, wrong + len(found.failures)
            told = f"{found.cases} cases, {len(found.failures)} failures, {found.phases}"
            sys.stdout.write(f"{found.printed if found.failures else ''}{caller}: {told}\n")
            faults, asked = hostile(made, key)
            cases, wrong = cases + asked, wrong + len(faults)
            sys.stdout.write("\n".join([*faults, f"{caller}: {asked} hostile values\n"]))
            sys.stdout.flush()
    sys.stdout.write(f"{cases} cases over all operations, {wrong} failures\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
