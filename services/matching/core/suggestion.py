"""A suggestion: two profiles that may be one person, and what became of it. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.edge import Verdict
from schemas.identifiers import NodeId
from services.matching.core.model import ScorePart

EVENTS_MAX = 10
"""Events of a stated link that are named."""


class SuggestionKind(StrEnum):
    """Why two profiles are proposed."""

    MATCH = "match"
    """Their attributes agree."""
    STATED = "stated"
    """Events name identifiers of both, but nobody proved that they belong together."""


class SuggestionState(StrEnum):
    """What became of a suggestion."""

    OPEN = "open"
    """Nobody has decided."""
    ACCEPTED = "accepted"
    """Somebody decided that they are one person."""
    DECLINED = "declined"
    """Somebody decided that they are different persons."""
    STALE = "stale"
    """They are one profile by now, or the latest run did not find the pair again."""


class SuggestionNote(StrEnum):
    """What to look at before a suggestion is accepted."""

    TWO_OF_A_UNIQUE_TYPE = "two_of_a_unique_type"
    """Both have a number of a type and issuer of which a person has one. An event would not join
    them; a decision does."""
    NO_BIRTH_DATE = "no_birth_date"
    """One has no birth date: father and son of one name could not be told apart."""
    SHARED_CONTACT_ONLY = "shared_contact_only"
    """No name is known of one of them: a contact may be a household's."""


class Suggestion(NamedTuple):
    """Two profiles, by the ids that they had when they were found; `node` is the smaller one."""

    node: NodeId
    other: NodeId
    kind: SuggestionKind
    probability: float
    """That they are one person; 0 of a stated one."""
    weight: float
    parts: tuple[ScorePart, ...]
    notes: tuple[SuggestionNote, ...]
    event_ids: tuple[str, ...]
    is_stale: bool
    created_at: datetime
    refreshed_at: datetime
    model: str


def state_of_pair(is_stale: bool, is_one_profile: bool, verdict: Verdict | None) -> SuggestionState:
    """What became of a pair: a decision counts first, then whether they are one profile."""
    if verdict is Verdict.SAME:
        return SuggestionState.ACCEPTED
    if verdict is Verdict.DIFFERENT:
        return SuggestionState.DECLINED
    return SuggestionState.STALE if is_stale or is_one_profile else SuggestionState.OPEN
