"""Dialogue: the worked example, hand-overs, intents, and contacts that the retailer begins."""

from __future__ import annotations

import pytest

from schemas.rules.insights import InsightRules
from services.measures.catalogue.dialogue import (
    Begun,
    Dialogues,
    HandOverWait,
    Intent,
    TalkedOn,
    compute,
)
from services.measures.core.result import Cell
from tests.unit.measures.contexts import CONTEXT

HOURS = InsightRules.model_validate({"service_hours": {"default": {"Mo-Fr": "9-18"}}})
TALKED = [TalkedOn(one, 190, 120, 20, 60, 6, 3, 58, 57) for one in ("", "chat")]
WAITS = [HandOverWait(60, is_over=True, conversations=36), HandOverWait(300, True, 24)]
ROWS = Dialogues(
    TALKED, WAITS, [Intent("return", 66, 67, 39, 65, 64)], [Begun(200, 198, 250, 10, 60)]
)


def cells(rules: InsightRules | None = None) -> dict[tuple[str, str], Cell]:
    """The breakdown."""
    context = CONTEXT._replace(rules=rules or InsightRules())
    return {(cell.by, cell.key): cell for cell in compute(ROWS, context).breakdown}


def test_whoever_comes_back_was_not_helped() -> None:
    """200 conversations, 60 handed over, 20 of the other 140 came back: 60 %, not 70 %."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value) == (190, 0.6)
    assert found.counts["open"] == 3
    assert cells()["channel", "chat"].value == 0.6


def test_hand_overs() -> None:
    """60 of 200; 36 customers wait for a minute, 24 for five; six say nothing more."""
    found = cells()
    assert found["figure", "handover_rate"].value == 0.3
    assert found["figure", "lost_at_handover"].value == 0.1
    assert found["figure", "lost_at_handover"].n == 58
    assert found["handover_wait", "median"].value == 60
    assert found["handover_wait", "median"].n == 57
    assert found["handover_wait", "nine_of_ten"].value == 300


def test_contacts_by_who_began_them() -> None:
    """Ten of 250 contacts were begun by the retailer, and a quarter of the others came when nobody
    was there; without service hours nobody can say."""
    assert cells()["figure", "proactive"].value == 0.04
    assert ("figure", "out_of_hours") not in cells()
    assert cells(HOURS)["figure", "out_of_hours"].value == 0.25


def test_intents() -> None:
    """The share of an intent, and of its conversations those that the bot ends."""
    assert cells()["intent", "return"].value == 1
    assert cells()["contained", "return"].value == pytest.approx(0.6)
    assert cells()["contained", "return"].n == 64


def test_no_bot() -> None:
    """Then there is nothing to say."""
    found = compute(Dialogues([], [], [], []), CONTEXT)
    assert (found.n, found.value) == (0, None)
