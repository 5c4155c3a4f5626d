"""Survivorship: which of many observations of an attribute is in the golden record.

A source may withdraw a value: an observation with `present` false removes everything the same
source reported for that attribute up to then, under every rule. An empty value is ignored. Values
are compared in the written form of their type; one that has none survives only where no source
reports a valid one. Time decides, then the event id, then the value, so the order of the facts
never matters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple
from unicodedata import normalize

from schemas.attributes import read_attribute
from schemas.letter_case import lower_case
from schemas.profile import AttributeValue
from schemas.rules.profile import ProfileRules, Survivorship
from services.profiles.core.facts import AttributeObservation


class _Read(NamedTuple):
    """An observation with its value in the written form of its type."""

    value: str
    is_valid: bool
    said: AttributeObservation


Moment = tuple[datetime, str]
Survivor = AttributeValue | list[AttributeValue]


def survivors(
    observations: Iterable[AttributeObservation], rules: ProfileRules, region: str
) -> dict[str, Survivor]:
    """The surviving value of every attribute (a list where its rule is `union`), by name.

    `region` reads telephone numbers without a country; without it they have no written form.
    """
    by_name: defaultdict[str, list[_Read]] = defaultdict(list)
    for one in standing(observations):
        type_ = rules.type_of(one.attribute)
        found = read_attribute(type_, one.value, region, one.occurred_at)
        by_name[one.attribute].append(_Read(*found, one))
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


def _order(one: _Read) -> tuple[datetime, str, str]:
    return one.said.occurred_at, one.said.event_id, one.value


def _survive(reads: Sequence[_Read], rules: ProfileRules) -> Survivor:
    reads = [one for one in reads if one.is_valid] or reads
    rule, sources = rules.of(reads[0].said.attribute)
    match rule:
        case Survivorship.UNION:
            return [_surviving(one, rule) for one in _different(reads)]
        case Survivorship.OLDEST:
            chosen = min(reads, key=_order)
        case Survivorship.MOST_FREQUENT:
            frequency = Counter(_same(one.value) for one in reads)
            chosen = max(reads, key=lambda one: (frequency[_same(one.value)], *_order(one)))
        case Survivorship.SOURCE_PRIORITY:
            chosen = max(reads, key=lambda one: (-_rank(one.said.source, sources), *_order(one)))
        case Survivorship.MOST_RECENT:
            chosen = max(reads, key=_order)
    return _surviving(chosen, rule)


def _different(reads: Sequence[_Read]) -> list[_Read]:
    """The latest observation of every value, latest first; letter case and blanks are ignored."""
    ordered = sorted(reads, key=_order)
    latest = {lower_case("".join(_same(one.value).split())): one for one in ordered}
    return sorted(latest.values(), key=_order, reverse=True)


def _same(value: str) -> str:
    """Equal for equal texts, whether an accent is a character of its own or not."""
    return normalize("NFC", value)


def _rank(source: str, patterns: Sequence[str]) -> int:
    """Rank of the first pattern that the source matches; after all of them without one."""
    ranks = (rank for rank, pattern in enumerate(patterns) if fnmatchcase(source, pattern))
    return next(ranks, len(patterns))


def _surviving(one: _Read, rule: Survivorship) -> AttributeValue:
    said = one.said
    return AttributeValue(
        value=one.value,
        given=said.value,
        valid=one.is_valid,
        source=said.source,
        channel=said.channel,
        event_id=said.event_id,
        occurred_at=said.occurred_at,
        rule=rule,
    )
