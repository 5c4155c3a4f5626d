"""Records on the log outlive the code that wrote them: recorded ones are read in full.

`recorded/<when>.jsonl` holds records as a former version wrote them, one per line with its topic.
Files are added when a contract changes, and never rewritten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from schemas.records import IdentityRecordAdapter, OfferRecordAdapter

ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "c360.edges": IdentityRecordAdapter,
    "c360.offers": OfferRecordAdapter,
}
FILES = sorted((Path(__file__).parent / "recorded").glob("*.jsonl"))
RECORDS = [
    (file.stem, number, json.loads(line))
    for file in FILES
    for number, line in enumerate(file.read_text().splitlines(), 1)
]


def holds(recorded: Any, read: Any) -> bool:
    """Everything recorded is in what was read; fields that came later may be there, too."""
    if isinstance(recorded, dict):
        return isinstance(read, dict) and all(
            key in read and holds(value, read[key]) for key, value in recorded.items()
        )
    if isinstance(recorded, list):
        return len(recorded) == len(read) and all(map(holds, recorded, read))
    return bool(recorded == read)


@pytest.mark.parametrize(
    ("when", "number", "line"), RECORDS, ids=[f"{when}-{number}" for when, number, _ in RECORDS]
)
def test_a_recorded_record_is_read_in_full(when: str, number: int, line: Any) -> None:
    """Reading and writing it again loses no field and changes no value."""
    value, adapter = json.dumps(line["value"]), ADAPTERS[line["topic"]]
    assert holds(line["value"], json.loads(adapter.dump_json(adapter.validate_json(value))))


def test_every_kind_of_record_was_recorded() -> None:
    """Edges, decisions, erasures, claims and ticks are among them."""
    kinds = {line["value"]["kind"] for _, _, line in RECORDS}
    assert kinds >= {"edges", "decision", "erasure", "claims", "tick"}
