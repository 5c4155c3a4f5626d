"""Which events and values a condition means: terms about fields, and what is asked of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from schemas.rules.segment_conditions import ValueTest
from schemas.rules.segment_fields import CURRENCY, EventField, FieldKind
from services.segments.core.facts import CustomerEvent

Check = Callable[[Any], bool]
_ONE_SIDED = re.compile(r"^(>=|<=|=|>|<) *(.+)$")
_ZERO = Decimal(0)


class Bound(NamedTuple):
    """A range of numbers; None is no end."""

    low: Decimal | None = None
    high: Decimal | None = None
    has_low: bool = True
    """Whether the lower end itself is inside."""
    has_high: bool = True

    def holds(self, number: Decimal | int) -> bool:
        """Whether a number is inside."""
        if self.low is not None and not self.has_low and number == self.low:
            return False
        if self.high is not None and not self.has_high and number == self.high:
            return False
        return (self.low is None or number >= self.low) and (
            self.high is None or number <= self.high
        )


def bound_of(text: str) -> Bound:
    """The range that a text means: `>= 2`, `2..5`, or a number for itself."""
    match = _ONE_SIDED.match(text)
    if match is None:
        low, _, high = text.partition("..")
        return Bound(Decimal(low), Decimal(high or low))
    number = Decimal(match[2])
    match match[1]:
        case ">=":
            return Bound(low=number)
        case ">":
            return Bound(low=number, has_low=False)
        case "<=":
            return Bound(high=number)
        case "<":
            return Bound(high=number, has_high=False)
    return Bound(number, number)


def value_check(test: ValueTest) -> Check:
    """What a test asks of one value, but for whether there is one."""
    checks: list[Check] = []
    if test.equals is not None:
        checks.append(_equals(test.equals))
    if test.one_of is not None:
        checks.append(any_of([_equals(one) for one in test.one_of]))
    if test.starts_with is not None:
        start = test.starts_with
        checks.append(lambda value: isinstance(value, str) and value.startswith(start))
    if test.contains is not None:
        part = test.contains
        checks.append(lambda value: isinstance(value, str) and part in value)
    for said, is_right in (
        (test.above, lambda order: order > 0),
        (test.at_least, lambda order: order >= 0),
        (test.below, lambda order: order < 0),
        (test.at_most, lambda order: order <= 0),
    ):
        if said is not None:
            checks.append(_ordered(said, is_right))
    return lambda value: all(check(value) for check in checks)


def holds_for(test: ValueTest, check: Check, values: Sequence[Any]) -> bool:
    """Whether a test holds for any of the values, or for their absence."""
    if test.exists is False:
        return not values
    return any(map(check, values))


def any_of(checks: Sequence[Check]) -> Check:
    """Whether one of several checks holds."""
    return lambda value: any(check(value) for check in checks)


def _equals(said: Any) -> Check:
    if isinstance(said, bool):
        word = str(said).lower()
        return lambda value: value is said if isinstance(value, bool) else value == word
    text, number = str(said), as_number(said)

    def check(value: Any) -> bool:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return value == number
        return bool(value == text)

    return check


def _ordered(said: Any, is_right: Callable[[int], bool]) -> Check:
    if isinstance(said, str):
        return lambda value: isinstance(value, str) and is_right((value > said) - (value < said))
    limit = Decimal(said)

    def check(value: Any) -> bool:
        number = as_number(value)
        return number is not None and is_right((number > limit) - (number < limit))

    return check


def as_number(value: Any) -> Decimal | None:
    """A value as a number, if it is one."""
    if isinstance(value, bool):
        return None
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError, TypeError):
        return None
    return number if number.is_finite() else None


class FieldTerm(NamedTuple):
    """What one field must be. Its path begins at the body, or at an element of a list."""

    path: tuple[str, ...]
    check: Check
    is_absent: bool = False
    """It must not be there."""
    currency: str = ""
    """Of money: the only one that counts."""

    def holds(self, part: Any, said_currency: Any) -> bool:
        """Whether it holds for a body, or an element of a list of it."""
        values = list(values_at(part, self.path, self.currency, said_currency))
        return not values if self.is_absent else any(map(self.check, values))


def values_at(
    part: Any, path: Sequence[str], currency: str = "", said_currency: Any = ""
) -> Iterator[Any]:
    """The values at a path, through every element of lists; nothing for what is not given.

    With `currency` only money in it: as the object that holds the amount says, else as
    `said_currency`; without either it is in that of the realm.
    """
    if isinstance(part, list | tuple):
        for one in part:
            yield from values_at(one, path, currency, said_currency)
    elif not path:
        if part is not None and part != "":
            yield part
    elif isinstance(part, Mapping):
        said = part.get(CURRENCY) or said_currency
        if not currency or len(path) > 1 or not said or said == currency:
            yield from values_at(part.get(path[0]), path[1:], currency, said)


@dataclass(frozen=True, eq=False)
class Matcher:
    """Selects events of a type. Compared by identity: equal conditions share one."""

    event_type: str
    terms: tuple[FieldTerm, ...] = ()
    """About the body as a whole."""
    of_elements: tuple[tuple[tuple[str, ...], tuple[FieldTerm, ...]], ...] = ()
    """By the path of a list: what must hold for one of its elements."""
    channels: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()

    def matches(self, event: CustomerEvent) -> bool:
        """Whether it selects an event of the type."""
        if self.channels and event.channel not in self.channels:
            return False
        if self.stores and event.store not in self.stores:
            return False
        said = event.fields.get(CURRENCY)
        return all(term.holds(event.fields, said) for term in self.terms) and all(
            any(True for _ in self._elements(event, path)) for path, _ in self.of_elements
        )

    def numbers(self, event: CustomerEvent, field: EventField, currency: str) -> Iterator[Any]:
        """The values of a field in an event; of a list only in the elements that match."""
        money = currency if field.kind is FieldKind.MONEY else ""
        said = event.fields.get(CURRENCY)
        if not field.lists:
            yield from values_at(event.fields, field.path, money, said)
            return
        for element in self._elements(event, field.path[: field.lists]):
            yield from values_at(element, field.path[field.lists :], money, said)

    def _elements(self, event: CustomerEvent, path: tuple[str, ...]) -> Iterator[Any]:
        """The elements of a list for which its terms hold."""
        terms = next((terms for one, terms in self.of_elements if one == path), ())
        said = event.fields.get(CURRENCY)
        for element in values_at(event.fields, path):
            if all(term.holds(element, said) for term in terms):
                yield element


def aggregated(how: str, values: Sequence[Any]) -> Decimal | int | None:
    """The sum, mean, smallest or greatest of numbers, or how many different values there are.

    None where there is none of it.
    """
    if how == "distinct":
        return len(set(values))
    numbers: list[Decimal] = [Decimal(one) for one in values]
    if how == "sum":
        return sum(numbers, _ZERO)
    if not numbers:
        return None
    if how == "avg":
        return sum(numbers, _ZERO) / len(numbers)
    return min(numbers) if how == "min" else max(numbers)
