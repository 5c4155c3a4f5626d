"""What a change says: since when, why, whether it is late, and what it takes back."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.instants import from_ms
from schemas.rules.segment_conditions import HOUR_MS
from schemas.rules.segments import checked_segments
from services.profiles.core.consent import ConsentRecord
from services.segments.core.compiler import compiled
from services.segments.core.decision import Change, Look, SegmentStanding, TouchCause, decide
from services.segments.core.facts import CustomerEvent, CustomerFacts
from services.segments.core.plan import SegmentPlan
from tests.property.segments.histories import SCOPE, SETTING, at

BOUGHT = {"did": "order.placed", "within": "5h"}
QUIET = {"did_not": "page.viewed", "within": "3h"}
NEW = SegmentStanding()


def plan(*conditions: dict[str, Any], purpose: str = "service") -> SegmentPlan:
    """A segment of these conditions."""
    mine = {"title": "x", "purpose": purpose, "all": list(conditions)}
    return compiled(checked_segments({"segment": {"mine": mine}}, SCOPE), SETTING)["mine"]


def facts(*events: tuple[str, int], objected: int | None = None) -> CustomerFacts:
    """Events by type and hour."""
    said = (
        []
        if objected is None
        else [ConsentRecord("objection", "", "", 0, "", False, "c", from_ms(at(objected)))]
    )
    return CustomerFacts(
        "person",
        [CustomerEvent(name, at(hour), f"e-{hour}", "shop", "") for name, hour in events],
        consents=said,
    )


def look(
    hour: int, before: int | None = None, cause: TouchCause = TouchCause.EVENT, number: int = 1
) -> Look:
    """A tick."""
    return Look(at(hour), None if before is None else at(before), number, cause)


def change(
    found: CustomerFacts | None, mine: SegmentPlan, standing: SegmentStanding, when: Look
) -> Change:
    """The change that follows."""
    decided = decide(found, mine, standing, when).change
    assert decided is not None
    return decided


def test_who_enters_by_an_event() -> None:
    """`at` is the time of the event, though the tick finds it later."""
    found = change(facts(("order.placed", 10)), plan(BOUGHT), NEW, look(12, before=9))
    assert (found.change, found.reason, found.at_ms, found.late) == ("entered", "event", at(10), 0)
    assert (found.because, found.sequence, found.supersedes) == (("e-10",), 1, 0)


def test_who_leaves_by_time() -> None:
    """The last order plus the window, to the millisecond."""
    standing = SegmentStanding(True, at(12), 1, 1)
    mine = plan(BOUGHT)
    verdict = decide(facts(("order.placed", 10)), mine, standing, look(12, before=12))
    assert (verdict.change, verdict.flip_ms) == (None, at(15))
    found = change(facts(("order.placed", 10)), mine, standing, look(17, before=12))
    assert (found.change, found.reason, found.at_ms, found.late) == ("left", "time", at(15), False)


def test_who_enters_by_time() -> None:
    """What did not happen has them enter at the end of the window."""
    said = facts(("order.placed", 9), ("page.viewed", 10))
    found = change(said, plan(BOUGHT, QUIET), NEW, look(13, before=12))
    assert (found.change, found.reason, found.at_ms) == ("entered", "time", at(13))


def test_a_late_event_has_somebody_enter_in_the_past() -> None:
    """They were in it at the tick before, by what is known now."""
    found = change(facts(("order.placed", 10)), plan(BOUGHT), NEW, look(12, before=12))
    assert (found.change, found.reason, found.at_ms, found.late) == ("entered", "event", at(10), 1)


def test_who_should_not_have_left_enters_and_takes_that_back() -> None:
    """They left at 15 o'clock; an order of 13 o'clock comes late."""
    said = facts(("order.placed", 10), ("order.placed", 13))
    found = change(said, plan(BOUGHT), SegmentStanding(False, at(16), 1, 2), look(17, before=16))
    assert (found.change, found.late, found.supersedes, found.sequence) == ("entered", True, 2, 3)


def test_who_should_never_have_entered_is_retracted() -> None:
    """The order that had them enter was corrected away."""
    standing = SegmentStanding(True, at(12), 1, 1)
    found = change(facts(("page.viewed", 10)), plan(BOUGHT), standing, look(13, before=12))
    assert (found.change, found.reason, found.late) == ("retracted", "event", True)
    assert (found.supersedes, found.sequence) == (1, 2)


def test_who_objects_leaves_without_more() -> None:
    """No event is named."""
    standing = SegmentStanding(True, at(12), 1, 1)
    said = facts(("order.placed", 10), objected=11)
    mine = plan(BOUGHT, purpose="marketing")
    found = change(said, mine, standing, look(13, before=12))
    assert (found.change, found.reason, found.because) == ("left", "objection", ())


@pytest.mark.parametrize(
    ("standing", "cause", "reason"),
    [
        (NEW, TouchCause.DEFINITION, "definition"),
        (
            SegmentStanding(False, at(9), 1, 2),
            TouchCause.EVENT,
            "definition",
        ),  # the number is another one
        (SegmentStanding(False, at(9), 2, 2), TouchCause.IDENTITY, "identity"),
    ],
)
def test_who_enters_without_an_event(
    standing: SegmentStanding, cause: TouchCause, reason: str
) -> None:
    """Since the tick: nothing happened before."""
    said, mine = facts(("order.placed", 10)), plan(BOUGHT)
    found = change(said, mine, standing, look(12, before=12, cause=cause, number=2))
    assert (found.reason, found.at_ms, found.late) == (reason, at(12), False)


def test_of_whom_nothing_is_known_any_more() -> None:
    """A member leaves; nobody else changes, and there is nothing to wait for."""
    mine = plan(BOUGHT)
    assert change(None, mine, SegmentStanding(True, at(9), 1, 1), look(12)).change == "left"
    assert decide(None, mine, NEW, look(12)) == (None, False, None)
    assert at(1) - at(0) == HOUR_MS
