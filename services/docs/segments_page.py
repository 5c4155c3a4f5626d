"""docs/reference/segments.md: every condition of segments with its fields."""

from __future__ import annotations

from pydantic import BaseModel

from schemas.rules.segment_conditions import (
    LEAVES,
    FirstStep,
    GroupCondition,
    ThenStep,
    ValueTest,
    WantedConsent,
    WithoutStep,
)
from schemas.rules.segment_fields import FieldKind, fields_of
from schemas.rules.segments import SegmentDefinition
from schemas.touchpoint import EVENT_TYPES
from services.docs.json_schema import model_schema, reflow
from services.docs.markdown import code, codes, field_table, page, table

INTRODUCTION = """
A file of segments is TOML, with a table `[segment.ID]` for each; the same as JSON:
[segments.schema.json](../../schemas/generated/segments.schema.json). What the conditions mean:
[segments](../segments.md).
""".strip()
FIELDS = """
A condition about events may ask for these fields in `where`. Money counts in the currency of the
realm only. `source` has, for every type, {}.
""".strip()


def segments_page() -> str:
    """The whole page."""
    blocks = ["## `[segment.ID]`", _table(SegmentDefinition)]
    for word, model in LEAVES.items():
        blocks += [f"## `{word}`", _described(model), _table(model)]
    for title, part in (
        ("Steps of a `sequence`: the first", FirstStep),
        ("Steps of a `sequence`: `then`", ThenStep),
        ("Steps of a `sequence`: `without`", WithoutStep),
        ("WantedConsent", WantedConsent),
        ("Groups", GroupCondition),
        ("What is asked of a value in `where`", ValueTest),
    ):
        blocks += [f"## {title}", _described(part), _table(part)]
    return page("Segments: all conditions", INTRODUCTION, *blocks, *_fields())


def _described(model: type[BaseModel]) -> str:
    return reflow(model.__doc__ or "")


def _table(model: type[BaseModel]) -> str:
    schema = model_schema(model, "validation")
    return field_table(schema, schema.get("$defs", {}))


def _fields() -> list[str]:
    shared = [name for name in fields_of("page.viewed") if name.startswith("source.")]
    rows = [(code(name), _named(name)) for name, row in EVENT_TYPES.items() if not row.impersonal]
    words = codes(one.removeprefix("source.") for one in shared)
    return ["## Fields of events", FIELDS.format(words), table(("Type", "Fields"), rows)]


def _named(event_type: str) -> str:
    found = [one for one in fields_of(event_type).values() if one.path[0] != "source"]
    marks = {FieldKind.TEXT: ""}
    return ", ".join(code(one.name) + marks.get(one.kind, f" ({one.kind})") for one in found)
