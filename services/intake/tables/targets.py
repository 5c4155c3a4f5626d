"""The fields that columns may become, and what is read for each: as the event contracts have them.

A path is written as in a touchpoint, `body.lines.*.total`. Nothing here reads a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum, StrEnum
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from schemas.annotations import plain_annotation
from schemas.attributes import USUAL_TYPES, AttributeType
from schemas.base import Percentage, Rate
from schemas.rules.profile import profile_rules
from schemas.scalars import Exact, Whole, Written
from schemas.touchpoint import EVENT_TYPES, Identifier, Source, Touchpoint

EACH = "*"
"""One place in a list for each row of a group."""
VALUE = "value"
IDENTIFIERS, SOURCE, BODY = "identifiers", "source", "body"
ATTRIBUTES = "attributes"
HEAD = ("event_id", "occurred_at", "sent_at", "revision", "realm", "channel", "type")
IDENTIFIER_PARTS = frozenset({"issuer", "verified"})
DATES = frozenset({AttributeType.DATE, AttributeType.BIRTH_DATE})
SHARE, HUNDREDTHS = get_args(Rate)[1], get_args(Percentage)[1]
NEAR_SHOWN = 3


class CellKind(StrEnum):
    """What is read for a field."""

    CODE = "code"
    """A name or number that must come with every digit."""
    TEXT = "text"
    NUMBER = "number"
    SHARE = "share"
    """Between 0 and 1; also written in percent."""
    PERCENT = "percent"
    WHOLE = "whole"
    FLAG = "flag"
    TIME = "time"
    DAY = "day"


Step = str | int
TEXTS = frozenset({CellKind.CODE, CellKind.TEXT})
NUMBERS = frozenset({CellKind.NUMBER, CellKind.SHARE, CellKind.PERCENT, CellKind.WHOLE})
TIMES = frozenset({CellKind.TIME, CellKind.DAY})


class TargetField(NamedTuple):
    """A field of touchpoints."""

    name: str
    kind: CellKind
    choices: tuple[str, ...] = ()
    """The only values it may have, if there are few."""
    steps: tuple[Step, ...] = ()
    """The names and places that lead to it; a place is a number."""

    @property
    def is_plain(self) -> bool:
        """Whether any text is a value of it, but for codes that lost digits."""
        return self.kind in TEXTS and not self.choices

    @property
    def is_of_each_row(self) -> bool:
        """Whether each row of a group has a value of its own."""
        return EACH in self.steps

    @property
    def is_attribute(self) -> bool:
        """Whether it is an attribute of a customer."""
        return self.steps[:2] == (BODY, ATTRIBUTES)


class NoTarget(ValueError):
    """There is no such field; the text says which may be meant."""


def target_of(name: str, event_types: Iterable[str]) -> TargetField:
    """The field of that name in events of these types. Raises NoTarget."""
    found = _target(name, event_types)
    steps = found.steps or tuple(name.split("."))
    return found._replace(steps=steps)


def _target(name: str, event_types: Iterable[str]) -> TargetField:
    head, *rest = name.split(".")
    if head in HEAD and not rest:
        return _found(name, Touchpoint.model_fields[head].annotation, _bounds(Touchpoint, head))
    if head == IDENTIFIERS and rest:
        return _identifier(name, rest)
    if head == SOURCE and len(rest) == 1:
        return _within(name, Source, rest)
    if head == BODY and rest:
        faults = []
        for one in event_types:
            try:
                return _within(name, EVENT_TYPES[one].body, rest)
            except NoTarget as error:
                faults.append(error)
        raise faults[0]
    known = [*HEAD, "identifiers.email", "identifiers.customer_number", "source.system"]
    raise NoTarget(f"there is no field {name!r}{_near(name, known)}")


def required_of(event_types: Iterable[str]) -> list[str]:
    """Fields without which none of these events is valid; of a list or table only its name."""
    bodies = [EVENT_TYPES[one].body for one in event_types]
    needed = [
        name
        for name, field in bodies[0].model_fields.items()
        if field.is_required()
        and all(
            name in body.model_fields and body.model_fields[name].is_required() for body in bodies
        )
    ]
    return ["occurred_at", "channel", *(f"{BODY}.{name}" for name in needed)]


def _identifier(name: str, rest: list[str]) -> TargetField:
    if len(rest) == 1:
        return TargetField(name, CellKind.CODE, steps=(IDENTIFIERS, *rest, VALUE))
    if len(rest) == 2 and rest[1] in IDENTIFIER_PARTS:
        return _within(name, Identifier, rest[1:])
    raise NoTarget(f"{name!r} is no field; write identifiers.TYPE, or identifiers.TYPE.verified")


def _within(name: str, model: type[BaseModel], steps: list[str]) -> TargetField:
    plain: Any = model
    bounds: tuple[Any, ...] = ()
    taken: list[Step] = list(name.split(".")[: -len(steps)])
    for place, step in enumerate(steps):
        origin = get_origin(plain)
        if origin is list:
            if step != EACH and not step.isdigit():
                raise NoTarget(f"{name!r}: write a number or * for the place in a list")
            taken.append(EACH if step == EACH else int(step))
            plain, bounds = plain_annotation(get_args(plain)[0])
        elif origin is dict:
            key = ".".join(steps[place:])
            is_attribute = steps[:place] == [ATTRIBUTES]
            found = _attribute(name, key) if is_attribute else _found(name, str, ())
            return found._replace(steps=(*taken, key))
        elif isinstance(plain, type) and issubclass(plain, BaseModel):
            if step not in plain.model_fields:
                known = [".".join(map(str, [*taken, one])) for one in plain.model_fields]
                raise NoTarget(f"there is no field {name!r}{_near(name, known)}")
            taken.append(step)
            field = plain.model_fields[step]
            plain, more = plain_annotation(field.annotation)
            bounds = (*field.metadata, *more)
        else:
            raise NoTarget(f"{name!r} leads into a single value")
    return _found(name, plain, bounds)._replace(steps=tuple(taken))


def _bounds(model: type[BaseModel], name: str) -> tuple[Any, ...]:
    return tuple(model.model_fields[name].metadata)


def _attribute(name: str, attribute: str) -> TargetField:
    rules = profile_rules()
    type_ = rules.type_of(attribute) if rules.knows(attribute) else USUAL_TYPES.get(attribute)
    if type_ in DATES:
        return TargetField(name, CellKind.DAY)
    is_code = type_ in (AttributeType.PHONE, AttributeType.POSTAL_CODE, AttributeType.EMAIL)
    return TargetField(name, CellKind.CODE if is_code else CellKind.TEXT)


def _found(name: str, annotation: Any, bounds: tuple[Any, ...]) -> TargetField:
    plain, more = plain_annotation(annotation)
    bounds += more
    if not isinstance(plain, type) or get_origin(plain) is not None or issubclass(plain, BaseModel):
        raise NoTarget(f"{name!r} holds several values; name one of them")
    if issubclass(plain, Enum):
        return TargetField(name, CellKind.CODE, tuple(str(one.value) for one in plain))
    return TargetField(name, _kind(plain, bounds))


def _kind(plain: type, bounds: tuple[Any, ...]) -> CellKind:
    if issubclass(plain, bool):
        return CellKind.FLAG
    if issubclass(plain, datetime):
        return CellKind.TIME
    if issubclass(plain, Decimal):
        exact = next((one for one in bounds if isinstance(one, Exact)), None)
        return (
            CellKind.SHARE
            if exact == SHARE
            else CellKind.PERCENT
            if exact == HUNDREDTHS
            else CellKind.NUMBER
        )
    if issubclass(plain, int) or any(isinstance(one, Whole) for one in bounds):
        return CellKind.WHOLE
    written = next((one for one in bounds if isinstance(one, Written)), None)
    return CellKind.TEXT if written is not None and not written.whole else CellKind.CODE


def _near(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), NEAR_SHOWN, 0.6)
    return f"; near: {', '.join(close)}" if close else ""
