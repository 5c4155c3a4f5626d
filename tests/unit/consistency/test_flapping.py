"""Flap control: what opens again and again stays open until it has been quiet for a window."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident, IncidentState
from schemas.offer import Basis

from .market import BOOK, book_at, claim, hour, price_book, rules

GRACE_H, WINDOW_H, OPENINGS = 1, 24, 3
ERP = rules(
    reference_channels=["erp"],
    grace_start_hours={"default": GRACE_H, "app": GRACE_H},
    grace_end_hours={"default": GRACE_H, "app": GRACE_H},
    published_max_age_days=400,
)
RIGHT, WRONG = "10", "10.90"


class Told(NamedTuple):
    """An incident as far as flap control concerns it; hours."""

    since: float
    state: str
    until: float | None
    resolved_at: float | None
    flapping_since: float | None


def app(*at: float) -> list[PriceClaim]:
    """The app's price, wrong and right in turn; it begins with the right one at 0."""
    prices = [claim("erp", RIGHT, 0), claim("app", RIGHT, 0)]
    values = (WRONG, RIGHT)
    return prices + [
        claim("app", values[number % 2], each, event_id=f"app-{each:g}")
        for number, each in enumerate(at)
    ]


def hours(at: datetime | None) -> float | None:
    """Hours of the test's market."""
    return None if at is None else (at - hour(0)) / timedelta(hours=1)


def seen(incidents: Sequence[AnyIncident]) -> list[Told]:
    """What they say, the earliest first."""
    found = [
        Told(
            hours(one.since) or 0.0, str(one.state), hours(one.until), hours(one.resolved_at),
            hours(one.flapping_since),
        )
        for one in incidents
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.since)


def expected(at: Sequence[float], now: float) -> list[Told]:
    """The same by a walk through the stretches in which the app is wrong: a second implementation.

    A stretch opens if it outlasts the grace. One that does not only disturbs the quiet.
    """
    stretches = [
        (begin, end) for begin, end in zip(at[::2], [*at[1::2], None], strict=False) if begin <= now
    ]
    found: list[dict[str, Any]] = []
    for begin, end in stretches:
        ended = end if end is not None and end <= now else None
        last = found[-1] if found else None
        goes_on = last is not None and begin - last["end"] <= WINDOW_H
        is_held = last is not None and last["flapping"] is not None and begin < last["quiet"]
        opened = begin + GRACE_H
        opens = opened <= now and (ended is None or ended > opened)
        if not opens:
            if ended is None and is_held and last:
                last["quiet"] = float("inf")
            elif ended is None and not (goes_on or is_held):
                found.append({"since": begin, "pending": True, "end": None, "flapping": None})
            elif is_held and last and ended is not None:
                last["quiet"] = ended + WINDOW_H
            continue
        if last is None or not (goes_on or is_held):
            last = {"since": begin, "openings": [], "flapping": None}
            found.append(last)
        last["openings"].append(opened)
        recent = last["openings"][-OPENINGS:]
        if len(recent) == OPENINGS and recent[-1] - recent[0] <= WINDOW_H:
            last["flapping"] = last["flapping"] or opened
        last["end"], last["quiet"] = ended, None
        if ended is not None:
            last["quiet"] = ended + WINDOW_H if last["flapping"] is not None else ended
    told = []
    for one in found:
        if one.get("pending"):
            told.append(Told(one["since"], "pending", None, None, None))
            continue
        is_over = one["end"] is not None and one["quiet"] <= now
        state, resolved_at = ("resolved", one["quiet"]) if is_over else ("open", None)
        told.append(Told(one["since"], state, one["end"], resolved_at, one["flapping"]))
    return told


def random_history(draw: random.Random) -> list[float]:
    """Times at which the app changes its price: often soon, at times within the grace, or late."""
    at, times = 20.0, []
    for _ in range(draw.randrange(2, 24)):
        at += draw.choice((0.5, 0.75, 2, 2, 3, 3, 5, 9, 20, 22.5, 26))
        times.append(at)
    return times


def test_random_histories_in_any_order() -> None:
    """100 histories, each at several times, in any order, against the second implementation."""
    draw, flapping, held = random.Random(119), 0, 0
    for _ in range(100):
        at = random_history(draw)
        claims = app(*at)
        for now in sorted(draw.uniform(at[0], at[-1] + 30) for _ in range(4)):
            known = [one for one in claims if one.occurred_at <= hour(now)]
            draw.shuffle(known)
            told = seen(list(book_at(known, now, ERP).values()))
            assert told == expected([each for each in at if each <= now], now), (at, now)
            flapping += any(one.flapping_since is not None for one in told)
            held += any(one.state == "open" and one.until is not None for one in told)
    assert flapping > 50
    assert held > 20


def test_going_on_is_as_from_the_beginning() -> None:
    """A book that is fed in time and judged whenever it is due says the same, under one id."""
    draw = random.Random(1190)
    for _ in range(30):
        at = random_history(draw)
        book, now = price_book(BOOK, ERP), hour(0)
        for one in app(*at):
            while (due := book.next_due) is not None and due < one.occurred_at:
                assert due > now
                now = due
                book.advance(due)
                book.incidents()
            now = one.occurred_at
            book.add([one])
            book.advance(now)
            book.incidents()
        while (due := book.next_due) is not None and due < hour(at[-1] + 60):
            now = due
            book.advance(due)
            assert book.incidents() == book_at(app(*at), hours(now) or 0.0, ERP)


@pytest.mark.parametrize(
    ("third", "flapping"),
    [
        (55.9, True),  # within a day of the first
        (56.0, True),  # exactly a day later
        (56.1, False),  # later
    ],
)
def test_the_window_counts_openings(third: float, flapping: bool) -> None:
    """From the first to the third opening, each of which is a grace after its begin."""
    [told] = seen(list(book_at(app(32, 34, 44, 46, third, 58), 59, ERP).values()))
    assert (told.flapping_since is not None) is flapping
    assert told.state == ("open" if flapping else "resolved")


def test_a_late_claim_that_disproves_an_opening() -> None:
    """Only two openings are left: it was never flapping, and resolved when the price was right."""
    claims = app(32, 34, 36, 38, 40, 42)
    late = claim("app", RIGHT, 36.5, event_id="late")
    [told] = seen(list(book_at(claims, 43, ERP).values()))
    assert (told.state, told.until, told.flapping_since) == ("open", 42, 41)
    book = price_book(BOOK, ERP)
    book.add(claims)
    book.advance(hour(43))
    [before] = book.incidents().values()
    book.add([late])
    [after] = book.incidents().values()
    assert before.incident_id == after.incident_id
    assert seen([after]) == [Told(32, "resolved", 42, 42, None)]


def test_what_was_observed_flaps_as_well() -> None:
    """An app that publishes nothing, and shows the wrong price in turn."""
    claims = [claim("erp", RIGHT, 0)]
    for number, at in enumerate((30, 31, 32, 33, 34, 35)):
        price = (WRONG, RIGHT)[number % 2]
        claims.append(claim("app", price, at, basis=Basis.DISPLAYED, event_id=f"seen-{at}"))
    for now, state in ((33, IncidentState.RESOLVED), (36, IncidentState.OPEN)):
        known = [one for one in claims if one.occurred_at <= hour(now)]
        [one] = book_at(known, now, ERP).values()
        assert one.state is state
    [over] = book_at(claims, 59, ERP).values()
    assert (over.state, hours(over.until), hours(over.resolved_at)) == ("resolved", 35, 59)
