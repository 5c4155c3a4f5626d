"""Models of the Python client, from the schemas of the OpenAPI document.

A model tolerates what a newer service adds: fields beside its own, values beside those of an
enumeration, kinds beside those of a union. What the document says in another way than the forms
read here is an error when the file is generated, never a guess.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

Json = dict[str, Any]
REF = "#/components/schemas/"
FORMATS = {"date-time": "datetime", "date": "date", "uuid": "UUID", "decimal": "Decimal"}
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
ANY_OBJECT = "dict[str, Any]"
HEAD = '''"""Documents of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from customer360_client._model import Model
'''


class Annotation(NamedTuple):
    """A type, written in Python."""

    text: str
    names: frozenset[str] = frozenset()
    """Schemas that it names."""


def type_of(schema: Json) -> Annotation:
    """The type of a schema."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return Annotation(name, frozenset({name}))
    if "const" in schema:
        return Annotation(f"Literal[{quoted(schema['const'])}]")
    if "enum" in schema:
        return Annotation(enumeration(schema["enum"]))
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return union([type_of(one) for one in schema[key]])
    kind = schema.get("type")
    if isinstance(kind, list):
        return union([type_of({**schema, "type": one}) for one in kind])
    if kind == "array":
        inner = type_of(schema.get("items", {}))
        return Annotation(f"list[{inner.text}]", inner.names)
    if kind == "object":
        values = schema.get("additionalProperties")
        if not isinstance(values, dict):
            return Annotation(ANY_OBJECT)
        inner = type_of(values)
        return Annotation(f"dict[str, {inner.text}]", inner.names)
    if kind is None:
        return Annotation("Any")
    return Annotation(FORMATS.get(schema.get("format", ""), PLAIN[kind]))


def enumeration(values: list[Any]) -> str:
    """The known values, and any other that a newer service may have."""
    return f"Literal[{', '.join(quoted(one) for one in values)}] | {type(values[0]).__name__}"


def union(parts: list[Annotation]) -> Annotation:
    """Any of them. Of several models, none may be the one of a newer service."""
    texts = list(dict.fromkeys(one.text for one in parts))
    names = frozenset[str]().union(*(one.names for one in parts))
    if len(names) > 1:
        texts.append(ANY_OBJECT)
    texts.sort(key=lambda one: one == "None")
    return Annotation(" | ".join(texts), names)


def quoted(value: Any) -> str:
    """A literal."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def docstring(text: str, indent: str = "    ") -> str:
    """A docstring of the first paragraph, in lines of at most 100 columns."""
    words = text.split("\n\n")[0].replace("\\", "\\\\").replace('"""', "'''").split()
    lines, line = [], f'{indent}"""'
    for word in words:
        if len(line) + len(word) + 4 > 100 and line.strip() != '"""':
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return "\n".join(
        [*lines, line.rstrip() + ('"""' if not line.rstrip().endswith('"') else ' """')]
    )


def field_name(name: str) -> str:
    """A name that a field may have in Python."""
    text = re.sub(r"\W", "_", name).lstrip("_")
    return f"{text}_" if keyword.iskeyword(text) or hasattr(BaseModel, text) else text


def model(name: str, schema: Json) -> str:
    """The class of a schema with properties."""
    lines = ["", "", f"class {name}(Model):", docstring(schema.get("description") or name)]
    required = schema.get("required", [])
    for written, inner in schema["properties"].items():
        lines.append("    " + _field(written, inner, written in required))
        if inner.get("description"):
            lines.append(docstring(inner["description"]))
    return "\n".join(lines)


def _field(written: str, schema: Json, is_required: bool) -> str:
    own, text = field_name(written), type_of(schema).text
    arguments = [] if own == written else [f"alias={quoted(written)}"]
    if "const" in schema:
        arguments.append(f"default={quoted(schema['const'])}")
    elif not is_required:
        value = schema.get("default")
        if value in ([], {}):
            arguments.append(f"default_factory={type(value).__name__}")
        else:
            is_plain = text in PLAIN.values() or text.startswith("Literal[")
            arguments.append(f"default={quoted(value) if is_plain else None}")
        if arguments[-1] == "default=None" and "None" not in text.split(" | "):
            text += " | None"
    if not arguments:
        return f"{own}: {text}"
    only = arguments[0].removeprefix("default=")
    is_value = len(arguments) == 1 and only != arguments[0]
    return f"{own}: {text} = " + (only if is_value else f"Field({', '.join(arguments)})")


def models_module(document: Json) -> str:
    """The module of all schemas: enumerations, models, and what names several models."""
    schemas: Mapping[str, Json] = dict(sorted(document["components"]["schemas"].items()))
    models = {name for name, one in schemas.items() if "properties" in one}
    first, last = list[str](), list[str]()
    for name in schemas.keys() - models:
        (last if type_of(schemas[name]).names else first).append(name)
    return "\n".join(
        [
            HEAD,
            *(_alias(name, schemas[name]) for name in sorted(first)),
            *(model(name, schemas[name]) for name in sorted(models)),
            "",
            "",
            *(_alias(name, schemas[name]) for name in sorted(last)),
        ]
    )


def _alias(name: str, schema: Json) -> str:
    described = schema.get("description")
    text = f"{name}: TypeAlias = {type_of(schema).text}"
    return text + ("\n" + docstring(described, "") if described else "")
