"""Faults: what many incidents have in common, as an id that each of them bears.

A fault is nothing that is stored: its id is a hash of what its incidents share, and every incident
computes it for itself. A price list that the tills missed is one fault with a thousand incidents.
What an incident shares was decided when it opened, so it stays in its fault while it lasts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from schemas.claim import Book, Claim, PriceClaim
from schemas.incident import Details
from services.consistency.core.expectation import Comparison, Judgement, Move

FAULT_DIGITS = 16


def fault_id(book: Book, channel: str, *shared: str) -> str:
    """The fault of all incidents of this realm, kind and channel that share these values, whatever
    their subject."""
    key = orjson.dumps([book.realm, book.kind, channel, *shared])
    return hashlib.sha256(key).hexdigest()[:FAULT_DIGITS]


def subject_fault_id(book: Book, channel: str, *shared: str) -> str:
    """The fault of those that are about this subject, too."""
    return fault_id(book, channel, book.subject.key, *shared)


def hour_of(at: datetime) -> str:
    """The hour of UTC in which something began: what one run did takes no longer, mostly."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H")


def compared_fault_id(
    book: Book, channel: str, comparison: Comparison, verdict: Judgement, details: Details
) -> str:
    """The fault of a deviation that opened with this verdict, and these details.

    All products and places that missed the same change share it. Anything else is the fault of
    those places where one subject has the same two values.
    """
    if verdict.moved is not None and verdict.cause in comparison.missed_changes:
        change = _change(comparison, verdict.moved, verdict.expected.value)
        return fault_id(book, channel, verdict.cause, *change)
    return subject_fault_id(book, channel, *_values(details.model_dump()))


def _change(comparison: Comparison, move: Move, value: Any) -> tuple[str, ...]:
    """What identifies a change: the edition of the price list that made it, else its hour."""
    lists = sorted(
        (claim.price_list_id, claim.price_list_edition)
        for claim in move.by
        if isinstance(claim, PriceClaim)
        and claim.price_list_id
        and comparison.value(claim) == value
        and begin_of(claim) == move.at
    )
    if not lists:
        return ("", "", hour_of(move.at))
    name, edition = lists[0]
    return (name, edition, "" if edition else hour_of(move.at))


def begin_of(claim: Claim) -> datetime:
    """From when on what was published holds: never before it was said."""
    return max(claim.valid_from or claim.occurred_at, claim.occurred_at)


def _values(plain: Mapping[str, Any]) -> Iterator[str]:
    """Values as text by name, in one order; an amount of 0.5 is the same as one of 0.50."""
    for name, value in sorted(plain.items()):
        yield name
        if isinstance(value, Mapping):
            yield from _values(value)
        else:
            yield f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
