"""The examples of docs/segments.md are definitions, and keep the published schema."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.rules.profile import profile_rules
from schemas.rules.segment_conditions import LEAVES
from schemas.rules.segments import SegmentScope, read_segments
from services.docs.json_schema import segments_schema
from services.segments.core.compiler import SegmentSetting, compiled

PAGE = Path(__file__).parents[2] / "docs" / "segments.md"
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)


def test_every_example_is_a_definition() -> None:
    """Each block is read, compiled, and valid by the JSON Schema that is published."""
    assert len(EXAMPLES) == 2
    validator = Draft202012Validator(segments_schema())
    setting = SegmentSetting(ZoneInfo("Europe/Berlin"), "EUR", profile_rules().consent)
    for text in EXAMPLES:
        found = read_segments(text, SegmentScope(profile_rules()))
        assert set(compiled(found, setting)) == set(found)
        as_json = json.loads(json.dumps(tomllib.loads(text), default=str))
        assert not list(validator.iter_errors(as_json))


def test_every_condition_is_on_the_page() -> None:
    """The page names each condition, and how values are tested."""
    text = PAGE.read_text("utf-8")
    for word in (*LEAVES, "equals", "starts_with"):
        assert f"`{word}" in text or f"{word} " in text, word
