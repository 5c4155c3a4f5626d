"""Kano: the evaluation table cell by cell, the worked examples, and when there is no category."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from services.measures.catalogue.kano import (
    CATEGORIES,
    CHOICES,
    Feature,
    PairGroup,
    Pairs,
    Respondents,
    category_of,
    compute,
)
from services.measures.core.measure import Figures
from services.measures.core.result import Cell, Flag
from tests.unit.measures.contexts import CONTEXT

PAIR_OF = {
    "A": ("like", "neutral"),
    "O": ("like", "dislike"),
    "M": ("expect", "dislike"),
    "I": ("neutral", "neutral"),
    "R": ("dislike", "like"),
    "Q": ("like", "like"),
}


def groups(feature: str, counts: Mapping[str, int], wave: str = "1") -> list[PairGroup]:
    """Pairs by the letter of their category."""
    return [PairGroup("s", wave, feature, *PAIR_OF[one], n) for one, n in counts.items() if n]


def kano(*rows: PairGroup) -> Figures:
    """The measure of these pairs."""
    return compute(Pairs(rows, [Respondents(sum(one.pairs for one in rows))]), CONTEXT)


def cell(found: Figures, by: str) -> Cell:
    """The only cell of a dimension."""
    [one] = [cell for cell in found.breakdown if cell.by == by]
    return one


@pytest.mark.parametrize(
    ("functional", "letters"),
    [("like", "QAAAO"), ("expect", "RIIIM"), ("neutral", "RIIIM"), ("tolerate", "RIIIM"),
     ("dislike", "RRRRQ")],
)  # fmt: skip
def test_the_table(functional: str, letters: str) -> None:
    """As the domain has it."""
    names = dict(zip("MOAIRQ", CATEGORIES, strict=True))
    found = [category_of(functional, one) for one in CHOICES]
    assert found == [names[letter] for letter in letters]


@pytest.mark.parametrize(
    ("counts", "better", "worse", "category", "strengths"),
    [
        ({"A": 38, "O": 25, "M": 7, "I": 28, "R": 1, "Q": 1}, 0.643, -0.327, "attractive",
         (0.70, 0.10)),
        ({"A": 12, "O": 34, "M": 30, "I": 22, "R": 1, "Q": 1}, 0.469, -0.653, "must_be",
         (0.76, 0.04)),
    ],
)  # fmt: skip
def test_worked_examples(
    counts: dict[str, int],
    better: float,
    worse: float,
    category: str,
    strengths: tuple[float, float],
) -> None:
    """Neither lead is significant: 10 is below 10.97, and 4 below 10.88."""
    found = kano(*groups("f", counts))
    assert round(cell(found, "better").value or 0, 3) == better
    assert round(cell(found, "worse").value or 0, 3) == worse
    judged = cell(found, "category")
    assert (judged.key, judged.flags) == (f"s 1 f: {category}", [Flag.NOT_SIGNIFICANT])
    assert (cell(found, "total_strength").value, judged.value) == strengths
    assert (found.value, found.counts) == (1, {"features": 1, "pairs": 100, "invalid": 0})


def test_a_clear_lead_is_significant() -> None:
    """66 in two categories, 11 apart: as far as chance would bring them in one of ten features."""
    counts = {"A": 39, "I": 27, "O": 34}
    assert cell(kano(*groups("f", counts)), "category").key == "s 1 f: performance"
    found = cell(kano(*groups("f", {"A": 60, "I": 30, "O": 10})), "category")
    assert (found.key, found.flags) == ("s 1 f: attractive", [])


def test_few_pairs_have_no_category() -> None:
    """From twenty on they have one; coefficients are flagged below."""
    found = kano(*groups("f", {"M": 19}))
    assert [one.by for one in found.breakdown if one.by == "category"] == []
    assert cell(found, "worse").flags == [Flag.SMALL_SAMPLE]
    assert (found.value, cell(found, "worse").value) == (0, -1)
    assert kano(*groups("f", {"M": 20})).value == 1


def test_contradictions_are_flagged() -> None:
    """More than one of ten."""
    assert cell(kano(*groups("f", {"O": 27, "Q": 3})), "better").flags == []
    assert cell(kano(*groups("f", {"O": 26, "Q": 4})), "better").flags == [Flag.QUESTIONABLE]


def test_nothing_but_rejection_has_no_coefficients() -> None:
    """The denominator would be nothing; rejection of the feature itself is one row of the table."""
    rejected = PairGroup("s", "1", "f", "dislike", "like", 20)
    found = kano(rejected, rejected._replace(functional="expect", pairs=5))
    assert cell(found, "better").value is None
    assert (cell(found, "reverse").value, cell(found, "reverse_strict").value) == (1, 0.8)


def test_half_a_pair_is_invalid() -> None:
    """It is counted, and judged nowhere."""
    half = PairGroup("s", "1", "f", "like", "", 3)
    found = kano(*groups("f", {"O": 20}), half)
    assert found.counts == {"features": 1, "pairs": 20, "invalid": 3}
    assert kano(half).counts == {"features": 0, "pairs": 0, "invalid": 3}


def test_basic_features_that_disappoint_come_first() -> None:
    """Then by name; waves are apart."""
    rows = [*groups("a", {"O": 30}), *groups("z", {"M": 30}), *groups("a", {"A": 30}, wave="2")]
    keys = [one.key for one in kano(*rows).breakdown if one.by == "better"]
    assert keys == ["s 1 z", "s 1 a", "s 2 a"]


def test_ties_take_the_more_serious() -> None:
    """Basic before performance before excitement before indifference."""
    counts = dict.fromkeys(CATEGORIES, 0) | {"indifferent": 10, "performance": 10}
    assert Feature("f", counts, 0, 0).category == "performance"
