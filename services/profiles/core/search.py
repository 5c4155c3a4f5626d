"""What a search asks for, where its pages end, and whether a profile has what was asked.

Matches are in a fixed order: exact ones first, then by the node they belong to. A profile stands at
the first match of any of its nodes, so it is on one page although it has several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from schemas.attributes import AttributeType, read_attribute
from schemas.identifiers import NodeId, trimmed
from schemas.letter_case import lower_case
from schemas.profile import AttributeValue, Profile
from schemas.rules.profile import ProfileRules
from services.profiles.core.survivorship import Survivor

EXACT, PARTIAL = 0, 1
"""Ranks of matches."""


class SearchPlace(NamedTuple):
    """A match's place in the order; a page begins after one."""

    rank: int
    node: NodeId


START = SearchPlace(EXACT, 0)
"""Before every match."""


class SearchTerms(NamedTuple):
    """What the customers have; at least one of the two."""

    text: str
    """Part of an identifier or attribute that was ever reported; empty for any."""
    attributes: Mapping[str, frozenset[str]]
    """Values of the golden record by attribute: each in the forms that a source may have given."""
    leading: str = ""
    """Without a text, the attribute whose matches are gone through; the others are looked up."""


class SearchHit(NamedTuple):
    """A customer that was found, and what matched."""

    profile: Profile
    matches: list[str]


def forms_of(name: str, value: str, rules: ProfileRules, region: str) -> frozenset[str]:
    """The forms of an attribute's value to look for: as given, as written, and usual ones of days.

    All are in lower case and without blanks at their ends.
    """
    type_ = rules.type_of(name)
    found = read_attribute(type_, value, region)
    forms = {value, found.value}
    if found.is_valid and type_ in (AttributeType.DATE, AttributeType.BIRTH_DATE):
        day = date.fromisoformat(found.value)
        forms |= {f"{day:%d.%m.%Y}", f"{day.day}.{day.month}.{day.year}", f"{day:%Y%m%d}"}
    return frozenset(map(_plain, forms))


def has_attributes(found: Mapping[str, Survivor], terms: SearchTerms) -> bool:
    """Whether the surviving attributes have all values that the terms name."""
    return all(
        any({_plain(one.value), _plain(one.given)} & forms for one in _listed(found.get(name, [])))
        for name, forms in terms.attributes.items()
    )


def first_place(matches: Iterable[tuple[NodeId, int]]) -> SearchPlace:
    """The place of a profile with these matches (node and rank, at least one)."""
    return min(SearchPlace(rank, node) for node, rank in matches)


def _listed(found: Survivor) -> list[AttributeValue]:
    return found if isinstance(found, list) else [found]


def _plain(text: str) -> str:
    return lower_case(trimmed(text))
