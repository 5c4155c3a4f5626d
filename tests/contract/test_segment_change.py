"""Changes of segments as they are told: the same document for years, wherever it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.segment_change import (
    EXAMPLE,
    SegmentChangeKind,
    SegmentChangeReason,
    SegmentChangeRecord,
)
from services.api.operation import plain
from services.docs.generate import outputs
from services.segments.core import decision

RECORDED = [
    json.loads(line)
    for file in sorted((Path(__file__).parent / "recorded_changes").glob("*.jsonl"))
    for line in file.read_text().splitlines()
]


def schema() -> Draft202012Validator:
    """The published schema."""
    return Draft202012Validator(
        json.loads(outputs()["schemas/generated/segment-change.schema.json"])
    )


@pytest.mark.parametrize("told", [EXAMPLE, *RECORDED])
def test_what_was_told_is_read_in_full(told: dict[str, Any]) -> None:
    """Read and written again it is the same, and the schema takes it; not without a field."""
    assert plain(SegmentChangeRecord.model_validate(told)) == told
    assert [error.message for error in schema().iter_errors(told)] == []
    for name in ("realm", "segment", "profile_id", "sequence"):
        assert not schema().is_valid({key: one for key, one in told.items() if key != name})


def test_the_words_are_those_of_the_decision() -> None:
    """Every change and every reason that the core knows can be told."""
    assert {*SegmentChangeKind} == {decision.ENTERED, decision.LEFT, decision.RETRACTED}
    assert {*SegmentChangeReason} == {
        value for name, value in vars(decision).items() if name.startswith("BY_")
    }
