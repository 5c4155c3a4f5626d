"""The generator of the Python client: every form of a schema, and what it must refuse."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from services.docs.client_models import docstring, models_module, type_of
from services.docs.openapi import openapi_document
from services.docs.python_client import (
    formatted,
    methods_of,
    operations_module,
    synchronous,
)

ENTRY = {
    "type": "object",
    "required": ["kind", "from", "value"],
    "properties": {
        "kind": {"const": "a", "type": "string"},
        "from": {"type": "string", "description": 'Where it "begins"'},
        "value": {"type": "string", "format": "decimal"},
        "state": {"$ref": "#/components/schemas/State"},
        "copy": {"type": "integer", "default": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
    },
}
PAGE = {
    "type": "object",
    "required": ["data", "page"],
    "properties": {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
        "page": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        },
    },
}
SCHEMAS: dict[str, Any] = {
    "Entry": ENTRY,
    "Other": {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}},
    "EntryPage": PAGE,
    "State": {"type": "string", "enum": ["open", "closed"], "description": "What became of it."},
    "Either": {
        "oneOf": [{"$ref": "#/components/schemas/Entry"}, {"$ref": "#/components/schemas/Other"}]
    },
}


def operation(name: str, answer: str = "Entry", **more: Any) -> dict[str, Any]:
    """An operation with a JSON answer."""
    reference = {"$ref": f"#/components/schemas/{answer}"}
    ok = {"description": "Yes.", "content": {"application/json": {"schema": reference}}}
    return {"operationId": name, "description": "Does it.", "responses": {"200": ok}, **more}


def parameter(name: str, place: str = "query", required: bool = False) -> dict[str, Any]:
    """A parameter that is a text."""
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def document(paths: dict[str, Any]) -> dict[str, Any]:
    """A document of these paths."""
    return {"paths": paths, "components": {"schemas": SCHEMAS}}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "str"),
        ({"type": "string", "format": "uuid"}, "UUID"),
        ({"type": "string", "format": "decimal"}, "Decimal"),
        ({"type": "string", "format": "unheard-of"}, "str"),
        ({"const": 'a"b\\'}, 'Literal["a\\"b\\\\"]'),
        ({"enum": [1, 2]}, "Literal[1, 2] | int"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "int | None"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Entry"}}, "list[Entry]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({}, "Any"),
        (SCHEMAS["Either"], "Entry | Other | dict[str, Any]"),
    ],
)
def test_types(schema: dict[str, Any], text: str) -> None:
    """Each form of a schema has one type; a newer service may have another kind in a union."""
    assert type_of(schema).text == text


def test_models_validate_what_the_document_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that Python keeps for itself are aliases; unknown values and kinds are no fault."""
    module = ModuleType("made")
    monkeypatch.setitem(sys.modules, "made", module)
    exec(models_module(document({})), names := module.__dict__)
    made = names["Entry"].model_validate(
        {"kind": "a", "from": "x", "value": "1.50", "state": "lost", "copy": 4, "new": True}
    )
    assert (made.from_, str(made.value), made.state, made.copy_) == ("x", "1.50", "lost", 4)
    assert made.as_json()["from"] == "x"
    assert made.as_json()["new"]
    assert names["Entry"](from_="x", value="1").tags == []


def test_methods_of_lists_streams_and_writes() -> None:
    """A list has an iterator beside it, a stream gives events, a write its idempotency key."""
    events = {"description": "Yes.", "content": {"text/event-stream": {"schema": {}}}}
    stream = {**operation("streamEntries"), "responses": {"200": events}}
    write = operation("closeEntry", parameters=[parameter("Idempotency-Key", "header")])
    paged = [parameter("id", "path", required=True), parameter("cursor"), parameter("limit")]
    made = document(
        {
            "/e/{id}": {"get": operation("listEntries", "EntryPage", parameters=paged)},
            "/s": {"get": stream},
            "/w": {"post": write},
        }
    )
    text = formatted(operations_module(made))
    assert "async def list_entries(\n        self, id: str, *, cursor: str | None" in text
    assert "def iterate_entries(" in text
    assert "-> AsyncGenerator[models.Entry, None]" in text
    assert "def stream_entries(self) -> AsyncGenerator[ServerEvent, None]" in text
    assert 'headers={"Idempotency-Key": idempotency_key}' in text
    assert not {"async ", "await ", "Async"} & {
        word for word in ("async ", "await ", "Async") if word in synchronous(text)
    }


@pytest.mark.parametrize(
    ("verb", "more", "why"),
    [
        ("post", {}, "Idempotency-Key"),
        ("get", {"parameters": [parameter("a-b"), parameter("a_b")]}, "one name"),
    ],
)
def test_what_a_client_cannot_offer_is_refused(verb: str, more: Any, why: str) -> None:
    """A write that is not safe to repeat, or two arguments of one name, stop `make generate`."""
    with pytest.raises(ValueError, match=why):
        methods_of(document({"/x": {verb: operation("doIt", **more)}}))


def test_every_operation_is_a_method_of_both_clients() -> None:
    """The clients have what the document has."""
    from customer360_client import AsyncClient, Client

    names = {one.name for one in methods_of(openapi_document())}
    assert names <= set(dir(Client)) & set(dir(AsyncClient))


def test_docstrings_fit_and_end() -> None:
    """A docstring has no line above 100 columns and never ends in a fourth quotation mark."""
    text = docstring("word " * 60 + 'in "quotes"')
    assert max(map(len, text.splitlines())) <= 100
    assert text.endswith('" """')
