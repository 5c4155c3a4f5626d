"""The fields of events that conditions of segments may name, as the event contracts have them.

A path is written as in the body of the event, `lines.category`; what every event has stands under
`source`. A path through a list means any of its elements.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from schemas.annotations import plain_annotation
from schemas.scalars import Exact
from schemas.touchpoint import EVENT_TYPES, Source

ORDER_VALUE = "order_value"
"""The revenue of an order, or the value of what came back: in no body, made when it is stored."""
VALUED_TYPES = frozenset({"order.placed", "order.returned"})
CURRENCY = "currency"
NEVER = frozenset({"source.synthetic"})
"""Synthetic events are in no segment."""
NAMES_SHOWN = 3


class FieldKind(StrEnum):
    """What values of a field are compared as."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    """A number that counts only where its currency is that of the realm."""
    FLAG = "flag"


class EventField(NamedTuple):
    """One field of the events of a type."""

    path: tuple[str, ...]
    kind: FieldKind
    lists: int
    """How many parts of the path lead to its first list; 0 if it leads through none."""
    choices: tuple[str, ...] = ()
    """The only values it may have, if there are few."""

    @property
    def name(self) -> str:
        """As it is written."""
        return ".".join(self.path)


@cache
def fields_of(event_type: str) -> dict[str, EventField]:
    """The fields of a type by their names. Raises KeyError for an unknown type."""
    found: dict[str, EventField] = {}
    _collect(EVENT_TYPES[event_type].body, (), 0, found)
    _collect(Source, ("source",), 0, found)
    if event_type in VALUED_TYPES:
        found[ORDER_VALUE] = EventField((ORDER_VALUE,), FieldKind.MONEY, 0)
    return {name: one for name, one in found.items() if name not in NEVER}


def near(name: str, known: Any) -> str:
    """The known names that were perhaps meant, for a message; nothing if none is like it."""
    close = get_close_matches(name, list(known), NAMES_SHOWN, 0.6)
    return f"; near: {', '.join(close)}" if close else ""


def _collect(
    model: type[BaseModel], prefix: tuple[str, ...], lists: int, found: dict[str, EventField]
) -> None:
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        annotation: Any = field.annotation
        for extra in field.metadata:
            annotation = Annotated[annotation, extra]
        _add(annotation, path, lists, found)


def _add(annotation: Any, path: tuple[str, ...], lists: int, found: dict[str, EventField]) -> None:
    plain, metadata = plain_annotation(annotation)
    if get_origin(plain) is list:
        _add(get_args(plain)[0], path, lists or len(path), found)
    elif isinstance(plain, type) and issubclass(plain, BaseModel):
        _collect(plain, path, lists, found)
    else:
        kind = _kind(plain, metadata)
        if kind is not None:
            of_few = isinstance(plain, type) and issubclass(plain, Enum)
            choices = tuple(str(one.value) for one in plain) if of_few else ()
            found[".".join(path)] = EventField(path, kind, lists, choices)


def _kind(plain: Any, metadata: tuple[Any, ...]) -> FieldKind | None:
    """None for what no condition compares: times, and tables of any names."""
    if not isinstance(plain, type) or issubclass(plain, datetime):
        return None
    if issubclass(plain, bool):
        return FieldKind.FLAG
    if issubclass(plain, Decimal):
        is_money = any(isinstance(one, Exact) and one.noun == "an amount" for one in metadata)
        return FieldKind.MONEY if is_money else FieldKind.NUMBER
    if issubclass(plain, int):
        return FieldKind.NUMBER
    return FieldKind.TEXT if issubclass(plain, str) else None
