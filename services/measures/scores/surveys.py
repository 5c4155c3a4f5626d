"""The latest answers of a customer to surveys: recommendation, satisfaction, expectation, loyalty.

By the definitions of the measures: an answer counts if it is on the scale of its instrument, and
the loyalty index needs all three answers of a wave. Only what was answered in the year before
counts; answers of nobody in particular are nobody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.api.insights import InsightScore, ScoreAbsence
from services.measures.catalogue.ces import MEASURE as CES
from services.measures.catalogue.cli import MEASURE as CLI
from services.measures.catalogue.csat import MEASURE as CSAT
from services.measures.catalogue.disconfirmation import MEASURE as DISCONFIRMATION
from services.measures.catalogue.nps import MEASURE as NPS
from services.measures.catalogue.stars import MEASURE as STARS
from services.measures.core.person import (
    GivenAnswer,
    PersonContext,
    PersonFacts,
    PersonScore,
    absent,
    reason,
)
from services.measures.core.result import POINTS

RECOMMEND = "recommend"
PROMOTERS_FROM, PASSIVES_FROM = 9, 7
PARTS = frozenset({RECOMMEND, "buy_again", "try_other"})
"""Questions of the loyalty index."""
FROM_ZERO = NPS.name
"""The instrument whose scale begins with 0."""
HIGHEST = {NPS.name: 10, CES.name: 7}
HIGHEST_ELSEWHERE = 5
NOBODY_ASKED = "no answer in a year"


class Scaled(NamedTuple):
    """A score that is on its scale."""

    answer: GivenAnswer
    score: Decimal
    lowest: Decimal
    highest: Decimal

    @property
    def words(self) -> str:
        """The score and its scale."""
        return f"{self.score.normalize():f} on a scale from {self.lowest:f} to {self.highest:f}"


def compute(facts: PersonFacts, _context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    answers = sorted(facts.answers, key=lambda one: (one.at, one.event_id, one.question))
    scaled = [one for one in map(scaled_of, answers) if one is not None]
    yield _recommendation(scaled)
    for measure in (CSAT, STARS, CES):
        whole = [one for one in _of(scaled, measure.name) if one.score % 1 == 0]
        yield _latest(measure.name, measure.definition, whole)
    yield _disconfirmation(_of(scaled, CSAT.name))
    yield _loyalty(_of(scaled, CLI.name))


def scaled_of(answer: GivenAnswer) -> Scaled | None:
    """The score of an answer with its scale; None if it has none, or is off it."""
    from_zero = answer.kind == FROM_ZERO
    lowest = answer.lowest if answer.lowest is not None else Decimal(0 if from_zero else 1)
    usual = Decimal(HIGHEST.get(answer.kind, HIGHEST_ELSEWHERE))
    highest = answer.highest if answer.highest is not None else usual
    if answer.score is None or not lowest <= answer.score <= highest:
        return None
    return Scaled(answer, answer.score, lowest.normalize(), highest.normalize())


def _of(scaled: Sequence[Scaled], kind: str) -> list[Scaled]:
    return [one for one in scaled if one.answer.kind == kind]


def _recommendation(scaled: Sequence[Scaled]) -> InsightScore:
    """Whether the customer would recommend the retailer."""
    valid = [
        one
        for one in _of(scaled, NPS.name)
        if one.answer.question == RECOMMEND and one.score % 1 == 0
        if one.lowest in (0, 1) and one.highest == HIGHEST[NPS.name]
    ]
    found = _latest(NPS.name, NPS.definition, valid)
    return found.model_copy(update={"word": class_of(valid[-1].score) if valid else None})


def class_of(score: Decimal) -> str:
    """promoter, passive or detractor."""
    if score >= PROMOTERS_FROM:
        return "promoter"
    return "passive" if score >= PASSIVES_FROM else "detractor"


def _latest(name: str, definition: str, valid: Sequence[Scaled]) -> InsightScore:
    """The latest of some answers, in their order."""
    if not valid:
        return absent(name, definition, ScoreAbsence.TOO_LITTLE, NOBODY_ASKED)
    last = valid[-1]
    what = f"the latest answer to {last.answer.question!r} was {last.words}"
    return _answered(name, definition, float(last.score), what, [last.answer])


def _answered(
    name: str, definition: str, value: float, what: str, answers: Sequence[GivenAnswer]
) -> InsightScore:
    return InsightScore(
        score=name,
        definition=definition,
        value=value,
        unit=POINTS,
        since=max(one.at for one in answers),
        reasons=[reason(what, answers)],
    )


def _disconfirmation(scaled: Sequence[Scaled]) -> InsightScore:
    """What the customer got beside what was expected."""
    name, definition = DISCONFIRMATION.name, DISCONFIRMATION.definition
    pairs = [
        (one, expected)
        for one in scaled
        if (expected := one.answer.expected) is not None and one.lowest <= expected <= one.highest
    ]
    if not pairs:
        return absent(name, definition, ScoreAbsence.TOO_LITTLE, NOBODY_ASKED)
    last, expected = pairs[-1]
    difference = last.score - expected
    what = (
        f"{expected.normalize():f} was expected of {last.answer.question!r}, "
        f"the answer was {last.words}"
    )
    found = _answered(name, definition, float(difference), what, [last.answer])
    word = "confirmed" if difference == 0 else "positive" if difference > 0 else "negative"
    return found.model_copy(update={"word": word})


def _loyalty(scaled: Sequence[Scaled]) -> InsightScore:
    """The loyalty index of the latest wave with all three answers."""
    waves: defaultdict[tuple[str, str], dict[str, Scaled]] = defaultdict(dict)
    for one in scaled:
        if one.answer.question in PARTS and one.highest > one.lowest:
            waves[one.answer.survey, one.answer.wave][one.answer.question] = one
    whole = [parts for parts in waves.values() if len(parts) == len(PARTS)]
    if not whole:
        what = "no wave in a year with answers to all three questions"
        return absent(CLI.name, CLI.definition, ScoreAbsence.TOO_LITTLE, what)
    last = max(whole, key=lambda parts: max(one.answer.at for one in parts.values()))
    parts = {name: part_of(one) for name, one in sorted(last.items())}
    said = ", ".join(f"{name} {part:.0f}" for name, part in parts.items())
    answers = [one.answer for one in last.values()]
    what = f"the mean of three answers, each from 0 to 100: {said}"
    return _answered(CLI.name, CLI.definition, sum(parts.values()) / len(parts), what, answers)


def part_of(one: Scaled) -> float:
    """A score on a scale from 0 to 100."""
    return float(100 * (one.score - one.lowest) / (one.highest - one.lowest))


SCORE = PersonScore(NPS.definition, compute)
