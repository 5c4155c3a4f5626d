"""Survivorship: which of many observations of an attribute is in the golden record.

A source may withdraw a value: an observation with `present` false removes everything the same
source reported for that attribute up to then, under every rule. An empty value is ignored. Time
decides, then the event id, then the value, so the order of the facts never matters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from schemas.letter_case import lower_case
from schemas.profile import AttributeValue
from schemas.rules.profile import ProfileRules, Survivorship
from services.profiles.core.facts import AttributeObservation

Moment = tuple[datetime, str]
Survivor = AttributeValue | list[AttributeValue]


def survivors(
    observations: Iterable[AttributeObservation], rules: ProfileRules
) -> dict[str, Survivor]:
    """The surviving value of every attribute (a list where its rule is `union`), by name."""
    by_name: defaultdict[str, list[AttributeObservation]] = defaultdict(list)
    for one in standing(observations):
        by_name[one.attribute].append(one)
    return {name: _survive(by_name[name], rules) for name in sorted(by_name)}


def standing(observations: Iterable[AttributeObservation]) -> list[AttributeObservation]:
    """The observations that have a value and that their source has not withdrawn."""
    found = list(observations)
    taken_back: dict[tuple[str, str], Moment] = {}
    for one in found:
        if not one.present:
            key = (one.attribute, one.source)
            taken_back[key] = max(_moment(one), taken_back.get(key, _moment(one)))
    return [one for one in found if one.present and one.value.strip() and _stands(one, taken_back)]


def _stands(one: AttributeObservation, taken_back: dict[tuple[str, str], Moment]) -> bool:
    end = taken_back.get((one.attribute, one.source))
    return end is None or _moment(one) > end


def _moment(one: AttributeObservation) -> Moment:
    return one.occurred_at, one.event_id


def _order(one: AttributeObservation) -> tuple[datetime, str, str]:
    return one.occurred_at, one.event_id, one.value


def _survive(observations: Sequence[AttributeObservation], rules: ProfileRules) -> Survivor:
    rule, sources = rules.of(observations[0].attribute)
    match rule:
        case Survivorship.UNION:
            return [_surviving(one, rule) for one in _different(observations)]
        case Survivorship.OLDEST:
            chosen = min(observations, key=_order)
        case Survivorship.MOST_FREQUENT:
            frequency = Counter(one.value for one in observations)
            chosen = max(observations, key=lambda one: (frequency[one.value], *_order(one)))
        case Survivorship.SOURCE_PRIORITY:
            chosen = max(observations, key=lambda one: (-_rank(one.source, sources), *_order(one)))
        case Survivorship.MOST_RECENT:
            chosen = max(observations, key=_order)
    return _surviving(chosen, rule)


def _different(observations: Sequence[AttributeObservation]) -> list[AttributeObservation]:
    """The latest observation of every value, latest first; letter case and blanks are ignored."""
    latest = {
        lower_case("".join(one.value.split())): one for one in sorted(observations, key=_order)
    }
    return sorted(latest.values(), key=_order, reverse=True)


def _rank(source: str, patterns: Sequence[str]) -> int:
    """Rank of the first pattern that the source matches; after all of them without one."""
    ranks = (rank for rank, pattern in enumerate(patterns) if fnmatchcase(source, pattern))
    return next(ranks, len(patterns))


def _surviving(one: AttributeObservation, rule: Survivorship) -> AttributeValue:
    return AttributeValue(
        value=one.value,
        source=one.source,
        channel=one.channel,
        event_id=one.event_id,
        occurred_at=one.occurred_at,
        rule=rule,
    )
