"""docs/settings.md: every environment variable, from the settings class itself."""

from __future__ import annotations

from typing import Any

from services.docs.json_schema import ContractSchema, Json, unwrapped
from services.docs.markdown import (
    FIELD_COLUMNS,
    NONE,
    code,
    default_text,
    limits_text,
    page,
    table,
    type_text,
)
from services.runtime.settings import Settings

INTRODUCTION = """
All settings are environment variables. A data directory may have its own `settings.env` (the demo
writes one); environment variables take precedence. An empty value is none: the default holds. Lists
and maps are written as JSON. A wrong value, also a name of a realm or channel that no event could
have, stops the start with exit code 78 and a message that names the variable, what is wrong with it
and what it is for. `c360 config` prints the effective values, with secrets hidden.
""".strip()


def settings_page() -> str:
    """The whole page."""
    prefix = Settings.model_config["env_prefix"]
    schema = unwrapped(Settings.model_json_schema(schema_generator=_SettingsSchema))
    rows = [_row(f"{prefix}{name.upper()}", field, schema) for name, field in _fields(schema)]
    return page("Settings", INTRODUCTION, table(("Variable", *FIELD_COLUMNS[1:]), rows))


class _SettingsSchema(ContractSchema):
    """Defaults in full: settings of a realm are shown with their values."""

    def encode_default(self, dft: Any) -> Any:
        return super(ContractSchema, self).encode_default(dft)


def _fields(schema: Json) -> list[tuple[str, Json]]:
    return list(schema["properties"].items())


def _row(variable: str, field: Json, schema: Json) -> tuple[str, ...]:
    definitions = schema.get("$defs", {})
    return (
        code(variable),
        _type(field, definitions),
        limits_text(field),
        default_text(field),
        field.get("description", NONE),
    )


def _type(field: Json, definitions: Json) -> str:
    formats = {"path": "path", "password": "secret", "date": "date"}
    kinds = [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]
    items = kinds[0].get("items", {})
    if items.get("format") in formats:
        return f"list of {formats[items['format']]}s"
    if "enum" in kinds[0]:
        return "one of " + ", ".join(map(code, kinds[0]["enum"]))
    named = formats.get(kinds[0].get("format", ""))
    return named or type_text(kinds[0], definitions, link_parts=False)
