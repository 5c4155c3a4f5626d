"""The console blocks of README and docs are run as pasted: commands, exit codes, printed lines.

Every block is either run here or named in NOT_RUN with what it needs. Blocks of a page run one
after the other in one directory, each line as a person would paste it; ids, seconds and blanks may
differ from the page, and a line with `…` stands for any number of lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PACE = re.compile(r"in [\d.]+ s \([\d,]+/s\)")
BROKERS, SERVER, DEMO, SHELL = (
    "needs Kafka brokers",
    "needs a ClickHouse server",
    "needs the demo's data",
    "needs a running 'c360 up'",
)
DEVELOPER = "is for developers of a checkout"
NOT_RUN = {
    ("README.md", "make demo"): DEVELOPER,
    ("README.md", "c360 dev kafka"): BROKERS,
    ("docs/chaos.md", "make chaos"): DEVELOPER,
    ("docs/clickhouse.md", "export C360_CLICKHOUSE_URL"): SERVER,
    ("docs/clickhouse.md", "export C360_CLICKHOUSE_CLUSTER"): SERVER,
    ("docs/clickhouse.md", "C360_CLICKHOUSE_URL=https://…"): DEVELOPER,
    ("docs/clickhouse.md", "c360 dev clickhouse"): SERVER,
    ("docs/clickhouse.md", "curl"): SERVER,
    ("docs/delivery-guarantees.md", "SIM_SEED"): DEVELOPER,
    ("docs/delivery-guarantees.md", "c360 --data-dir demo"): DEMO,
    ("docs/formats/batch.md", "c360 ingest"): "needs recorded bodies",
    ("docs/formats/touchpoint.md", "c360 ingest"): "needs events of one's own",
    ("docs/http-intake.md", "export C360_IDENTITY_SECRET"): SHELL,
    ("docs/http-intake.md", "curl"): SHELL,
    ("docs/identity.md", "c360 --data-dir family"): "needs a file that the page describes",
    ("docs/kafka.md", "c360 dev kafka"): BROKERS,
    ("docs/measures/repeat_purchase_rate.md", "c360 insights"): DEMO,
    ("docs/performance.md", "make bench"): DEVELOPER,
    ("docs/rejected-events.md", "c360 --data-dir demo"): DEMO,
    ("docs/rejected-events.md", "c360 rejected list"): DEMO,
    ("docs/rejected-events.md", "c360 rejected replay"): DEMO,
    ("docs/schema-changes.md", "c360 --data-dir copy-of-data"): "needs a copy of older data",
    ("docs/workers.md", "c360 dev kafka"): BROKERS,
}
"""By page and beginning of the first command: what this test does not have."""
INSTEAD = {". .venv/bin/activate": "true"}
"""The test has its own `c360` on the path."""


class Step(NamedTuple):
    """A command as pasted, and the lines that the page prints below it."""

    command: str
    printed: list[str]


def steps_of(block: str) -> list[Step]:
    """The commands of a block; a here-document and a pipe go on to the lines below."""
    steps: list[Step] = []
    ends_with = ""
    for line in block.splitlines():
        if ends_with or (steps and steps[-1].command.endswith(("|", "\\")) and line[:2] != "$ "):
            steps[-1] = Step(f"{steps[-1].command}\n{line}", [])
            ends_with = "" if line == ends_with else ends_with
        elif line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ "), []))
            found = re.search(r"<<'(\w+)'", line)
            ends_with = found[1] if found else ""
        else:
            steps[-1].printed.append(line)
    return steps


def name_of(page: Path) -> str:
    """The page by its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[list[Step]]:
    """The blocks of a page that are run."""
    found = [steps_of(block) for block in BLOCK.findall(page.read_text("utf-8"))]
    names = [start for place, start in NOT_RUN if place == name_of(page)]
    return [one for one in found if not one[0].command.startswith(tuple(names))]


def plain(text: str) -> str:
    """A line without what differs from run to run."""
    return " ".join(PACE.sub("in N s (N/s)", UUID.sub("ID", text)).split())


def is_printed(expected: list[str], actual: list[str]) -> bool:
    """Whether the lines are those of the page, in order; `…` stands for any number of them."""
    if not expected:
        return not actual
    if "…" in expected[0]:
        return any(is_printed(expected[1:], actual[start:]) for start in range(len(actual) + 1))
    return bool(actual) and expected[0] == actual[0] and is_printed(expected[1:], actual[1:])


@pytest.mark.parametrize("page", [one for one in PAGES if blocks_of(one)], ids=name_of)
def test_commands_run_as_pasted(page: Path, tmp_path: Path) -> None:
    """Every command of the page succeeds in a fresh shell and prints what the page prints."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    command = tmp_path / "bin" / "c360"
    command.parent.mkdir()
    run = "-c 'from services.cli import main; main()'"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {run} "$@"\n')
    command.chmod(0o755)
    steps = [step for block in blocks_of(page) for step in block]
    script = ["set -e"]
    for number, step in enumerate(steps):
        pasted = INSTEAD.get(step.command.strip(), step.command)
        script += [f"exec > {tmp_path}/{number}.out", pasted]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("C360_")}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**kept, "PATH": f"{command.parent}:{kept['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for number, step in enumerate(steps):
        if step.printed:
            actual = (tmp_path / f"{number}.out").read_text("utf-8")
            lines = [plain(one) for one in actual.splitlines() if one.strip()]
            expected = [plain(one) for one in step.printed if one.strip()]
            assert is_printed(expected, lines), f"{step.command}\n{actual}"


def test_every_reason_still_has_its_block() -> None:
    """What is not run is on its page; nothing that could run is forgotten by an old entry."""
    for place, start in NOT_RUN:
        blocks = BLOCK.findall((ROOT / place).read_text("utf-8"))
        assert any(one.startswith(f"$ {start}") for one in blocks), f"{place}: {start}"
