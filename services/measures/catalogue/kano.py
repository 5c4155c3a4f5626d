"""Kano: what a feature is to customers, from two answers: if it is there, and if it is not.

Every survey and wave has figures of its own: what delights today is expected tomorrow. Half a pair
is no answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from services.measures.core.answers import instrument
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import SHARE, Cell, Flag

ATTRACTIVE, PERFORMANCE, MUST_BE = "attractive", "performance", "must_be"
INDIFFERENT, REVERSE, QUESTIONABLE = "indifferent", "reverse", "questionable"
CATEGORIES = (MUST_BE, PERFORMANCE, ATTRACTIVE, INDIFFERENT, REVERSE, QUESTIONABLE)
"""In the order in which the earlier one of two is taken that cannot be told apart."""
CHOICES = ("like", "expect", "neutral", "tolerate", "dislike")
LETTERS = dict(zip("MOAIRQ", CATEGORIES, strict=True))
TABLE = {
    "like": "QAAAO",
    "expect": "RIIIM",
    "neutral": "RIIIM",
    "tolerate": "RIIIM",
    "dislike": "RRRRQ",
}
"""By the answer to the functional question, a letter for each answer to the dysfunctional one."""
PAIRS_MIN = 20
"""With fewer pairs a feature has coefficients and no category."""
FONG = 1.65
QUESTIONABLE_MAX = 0.1
URGENT = -0.5
"""A basic feature that disappoints so much comes first."""


class PairGroup(NamedTuple):
    """Equal pairs of answers to one feature."""

    survey: str
    wave: str
    feature: str
    functional: str
    """Empty if it is missing."""
    dysfunctional: str
    """Empty if it is missing."""
    pairs: int


class Respondents(NamedTuple):
    """Whoever gave a whole pair."""

    respondents: int


class Pairs(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[PairGroup]
    everybody: Sequence[Respondents]


class Feature(NamedTuple):
    """How a feature was judged."""

    key: str
    counts: Mapping[str, int]
    """By category."""
    invalid: int
    """Half pairs."""
    reverse_strict: int
    """Pairs that reject the feature itself."""

    @property
    def n(self) -> int:
        """Pairs."""
        return sum(self.counts.values())

    @property
    def better(self) -> float | None:
        """How much it satisfies where it is there."""
        return self._coefficient(ATTRACTIVE, PERFORMANCE)

    @property
    def worse(self) -> float | None:
        """How much it dissatisfies where it is not, below zero."""
        found = self._coefficient(PERFORMANCE, MUST_BE)
        return None if found is None else -found

    def _coefficient(self, *categories: str) -> float | None:
        base = sum(self.counts[one] for one in (ATTRACTIVE, PERFORMANCE, MUST_BE, INDIFFERENT))
        return sum(self.counts[one] for one in categories) / base if base else None

    @property
    def two_most(self) -> tuple[str, str]:
        """The two most frequent categories, without the questionable."""
        first, second, *_ = sorted(CATEGORIES[:-1], key=lambda one: -self.counts[one])
        return first, second

    @property
    def is_significant(self) -> bool:
        """Whether the two most frequent categories can be told apart (Fong 1996)."""
        a, b = (self.counts[one] for one in self.two_most)
        return a - b >= FONG * sqrt((a + b) * (2 * self.n - a - b) / (2 * self.n))

    @property
    def category(self) -> str:
        """The most frequent one; of two that cannot be told apart, the earlier of CATEGORIES."""
        first, second = self.two_most
        return first if self.is_significant else min(first, second, key=CATEGORIES.index)

    @property
    def category_strength(self) -> float:
        """By how much the most frequent category is ahead of the next."""
        first, second = self.two_most
        return (self.counts[first] - self.counts[second]) / self.n

    @property
    def total_strength(self) -> float:
        """The share of those to whom it matters."""
        return sum(self.counts[one] for one in (ATTRACTIVE, PERFORMANCE, MUST_BE)) / self.n


def category_of(functional: str, dysfunctional: str) -> str:
    """What a feature is to somebody who answers so."""
    return LETTERS[TABLE[functional][CHOICES.index(dysfunctional)]]


def compute(rows: Pairs, context: MeasureContext) -> Figures:
    """See the module. The value is the number of features that have a category."""
    features = sorted(_features(rows.groups), key=_urgency)
    judged = [one for one in features if one.n]
    counts = {
        "features": len(judged),
        "pairs": sum(one.n for one in features),
        "invalid": sum(one.invalid for one in features),
    }
    categorised = [one for one in judged if one.n >= PAIRS_MIN]
    cells = [cell for one in judged for cell in _cells(one)]
    cells += [_category(one) for one in categorised]
    n = sum(one.respondents for one in rows.everybody)
    return Figures(n, len(categorised), "", None, counts, cells)


def _features(groups: Sequence[PairGroup]) -> Iterator[Feature]:
    found: defaultdict[tuple[str, str, str], list[PairGroup]] = defaultdict(list)
    for one in groups:
        found[one.survey, one.wave, one.feature].append(one)
    for names, some in found.items():
        counts, invalid, strict = Counter(dict.fromkeys(CATEGORIES, 0)), 0, 0
        for one in some:
            if not (one.functional and one.dysfunctional):
                invalid += one.pairs
                continue
            category = category_of(one.functional, one.dysfunctional)
            counts[category] += one.pairs
            strict += one.pairs if one.functional == "dislike" and category == REVERSE else 0
        yield Feature(" ".join(name for name in names if name), counts, invalid, strict)


def _urgency(feature: Feature) -> tuple[bool, str]:
    """Basic features that disappoint come first, and others by their names."""
    worse = feature.worse
    is_urgent = (
        feature.n >= PAIRS_MIN
        and feature.category == MUST_BE
        and worse is not None
        and worse <= URGENT
    )
    return not is_urgent, feature.key


def _cells(feature: Feature) -> Iterator[Cell]:
    flags = [Flag.SMALL_SAMPLE] if feature.n < PAIRS_MIN else []
    if feature.counts[QUESTIONABLE] > QUESTIONABLE_MAX * feature.n:
        flags.append(Flag.QUESTIONABLE)
    figures = [
        ("better", feature.better, ""),
        ("worse", feature.worse, ""),
        ("total_strength", feature.total_strength, SHARE),
        ("reverse_strict", feature.reverse_strict / feature.n, SHARE),
        *((one, feature.counts[one] / feature.n, SHARE) for one in CATEGORIES),
    ]
    for by, value, unit in figures:
        yield Cell(by=by, key=feature.key, n=feature.n, value=value, unit=unit, flags=flags)


def _category(feature: Feature) -> Cell:
    """The category is a part of the key; the value says how far it is ahead."""
    return Cell(
        by="category",
        key=f"{feature.key}: {feature.category}",
        n=feature.n,
        value=feature.category_strength,
        unit=SHARE,
        flags=[] if feature.is_significant else [Flag.NOT_SIGNIFICANT],
    )


MEASURE = Measure(
    "kano",
    1,
    "What features are to customers: basic, performance, excitement, indifferent",
    RESPONDENTS,
    Pairs,
    compute,
    instrument("kano"),
)
