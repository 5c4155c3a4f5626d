"""Events read with msgspec structs that are made from the pydantic models, the contract of record.

A struct never decides against an event. What it refuses, and what it may not judge because pydantic
would read it otherwise, is left to pydantic, which alone rejects. What it accepts has the values
that pydantic would have made, and stands for the model: `isinstance` and `match` take it for one.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import msgspec
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from schemas.base import Contract
from schemas.scalars import Exact, Rfc3339, Whole, Written, YesOrNo, end_of_text
from schemas.touchpoint import EVENT_MODELS, Touchpoint

NUMBERS_REMEMBERED = 20_000
REMEMBERED_LENGTH_MAX = 24
BRACKETS_MAX = 200
"""Pydantic reads no deeper than this many levels, unknown fields included."""
SETTINGS = {"frozen", "extra", "defer_build", "json_schema_extra"}
"""Settings of a model that change nothing in how its values are read, `extra` being `ignore`."""
_BLANK = (
    rb"(?:\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)"
)
EDGE_BLANK = re.compile(rb'"(?: |\\|' + _BLANK + rb")|(?: |\\[tnrf]|\\u000b|" + _BLANK + rb')"')
"""Within compact JSON a text that begins or ends with a blank (`schemas.scalars.BLANK` in UTF-8).
It also finds some others, which does no harm."""
FINER_THAN_MICROSECONDS = re.compile(rb"\.[0-9]{7}")


class NotCovered(Exception):
    """A contract has something that no struct can stand for. Never leaves this module."""


def read_event(plain: Any, line: bytes) -> Touchpoint | None:
    """The event of a line, parsed into `plain`, as pydantic would read it; None if pydantic has to.

    Counts only where `is_read_alike` of its canonical JSON.
    """
    type_name = plain.get("type") if type(plain) is dict else None
    is_known = type(type_name) is str and type_name in EVENT_MODELS
    struct = _struct_of_event(type_name) if is_known else None
    if struct is None or line.count(b"[") + line.count(b"{") > BRACKETS_MAX:
        return None
    try:
        event = msgspec.convert(plain, struct, dec_hook=_read_decimal)
    except msgspec.ValidationError:
        return None
    if event.sent_at is not None and plain["sent_at"][26:27].isdigit():
        return None  # finer than microseconds, and no part of the canonical JSON
    return cast(Touchpoint, event)


def is_read_alike(canonical: bytes) -> bool:
    """Whether there is nothing in the canonical JSON of an event (compact, and without control
    characters) that a struct may accept and yet read otherwise than pydantic does.

    Pydantic strips blanks around some texts, and cuts off after microseconds where msgspec rounds.
    """
    if canonical.isascii() and b"\\" not in canonical:
        if b" " in canonical and (b'" ' in canonical or b' "' in canonical):
            return False
    elif EDGE_BLANK.search(canonical):
        return False
    return not FINER_THAN_MICROSECONDS.search(canonical)


def renamed(event: Touchpoint, event_id: str) -> Touchpoint:
    """The event under another id."""
    if isinstance(event, BaseModel) and not hasattr(event, "__struct_fields__"):
        return event.model_copy(update={"event_id": event_id})
    return cast(Touchpoint, msgspec.structs.replace(cast(Any, event), event_id=event_id))


@cache
def _struct_of_event(type_name: str) -> Any:
    """The struct of an event type; None if pydantic reads all its events."""
    try:
        return struct_of(EVENT_MODELS[type_name])
    except NotCovered:
        return None


@cache
def struct_of(model: type[BaseModel]) -> type[msgspec.Struct]:
    """The struct that stands for a model.

    Raises:
        NotCovered: there can be none.
    """
    config, decorators = model.model_config, model.__pydantic_decorators__
    others = (
        decorators.validators, decorators.field_validators, decorators.root_validators,
        model.__pydantic_post_init__, model.__pydantic_custom_init__, model.__private_attributes__,
        config.keys() - SETTINGS, config.get("extra") != "ignore",
    )  # fmt: skip
    checks = decorators.model_validators
    if any(others) or any(one.info.mode != "after" for one in checks.values()):
        raise NotCovered(model.__name__)
    members: dict[str, Any] = {"__class__": model, **_members(model)}
    if checks:
        members["__post_init__"] = _checking([getattr(model, name) for name in checks])
    fields: list[Any] = []
    for name, field in model.model_fields.items():
        kind = _form(field.annotation, field.metadata)
        if field.alias or field.validation_alias or field.default_factory or field.validate_default:
            raise NotCovered(name)
        fields.append((name, kind) if field.is_required() else (name, kind, _default(field)))
    return msgspec.defstruct(model.__name__, fields, namespace=members, kw_only=True, frozen=True)


def _members(model: type[BaseModel]) -> dict[str, Any]:
    """Methods and properties that a contract has of its own."""
    mine = [
        one for one in reversed(model.__mro__) if issubclass(one, Contract) and one is not Contract
    ]
    return {
        name: member
        for one in mine
        for name, member in vars(one).items()
        if isinstance(member, property | types.FunctionType) and not name.startswith("__")
    }


def _checking(checks: list[Callable[[Any], Any]]) -> Callable[[Any], None]:
    """Runs the validators that a model has for the whole of it."""

    def run(struct: Any) -> None:
        for check in checks:
            check(struct)

    return run


def _default(field: FieldInfo) -> Any:
    if isinstance(field.default, list | dict):
        if field.default:
            raise NotCovered(field)
        return msgspec.field(default_factory=type(field.default))
    return msgspec.field(default=field.default)


def _form(kind: Any, notes: list[Any]) -> Any:
    """The type of a struct's field, from the type and the annotations of the model's.

    Raises:
        NotCovered: there is none.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _form(inner[0], [*_flat(inner[1:]), *notes])
    if origin in (Union, types.UnionType):
        some = [one for one in inner if one is not types.NoneType]
        if len(some) != 1 or notes:
            raise NotCovered(kind)
        return Union[_form(some[0], []), None]  # noqa: UP007
    if len(notes) == 1 and (scalar := _scalar(notes[0])):
        return scalar
    plain, bounds = _plain(kind, origin, inner), _bounds(notes)
    return Annotated[plain, bounds] if bounds else plain


def _scalar(note: Any) -> Any:
    """The type of a notation; None if it is none."""
    match note:
        case Exact():
            return _decimal(note)
        case Rfc3339():
            return Annotated[datetime, msgspec.Meta(tz=True)]
        case Written(max_length=most, min_length=least):
            return Annotated[str, msgspec.Meta(min_length=least or None, max_length=most)]
        case Whole(least=least, most=most):
            return Annotated[int, msgspec.Meta(ge=least, le=most)]
        case YesOrNo():
            return bool
    return None


def _plain(kind: Any, origin: Any, inner: tuple[Any, ...]) -> Any:
    """The type of anything but a notation, an optional value and an annotated type.

    A map has none: of two equal names in it pydantic reads both values, the parser keeps the last.
    """
    if origin is list:
        return types.GenericAlias(list, (_form(inner[0], []),))
    if kind is str or (origin is Literal and all(isinstance(one, str) for one in inner)):
        return kind
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return struct_of(kind)
    if isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str):
        return kind
    raise NotCovered(kind)


def _flat(notes: tuple[Any, ...]) -> list[Any]:
    return [
        one for note in notes for one in (note.metadata if isinstance(note, FieldInfo) else [note])
    ]


def _bounds(notes: list[Any]) -> msgspec.Meta | None:
    """The constraints of text or a list."""
    found: dict[str, Any] = {}
    for note in notes:
        stated = (
            asdict(cast(Any, note)) if is_dataclass(note) else getattr(note, "__dict__", {"": note})
        )
        given = {name: value for name, value in stated.items() if value is not None}
        for name, value in given.items():
            if name not in ("pattern", "min_length", "max_length") or name in found:
                raise NotCovered(note)
            found[name] = _pattern(value) if name == "pattern" else value
    return msgspec.Meta(**found) if found else None


def _pattern(pattern: Any) -> str:
    """The pattern as Python reads it. What is written with a backslash, as a class of characters,
    may mean another thing to the engine of pydantic."""
    if not isinstance(pattern, str) or "\\" in pattern or not pattern.isascii():
        raise NotCovered(pattern)
    return end_of_text(pattern)


class _ReadByItself(type):
    """Of types that msgspec knows only as those of which `_read_decimal` makes values."""

    texts: _Remembered
    numbers: _Remembered
    __instancecheck__ = staticmethod(Decimal.__instancecheck__)  # bound to Decimal, and in C


class _Remembered(dict[Any, Decimal]):
    """What a validator made of texts, or of whole numbers: prices and quantities come again."""

    def __init__(self, validate: Callable[[Any], Decimal]) -> None:
        super().__init__()
        self.validate = validate

    def __missing__(self, given: Any) -> Decimal:
        if type(given) is str and len(given) > REMEMBERED_LENGTH_MAX:
            return self.validate(given)
        if len(self) >= NUMBERS_REMEMBERED:
            self.clear()
        found = self[given] = self.validate(given)
        return found


@cache
def _decimal(notation: Exact) -> Any:
    """A type that `_read_decimal` reads, by the validator of pydantic itself. It remembers what it
    read, text and whole numbers each for itself, because numbers of different types are equal and
    yet written otherwise as a decimal."""
    validate = TypeAdapter(Annotated[Decimal, notation]).validator.validate_python
    memory = {"texts": _Remembered(validate), "numbers": _Remembered(validate)}
    return _ReadByItself("ExactDecimal", (), memory)


def _read_decimal(kind: Any, given: Any) -> Any:
    if type(given) is str:
        return kind.texts[given]
    if type(given) is int:
        return kind.numbers[given]
    return kind.texts.validate(given)
