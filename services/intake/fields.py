"""Fields of a foreign message, read by name: what has not its form is refused with its path.

Shared by the formats. An absent field, `null` and an empty text are the same: not given. Nothing is
guessed, rounded or cut, but for what binary floats add to a sum and for labels, and no message
quotes a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.scalars import EXACT_TIME, NO_TIME, WHOLE_FLOAT_MAX

CODE_CHARS_MAX, TITLE_CHARS_MAX, URL_CHARS_MAX, TEXT_CHARS_MAX = 100, 300, 2_000, 8_000
"""As the types of `schemas.base`."""
AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
TIME = re.compile(EXACT_TIME)
CURRENCY = re.compile(r"[A-Za-z]{3}")
REQUIRED = "Field required"
STEP = Decimal("0.0001")
"""The finest step of an amount in the contract."""
NOISE, NOISE_ULPS = 1e-9, 4
"""How far a float may be from a whole number of steps to stand for it, at least: sums of binary
floats are off by a few units in the last place, and nobody means them."""


class NotTaken(Exception):
    """A message that becomes no touchpoint. It never leaves the format."""

    def __init__(
        self, path: str, message: str, reason: RejectReason = RejectReason.INVALID_FIELD
    ) -> None:
        super().__init__(message)
        self.fault = Fault(reason, path, message)


class FieldAtFault(NamedTuple):
    """A field for which messages are refused, for a reference page; `*` stands for a place in a
    list."""

    path: str
    reason: RejectReason
    when: str


class Fields:
    """An object of a message. A field may have several names; the first that is given counts."""

    def __init__(self, value: Any, path: str = "") -> None:
        """Raises NotTaken for anything but an object, or nothing."""
        if value is not None and not isinstance(value, dict):
            raise NotTaken(path, "must be an object")
        self.plain: Mapping[str, Any] = value or {}
        self.path = path

    def path_of(self, name: str) -> str:
        """Where a field stands."""
        return f"{self.path}.{name}" if self.path else name

    def given(self, *names: str) -> tuple[str, Any]:
        """The name that is given, and its value; the first name and None if none is."""
        for name in names:
            value = self.plain.get(name)
            if value is not None and value != "":
                return name, value
        return names[0], None

    def object(self, name: str) -> Fields:
        """A field that is an object itself; an empty one if it is not given."""
        return Fields(self.plain.get(name), self.path_of(name))

    def objects(self, *names: str) -> list[Fields] | None:
        """A field that is a list of objects; None if it is not given."""
        name, value = self.given(*names)
        if value is None:
            return None
        path = self.path_of(name)
        if not isinstance(value, list):
            raise NotTaken(path, "must be a list")
        return [Fields(one, f"{path}.{place}") for place, one in enumerate(value)]

    def text(self, *names: str, chars_max: int = CODE_CHARS_MAX) -> str:
        """Text, or the digits of a whole number; empty if it is not given."""
        name, value = self.given(*names)
        text = "" if value is None else text_of(value, self.path_of(name)).strip()
        if len(text) > chars_max:
            raise NotTaken(self.path_of(name), f"at most {chars_max} characters")
        return text

    def label(self, *names: str, chars_max: int = CODE_CHARS_MAX) -> str:
        """Text that people read; a longer one is cut, for it costs no message."""
        name, value = self.given(*names)
        text = "" if value is None else text_of(value, self.path_of(name)).strip()
        return text[:chars_max].strip()

    def required(self, *names: str, chars_max: int = CODE_CHARS_MAX) -> str:
        """The same, of a field without which there is no touchpoint."""
        text = self.text(*names, chars_max=chars_max)
        if not text:
            raise NotTaken(self.path_of(names[0]), REQUIRED)
        return text

    def amount(self, *names: str) -> Decimal | None:
        """A number, also written as text; None if it is not given."""
        name, value = self.given(*names)
        return None if value is None else amount_of(value, self.path_of(name))

    def needed(self, *names: str) -> Decimal:
        """The same, of a field without which there is no touchpoint."""
        amount = self.amount(*names)
        if amount is None:
            raise NotTaken(self.path_of(names[0]), REQUIRED)
        return amount

    def currency(self, name: str = "currency") -> str:
        """An ISO 4217 code in capital letters; empty if it is not given."""
        code = self.text(name)
        if code and not CURRENCY.fullmatch(code):
            raise NotTaken(self.path_of(name), "must be a currency of three letters (ISO 4217)")
        return code.upper()

    def time(self, *names: str) -> str:
        """A time with its zone, as it is written; empty if it is not given."""
        name, value = self.given(*names)
        if value is None:
            return ""
        if not isinstance(value, str) or not TIME.fullmatch(value):
            raise NotTaken(self.path_of(name), NO_TIME)
        return value

    def leaves(self) -> Iterator[tuple[str, str | None]]:
        """Every value within, as text, under its path from here; null is None."""
        yield from _leaves(self.plain, "", self.path)


def text_of(value: Any, path: str) -> str:
    """Text, or the digits of a whole number."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and value == value and abs(value) <= WHOLE_FLOAT_MAX and value == int(value):
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise NotTaken(path, "must be text or a whole number")


def amount_of(value: Any, path: str) -> Decimal:
    """A finite number with all its digits."""
    written = value.strip() if isinstance(value, str) else ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = f"{_without_noise(value):f}"
    if not AMOUNT.fullmatch(written):
        raise NotTaken(path, "must be a number, with a point before its decimals")
    return Decimal(written)


def _without_noise(value: int | float) -> Decimal:
    """What `0.1 + 0.2` was to be; every other number with all its digits."""
    exact = Decimal(repr(value))
    if not isinstance(value, float) or abs(value) >= WHOLE_FLOAT_MAX or value != value:
        return exact
    near = exact.quantize(STEP, ROUND_HALF_EVEN)
    is_noise = abs(exact - near) <= max(Decimal(NOISE), Decimal(NOISE_ULPS * math.ulp(value)))
    return near.normalize() + 0 if is_noise else exact


def _leaves(value: Any, name: str, path: str) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, dict):
        inner: Any = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        yield name, _leaf(value)
        return
    for key, one in inner:
        yield from _leaves(one, f"{name}.{key}" if name else str(key), path)


def _leaf(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else f"{Decimal(repr(value)):f}"
