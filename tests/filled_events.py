"""Events with a string of its own in every field that takes one, of every type there is.

The fields are read from the contract: a type or field that is added is filled by itself. Whoever
searches for the strings finds wherever a field of an event comes to lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.scalars import Written
from schemas.touchpoint import EVENT_TYPES, IMPERSONAL_TYPES, Source

LISTED = {"purpose": "marketing", "channel": "email", "market": "DE", "programme": "bonus"}
"""Fields that take a word of a configured list, or that name something of the shop in the subject
of an incident, which stays when a customer goes."""
PRODUCTS = frozenset({"sku", "gtin", "with_sku", "store", "till"})
"""The same: what they name is nobody's."""
PATTERNED = {"author": "customer", "date": "2026-11-20", "currency": "EUR"}
BEGINS, ENDS = "2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z"
ATTRIBUTES = (
    "first_name", "last_name", "salutation", "language", "email", "phone", "street", "postal_code",
    "city", "country", "adviser", "preference.topics", "birth_name", "of_their_own",
)  # fmt: skip
"""Names of attributes, among them one that nobody has heard of."""


class Filler:
    """Fills bodies, and keeps the strings it used. `mark` is part of every one of them."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.planted: dict[str, str] = {}
        """The field of each string."""

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Type and body, of every type whose events may name a person."""
        for name, row in EVENT_TYPES.items():
            if name not in IMPERSONAL_TYPES:
                yield name, self.body(row.body, name)

    def source(self) -> dict[str, Any]:
        """Where an event comes from, but for what tells the shop's own systems and places."""
        fields = ((name, one) for name, one in Source.model_fields.items() if name != "system")
        return {name: self._field(name, one, f"source.{name}") for name, one in fields}

    def plant(self, path: str, form: str = "{}") -> str:
        """A new string, for a field of this name."""
        text = form.format(f"{self.mark}{len(self.planted):03}")
        self.planted[text] = path
        return text

    def body(self, model: type[BaseModel], path: str) -> dict[str, Any]:
        """A value of a contract."""
        return {
            name: self._field(name, field, f"{path}.{name}")
            for name, field in model.model_fields.items()
        }

    def _field(self, name: str, field: FieldInfo, path: str) -> Any:
        if name == "form":
            return None  # with one, `choice` takes no string of ours
        if name == "address" and Written(320) in field.metadata:
            return self.plant(path, "{}@mail.example")
        return self._value(name, field.annotation, field.metadata, path)

    def _value(self, name: str, kind: Any, notes: list[Any], path: str) -> Any:
        if hasattr(kind, "__metadata__"):  # Annotated, inside of a list or of an optional one
            return self._value(name, kind.__origin__, list(kind.__metadata__), path)
        if get_origin(kind) is list:
            return [self._value(name, get_args(kind)[0], [], path)]
        if get_origin(kind) is dict:
            keys = ATTRIBUTES if name == "attributes" else ("Mon",)
            return {key: self.plant(f"{path}.{key}") for key in keys}
        inner = [one for one in get_args(kind) if one is not type(None)]
        if inner:
            return self._value(name, inner[0], notes, path)
        if issubclass(kind, BaseModel):
            return self.body(kind, path)
        if issubclass(kind, Enum):
            return next(iter(kind)).value
        if issubclass(kind, str):
            return self._text(name, notes, path)
        if issubclass(kind, datetime):
            return ENDS if name in ("valid_to", "ends_at", "until", "closed_at") else BEGINS
        return {bool: False, Decimal: 1, int: 1}[kind]

    def _text(self, name: str, notes: list[Any], path: str) -> str:
        if not any(isinstance(one, Written) for one in notes):
            return PATTERNED[name]
        if name in PRODUCTS:
            return "4711"
        return LISTED[name] if name in LISTED else self.plant(path)
