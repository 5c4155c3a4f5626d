"""Response: what is in time, late, unanswered and open, and how long customers wait."""

from __future__ import annotations

from schemas.rules.insights import InsightRules
from services.measures.catalogue.response import (
    AnsweredOn,
    Responses,
    WaitedOn,
    compute,
    promises,
)
from services.measures.core.result import Cell
from tests.unit.measures.contexts import CONTEXT

HOUR = 3600


def cells(rows: Responses, **rules: object) -> dict[tuple[str, str], Cell]:
    """The breakdown, with some rules."""
    context = CONTEXT._replace(rules=InsightRules.model_validate(rules))
    return {(cell.by, cell.key): cell for cell in compute(rows, context).breakdown}


def rows_of(*waits: WaitedOn) -> Responses:
    """24 in time, 14 late, two unanswered; one is open, and of one nobody knows."""
    return Responses(
        [AnsweredOn(one, 40, 24, 14, 2, 1, 1, 38, 0, 37) for one in ("", "email")], waits
    )


def test_what_is_judged() -> None:
    """What may still be answered in time is not judged, nor is what nobody knows."""
    found = compute(rows_of(), CONTEXT)
    assert (found.n, found.value) == (40, 24 / 40)
    assert found.counts == {
        "persons": 40, "in_time": 24, "late": 14, "unanswered": 2, "open": 1, "unknown": 1,
    }  # fmt: skip
    assert cells(rows_of())["channel", "email"].value == 24 / 40


def test_waits_of_those_who_still_wait() -> None:
    """Two of five still wait for longer than the others did, so nine of ten have no time."""
    found = cells(
        rows_of(
            WaitedOn("email", "answer", HOUR, is_over=True, questions=3),
            WaitedOn("email", "answer", 9 * HOUR, is_over=False, questions=2),
            WaitedOn("email", "person", 2 * HOUR, is_over=True, questions=3),
        )
    )
    assert found["wait", "answer_median"].value == HOUR
    assert found["wait", "answer_nine_of_ten"].value is None
    assert found["wait", "person_nine_of_ten"].value == 2 * HOUR
    assert found["wait", "person_median"].n == 37
    assert found["wait", "answer_median"].n == found["wait_median", "email"].n == 38
    assert found["wait_median", "email"].value == HOUR
    assert ("wait", "bot_median") not in found


def test_the_service_clock_needs_hours() -> None:
    """Without hours of any team both clocks show the same, so one is shown."""
    waits = rows_of(WaitedOn("email", "service", HOUR, is_over=True, questions=9))
    assert ("wait", "service_median") not in cells(waits)
    assert ("wait", "service_median") in cells(waits, service_hours={"desk": {"Mo-Fr": "9-18"}})


def test_promises_of_the_packaged_rules() -> None:
    """A minute on chat and on the telephone, a quarter of an hour on messengers, else a day; a bot
    may answer chats and messages only."""
    given = promises(CONTEXT)
    said = dict(zip(given["promise_channels"], given["promise_s"], strict=True))
    assert said == {"chat": 60, "phone": 60, "messenger": 900, "default": 86_400}
    assert given["default_promise_s"] == 86_400
    assert given["bot_channels"] == ["chat", "messenger"]
    assert not given["bots_elsewhere"]


def test_nobody_asked() -> None:
    """Without questions the share is undefined."""
    found = compute(Responses([], []), CONTEXT)
    assert (found.n, found.value, found.breakdown) == (0, None, [])
