"""The score of a lead: how well a person fits, and what the person does, from 0 to 100.

Fit is what the person is: attributes, a role in a firm, categories of interest; at most 40 points.
Behaviour is what the person did, each deed counting half for every 30 days of age; at most 60. Some
deeds cost points. Every point is explained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from schemas.rules.insights import LeadRules
from services.measures.core.deeds import Deed, Ground, ids_of

FIT_MAX, BEHAVIOUR_MAX = 40, 60
MANIFOLD = ("role", "category")
MILLION = 1_000_000
"""Points of a deed are rounded to millionths, so that their sum is the same in any order."""


class Grade(StrEnum):
    """A from 70 points, B from 40, else C."""

    A = "A"
    B = "B"
    C = "C"


GRADE_FROM = {Grade.A: 70, Grade.B: 40}


class LeadFacts(NamedTuple):
    """What is known of a person without an order, in any order."""

    traits: Sequence[Deed] = ()
    """Facts as the rules name them: `attribute=value`, `role=decider`, `category=lamps`. An
    attribute that was taken back has no value, as `country=`."""
    deeds: Sequence[Deed] = ()
    """The type of the event as `what`."""
    email_domains: Sequence[str] = ()
    """Of the addresses that identify the person, and of the latest one that an event told."""


class LeadScore(NamedTuple):
    """The score with its reasons."""

    points: float
    fit: float
    behaviour: float
    grade: Grade
    grounds: Sequence[Ground]
    """Highest first."""


def lead_score(facts: LeadFacts, as_of: datetime, rules: LeadRules) -> LeadScore:
    """Of one person at an instant."""
    fitting = _fitting(facts.traits, as_of, rules.fit)
    acting = _acting(facts.deeds, as_of, rules)
    fit = min(float(FIT_MAX), sum(one.points for one in fitting))
    gained = min(BEHAVIOUR_MAX, sum(one.points for one in acting if one.points > 0))
    lost = [one for one in acting if one.points < 0]
    if any(one.lower() in rules.competitors for one in facts.email_domains):
        lost.append(Ground(-rules.competitor_points, "of a competitor", ()))
    points = max(0.0, fit + gained + sum(one.points for one in lost))
    grounds = sorted(
        [*fitting, *(one for one in acting if one.points > 0), *lost],
        key=lambda one: (-one.points, one.what),
    )
    return LeadScore(points, fit, gained, grade_of(points), grounds)


def grade_of(points: float) -> Grade:
    """The grade of a score."""
    return next((grade for grade, start in GRADE_FROM.items() if points >= start), Grade.C)


def _fitting(traits: Sequence[Deed], as_of: datetime, fit: Mapping[str, float]) -> list[Ground]:
    """The traits that bring points, each once; of an attribute its latest value alone."""
    by_name, latest = defaultdict[str, list[Deed]](list), dict[str, str]()
    for one in sorted(traits, key=lambda trait: (trait.at, trait.event_id)):
        if one.at < as_of:
            by_name[one.what].append(one)
            latest[attribute_of(one.what) or one.what] = one.what
    found = ((name, by_name[name]) for name in sorted({*latest.values()} & {*fit}))
    return [Ground(fit[name], name, ids_of(those)) for name, those in found]


def attribute_of(trait: str) -> str:
    """The attribute of which a trait is a value; empty for a role or a category, of which a person
    may have several."""
    name = trait.split("=", 1)[0]
    return "" if name in MANIFOLD else name


def _acting(deeds: Sequence[Deed], as_of: datetime, rules: LeadRules) -> list[Ground]:
    """What deeds of each type bring. Those that cost points cost them once, whatever their age."""
    by_type = defaultdict[str, list[Deed]](list)
    for one in deeds:
        if one.at < as_of and (one.what in rules.behaviour or one.what in rules.against):
            by_type[one.what].append(one)
    found = list[Ground]()
    for name, those in sorted(by_type.items()):
        if name in rules.against:
            found.append(Ground(-rules.against[name], name, ids_of(those)))
        else:
            points = sum(aged(rules.behaviour[name], one.at, as_of, rules) for one in those)
            found.append(Ground(points / MILLION, name, ids_of(those)))
    return found


def aged(points: float, at: datetime, as_of: datetime, rules: LeadRules) -> int:
    """Millionths of a point that are left of a deed."""
    half_lives = (as_of - at) / timedelta(days=rules.half_life_days)
    return round(MILLION * points * float(2.0**-half_lives))
