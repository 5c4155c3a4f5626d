"""Events of senders that know nothing of later fields are read as they were before those came.

`recorded_events/<when>.jsonl` holds one event of every type there was, and its row as the release
of that time made it, but for columns that say the line again or follow from rules and kinds of
incidents. Files are added when the contract grows, and never rewritten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.ingest.core.outcome import Accepted, Intake
from tests.events import RECEIVED_AT, core, line

FILES = sorted((Path(__file__).parent / "recorded_events").glob("*.jsonl"))
RECORDED = [(file.stem, json.loads(one)) for file in FILES for one in file.read_text().splitlines()]


def as_recorded(row: Any) -> Any:
    """A row as JSON holds it; node ids and amounts as text."""
    return json.loads(json.dumps(dict(row), default=str))


@pytest.mark.parametrize(
    ("when", "known"), RECORDED, ids=[f"{when}-{one['line']['type']}" for when, one in RECORDED]
)
def test_a_known_event_has_its_hash_and_its_row(when: str, known: Any) -> None:
    """It is accepted, its version is the same, and so is every column there was."""
    outcome = core().process(line(known["line"]), RECEIVED_AT, Intake.SERVER)
    assert isinstance(outcome, Accepted), outcome
    row = as_recorded({name: outcome.row[name] for name in known["row"]})
    assert row == known["row"]
    assert outcome.version == known["row"]["version"]


def test_every_type_of_then_was_recorded() -> None:
    """One event of each of the 49 types, none twice."""
    types = [one["line"]["type"] for when, one in RECORDED if when == "before_measures"]
    assert len(types) == len(set(types)) == 49
