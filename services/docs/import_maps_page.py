"""docs/reference/import-maps.md: the options of maps of tables, and what those that ship read."""

from __future__ import annotations

import json
from collections.abc import Iterator

from schemas.import_map import ColumnSource, ImportMap, Scalar
from services.docs.json_schema import model_schema
from services.docs.markdown import code, codes, field_table, page, table
from services.intake.tables.maps import READY, read_map

INTRODUCTION = """
A map is a TOML file; the same as JSON Schema:
[import-map.schema.json](../../schemas/generated/import-map.schema.json). What the options mean:
[tables](../import.md).
""".strip()


def import_maps_page() -> str:
    """The whole page."""
    return page(
        "Maps of tables",
        INTRODUCTION,
        "## Options",
        _options(ImportMap),
        "## ColumnSource",
        "One field of `[columns]`: the name of a column, a list of names, or a table of these.",
        _options(ColumnSource),
        *(part for name in READY for part in _ready(name)),
    )


def _options(model: type[ImportMap | ColumnSource]) -> str:
    schema = model_schema(model, "validation")
    return field_table(schema, schema.get("$defs", {}))


def _ready(name: str) -> Iterator[str]:
    checked = read_map(name)
    map_ = checked.map
    yield f"## `--map {name}`"
    grouped = f", an event for each {codes(map_.group_by)}" if map_.group_by else ""
    yield f"{map_.title}: {codes(checked.types)}{grouped}. Ids follow from {_ids(map_)}."
    if map_.constants:
        constants = (f"{code(field)} is {_said(value)}" for field, value in map_.constants.items())
        yield f"Unless said otherwise, {', '.join(constants)}."
    rows = [
        (code(field), ", ".join(source.names) + _more(source))
        for field, source in map_.columns.items()
    ]
    yield table(("Field", "Columns"), rows)


def _said(value: Scalar) -> str:
    return code(json.dumps(value, ensure_ascii=False))


def _ids(map_: ImportMap) -> str:
    return codes(map_.event_id) if map_.event_id else "all that an event says"


def _more(source: ColumnSource) -> str:
    words = [f"{word} is {_said(value)}" for word, value in source.values.items()]
    if source.otherwise is not None:
        words.append(f"all else is {_said(source.otherwise)}")
    notes = [f"only what {code(source.pattern)} finds"] if source.pattern else []
    notes += ["a day is its end"] if source.end_of_day else []
    notes += ["required"] if source.required else []
    return "".join(f"; {note}" for note in [*words, *notes])
