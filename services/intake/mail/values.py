"""Values of an event, found by their paths: texts, times, addresses, variables of the sender."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import getaddresses
from typing import Any

import orjson

from schemas.scalars import NO_TIME
from services.intake.fields import CODE_CHARS_MAX, REQUIRED, TIME, Fields, NotTaken, text_of
from services.intake.mail.provider import Paths

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS = re.compile(r"[0-9]{9,14}(\.[0-9]{1,9})?")
WITHOUT_ZONE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})")
SECONDS_MAX, MILLISECONDS_MAX = 10**11, 10**14
"""From 100,000,000,000 on a number counts milliseconds: as seconds it would be the year 5138."""
LIST_IN_TEXT = re.compile(r"\s*\[")
DERIVED_CHARS = 40


def value_at(fields: Fields, *paths: str) -> tuple[str, Any]:
    """The path that is given, and its value, of a list the first; the first path and None if none
    is."""
    for path in paths:
        *outer, name = path.split(".")
        inner = fields
        for one in outer:
            inner = inner.object(one)
        value = inner.plain.get(name)
        if isinstance(value, str) and LIST_IN_TEXT.match(value):
            found = _parsed(value)
            value = found if isinstance(found, list) else value
        if isinstance(value, list):
            value = value[0] if value else None
        if value is not None and value != "":
            return path, value
    return (paths[0] if paths else ""), None


def text_at(fields: Fields, paths: Paths) -> str:
    """Text, or the digits of a whole number, without the blanks around; empty if it is not
    given."""
    path, value = value_at(fields, *paths)
    return "" if value is None else text_of(value, path).strip()


def line_at(fields: Fields, paths: Paths, chars_max: int) -> str:
    """What a person reads, on one line. It is cut: a reply of a server may be as long as it likes,
    and an unsubscription must not be lost for it."""
    return " ".join(text_at(fields, paths).split())[:chars_max].strip()


def code(text: str) -> str:
    """A name or number; of one that is too long its digest stands for it, the same each time."""
    return text if len(text) <= CODE_CHARS_MAX else digest(text.encode())


def digest(content: bytes) -> str:
    """Tells contents apart."""
    return hashlib.sha256(content).hexdigest()[:DERIVED_CHARS]


def is_set(fields: Fields, paths: Paths) -> bool:
    """Whether one of the fields says yes, or names something."""
    return any(
        value_at(fields, path)[1] not in (None, False, 0, "0", "false", "none") for path in paths
    )


def addresses_of(text: str) -> list[str]:
    """The addresses alone: each may be written with a name, `Anna <anna@example.com>`."""
    if "<" not in text and "," not in text:
        return [text.strip()] if text.strip() else []
    return [address for _, address in getaddresses([text]) if address]


def variables_at(fields: Fields, paths: Paths, name: str) -> str:
    """A variable that the sender gave to its message; empty if there is none. What else stands
    there is the sender's own business, and wrong for nobody."""
    for path in paths:
        found = value_at(fields, path)[1] if path else fields.plain
        if isinstance(found, str):
            found = _parsed(found)
        value = found.get(name) if isinstance(found, dict) else None
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def time_at(fields: Fields, paths: Paths, *, is_utc: bool) -> str:
    """When it happened. Raises NotTaken if there is no such field, or it is no time."""
    path, value = value_at(fields, *paths)
    if value is None:
        raise NotTaken(path, REQUIRED)
    if isinstance(value, str) and is_utc and (found := WITHOUT_ZONE.fullmatch(value.strip())):
        value = f"{found[1]}T{found[2]}Z"
    if isinstance(value, str) and TIME.fullmatch(value):
        return value
    digits = value if isinstance(value, str) else _digits(value)
    if not SECONDS.fullmatch(digits):
        raise NotTaken(path, f"{NO_TIME}, or seconds since 1970")
    return _instant(Decimal(digits), path)


def _digits(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{Decimal(repr(value)):f}" if is_number else ""


def _instant(number: Decimal, path: str) -> str:
    if number >= MILLISECONDS_MAX:
        raise NotTaken(path, "further away than a calendar reaches")
    seconds = number if number < SECONDS_MAX else number / 1000
    return (EPOCH + timedelta(microseconds=int(seconds * 10**6))).isoformat()


def _parsed(text: str) -> Any:
    """Of a text that holds JSON, the value; else None."""
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(text)
    return None
