"""JSON Schema 2020-12 of the input (touchpoints, segments) and the output (profiles, incidents).

What a schema accepts is accepted and the reverse, scalar by scalar (`schemas.scalars` makes both),
except where rules and settings of an installation decide and in what JSON Schema cannot say: the
number of decimals of a JSON number, whether a whole number was written with an exponent, and that
a length is measured without the blanks around a text.
"""

from __future__ import annotations

import re
from typing import Any, Union

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from schemas.import_map import ImportMap
from schemas.incident import INCIDENT_VERSION
from schemas.profile import PROFILE_VERSION, Profile
from schemas.rules.segment_conditions import UnknownCondition
from schemas.rules.segments import SegmentFile
from schemas.scalars import EXACT_TIME, NOT_BLANK, end_of_text
from schemas.segment_change import EXAMPLE as CHANGE
from schemas.segment_change import SEGMENT_CHANGE_VERSION, SegmentChangeRecord
from schemas.touchpoint import EVENT_BYTES_MAX, EVENT_MODELS, EVENT_TYPES, TouchpointAdapter
from services.consistency.views import views

Json = dict[str, Any]
VIEWS = views()
_any_view: Any = Union[tuple(VIEWS.values())]  # noqa: UP007
INCIDENT_VIEWS: TypeAdapter[Any] = TypeAdapter(_any_view)
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TOUCHPOINT_VERSION = 1
SEGMENTS_VERSION = 1
IMPORT_MAP_VERSION = 1


class ContractSchema(GenerateJsonSchema):
    """Adds what pydantic's own generator lacks: zones, digits, and compact defaults."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles: they only repeat the field names."""
        return False

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """A time with its zone."""
        return {"type": "string", "format": "date-time", "pattern": EXACT_TIME}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """An exact number as a string; coming in, also as a number."""
        bounds = {
            keyword: float(schema[name])  # type: ignore[literal-required]
            for name, keyword in (("ge", "minimum"), ("le", "maximum"))
            if name in schema
        }
        sign = "" if "minimum" in bounds else "-?"
        places = schema.get("decimal_places")
        whole = schema.get("max_digits", 0) - (places or 0)
        digits = f"{{1,{whole}}}" if whole > 0 else "+"
        # Trailing zeros are harmless.
        fraction = "[0-9]+" if places is None else f"[0-9]{{1,{places}}}0*"
        text = {"type": "string", "pattern": f"^{sign}[0-9]{digits}([.]{fraction})?$"}
        if self.mode == "serialization":
            return text
        if whole > 0:
            limit = 10**whole
            bounds.setdefault("minimum", 1 - limit)
            bounds.setdefault("maximum", limit - 1)
        return {"anyOf": [{"type": "number", **bounds}, text]}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """A string; if surrounding blanks are stripped, it needs a character that is not blank."""
        plain = super().str_schema(schema)
        if schema.get("strip_whitespace") and schema.get("min_length"):
            plain.setdefault("pattern", NOT_BLANK)
        return plain

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A map whose names are bounded, too: a name that breaks its pattern is invalid."""
        plain = super().dict_schema(schema)
        plain.pop("patternProperties", None)
        plain.pop("propertyNames", None)
        names = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        bounds = {key: value for key, value in names.items() if key != "type"}
        return (
            plain
            | ({"propertyNames": bounds} if bounds else {})
            | ({"additionalProperties": values} if values else {})
        )

    def encode_default(self, dft: Any) -> Any:
        """A default that is a model is written by the fields it sets."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", exclude_defaults=True)
        return super().encode_default(dft)


def _document(name: str, version: int, title: str, description: str, schema: Json) -> Json:
    """A schema as a document of its own."""
    head = {
        "$schema": DIALECT,
        "$id": f"urn:customer360:schema:{name}:{version}",
        "title": title,
        "description": description,
    }
    body = {key: value for key, value in schema.items() if key not in head and key != "$defs"}
    document: Json = unwrapped(anchored({**head, **body, "$defs": schema.get("$defs", {})}))
    return document


def anchored(value: Any) -> Any:
    """Patterns that end where the text ends, in the dialect of every validator."""
    if isinstance(value, list):
        return [anchored(item) for item in value]
    if isinstance(value, dict):
        return {
            key: end_of_text(item) if key == "pattern" and isinstance(item, str) else anchored(item)
            for key, item in value.items()
        }
    return value


def unwrapped(value: Any) -> Any:
    """Descriptions without the line breaks of their source."""
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    if isinstance(value, dict):
        return {
            key: reflow(item) if key == "description" and isinstance(item, str) else unwrapped(item)
            for key, item in value.items()
        }
    return value


def reflow(text: str) -> str:
    """One line per paragraph."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def touchpoint_schema() -> Json:
    """The union of all event types, discriminated by `type`."""
    schema = TouchpointAdapter.json_schema(schema_generator=ContractSchema)
    for name, model in EVENT_MODELS.items():
        event = schema["$defs"][model.__name__]
        event["title"] = name
        if not EVENT_TYPES[name].anonymous:
            event["properties"]["identifiers"]["minItems"] = 1
            del event["properties"]["identifiers"]["default"]
            event["required"].append("identifiers")
    # The discriminator is OpenAPI's; a JSON Schema validator finds the type by its constant.
    schema.pop("discriminator")
    return _document(
        "touchpoint",
        TOUCHPOINT_VERSION,
        "Touchpoint",
        f"One event of any type, at most {EVENT_BYTES_MAX} bytes as JSON in UTF-8. Fields that are "
        "not listed are kept and not read.",
        schema,
    )


def model_schema(model: type[BaseModel], mode: JsonSchemaMode, ref_template: str = "") -> Json:
    """The schema of one model, its parts under `$defs`."""
    template = ref_template or "#/$defs/{model}"
    return model.model_json_schema(
        mode=mode, schema_generator=ContractSchema, ref_template=template
    )


def profile_schema() -> Json:
    """What `c360 profile get --json` prints."""
    schema = model_schema(Profile, "serialization")
    description = "A customer as `c360 profile get --json` prints it."
    return _document("profile", PROFILE_VERSION, "Profile", description, schema)


def incident_schema() -> Json:
    """What `c360 incidents show --json` prints, and `list` for each incident: one model a kind."""
    schema = INCIDENT_VIEWS.json_schema(mode="serialization", schema_generator=ContractSchema)
    schema.pop("discriminator", None)
    description = "An incident as `c360 incidents show --json` prints it."
    return _document("incident", INCIDENT_VERSION, "Incident", description, schema)


def segments_schema() -> Json:
    """What a file of segments holds."""
    schema = model_schema(SegmentFile, "validation")
    # Stands for everything that is no condition, which the schema refuses anyway.
    unknown = UnknownCondition.__name__
    schema["$defs"].pop(unknown, None)
    description = (
        "Definitions of segments, as TOML or JSON. Event types, fields, attributes and segments "
        "that conditions name must exist, which this schema cannot say."
    )
    return _document(
        "segments", SEGMENTS_VERSION, "Segments", description, _without(schema, unknown)
    )


def import_map_schema() -> Json:
    """What a map of a table holds."""
    schema = model_schema(ImportMap, "validation")
    names = schema["$defs"]["ColumnSource"]["properties"]["from"]
    short = [names["items"], names]
    schema["properties"]["columns"]["additionalProperties"] = {
        "anyOf": [*short, {"$ref": "#/$defs/ColumnSource"}]
    }
    description = (
        "What the columns of a table become, as TOML or JSON. Event types and fields must exist, "
        "which this schema cannot say."
    )
    return _document("import-map", IMPORT_MAP_VERSION, "Map of a table", description, schema)


def segment_change_schema() -> Json:
    """What is told of a change of a segment."""
    schema = model_schema(SegmentChangeRecord, "serialization")
    description = "A change of one customer and one segment, as streams and webhooks carry it."
    version, title = SEGMENT_CHANGE_VERSION, "Segment change"
    document = _document("segment-change", version, title, description, schema)
    return document | {"examples": [CHANGE]}


def _without(value: Any, part: str) -> Any:
    """A schema in which nothing refers to a part."""
    if isinstance(value, dict):
        return {key: _without(item, part) for key, item in value.items()}
    if isinstance(value, list):
        reference = {"$ref": f"#/$defs/{part}"}
        return [_without(item, part) for item in value if item != reference]
    return value


def view_schemas() -> dict[str, Json]:
    """The same by kind, each complete in itself."""
    return {name: unwrapped(model_schema(view, "serialization")) for name, view in VIEWS.items()}
