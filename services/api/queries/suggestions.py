"""Operations on match suggestions: find them, list them, look at one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from pydantic import Field

from schemas.edge import Verdict
from schemas.identifiers import NodeId, as_uuid
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.decisions import IDENTITY_DECIDE, DecideRequest, DecisionOutcome
from services.api.suggest import NAMES, suggest
from services.matching.core.model import THRESHOLD
from services.matching.core.suggestion import (
    Suggestion,
    SuggestionKind,
    SuggestionNote,
    SuggestionState,
    state_of_pair,
)
from services.profiles.core.masking import masked_attribute
from services.runtime.errors import NotFound

ID_CHARS = 16
UNKNOWN_SUGGESTION = "unknown_suggestion"
"""Reason of a NotFound: there is no suggestion with this id."""


class SuggestRequest(RealmRequest):
    """Which pairs are proposed."""

    least: float = Field(default=THRESHOLD, ge=0.5, le=1)
    """Least probability of a pair that is proposed."""


class SuggestedRun(Answer):
    """What a run found."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    persons: int
    """Persons with attributes."""
    compared: int
    """Pairs that were scored."""
    model: str
    """Version of the weights."""
    learnt_from: int
    """Pairs of one person that the weights were learnt from, about; 0 for the configured ones."""
    matches: int
    """Suggestions because attributes agree."""
    stated: int
    """Suggestions because events name both."""
    households: int
    """Pairs that are probably members of one household, and are not proposed."""
    decided: int
    """Pairs that somebody has decided about already."""
    stale: int
    """Earlier suggestions that were not found again."""


class SuggestionsRequest(RealmRequest):
    """Which suggestions are listed."""

    state: SuggestionState | None = SuggestionState.OPEN
    """Only of this state; null for all."""
    kind: SuggestionKind | None = None
    """Only of this kind; null for both."""
    limit: int = Field(default=100, ge=1, le=10_000)
    """Most rows."""


class SuggestionRequest(RealmRequest):
    """One suggestion."""

    suggestion_id: str = Field(min_length=1, max_length=ID_CHARS)
    """Its id, or the beginning of it."""
    is_masked: bool = False
    """Whether values are replaced by hints."""


class AnswerRequest(RealmRequest):
    """What a person decides about a suggestion."""

    suggestion_id: str = Field(min_length=1, max_length=ID_CHARS)
    """Its id, or the beginning of it."""
    accept: bool
    """Whether the two are one person."""
    by: str
    """Who decides."""
    reason: str
    """Why, in one line."""
    dry_run: bool = False
    """Only say what would happen."""
    is_masked: bool = False
    """Whether values are replaced by hints."""


class SuggestionPart(Answer):
    """What one field says about a pair."""

    field: str
    """The field."""
    words: str
    """What was found."""
    weight: float
    """What it adds, in powers of two: +3 makes one person eight times as likely."""


class ListedSuggestion(Answer):
    """Two profiles that may be one person."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    suggestion_id: str
    """Its id."""
    kind: SuggestionKind
    """Why they are proposed."""
    state: SuggestionState
    """What became of it."""
    node_id: UUID
    """The profile id of one when it was found; resolves for ever."""
    other_node_id: UUID
    """That of the other."""
    probability: float | None
    """That they are one person; null of kind `stated`."""
    weight: float | None
    """Of the pair, in powers of two; null of kind `stated`."""
    parts: list[SuggestionPart]
    """What each field says."""
    notes: list[SuggestionNote]
    """What to look at before it is accepted."""
    event_ids: list[str]
    """Of kind `stated`: events that name both."""
    created_at: datetime
    """When it was found first."""
    refreshed_at: datetime
    """When it was found last, or not found again."""
    model: str
    """Version of the weights; empty of kind `stated`."""


class ComparedAttribute(Answer):
    """An attribute of both profiles."""

    name: str
    """Its name."""
    value: list[str]
    """Values of the one."""
    other_value: list[str]
    """Values of the other."""


class ShownSuggestion(ListedSuggestion):
    """A suggestion with the attributes of both."""

    attributes: list[ComparedAttribute]
    """What is known of either."""


def suggestion_id(realm: str, one: Suggestion) -> str:
    """The id of a pair, the same in every run."""
    pair = f"{realm}/{as_uuid(one.node)}/{as_uuid(one.other)}"
    return sha256(pair.encode()).hexdigest()[:ID_CHARS]


def found_suggestion(reads: Reads, realm: str, prefix: str) -> Suggestion:
    """The suggestion with an id or prefix. Raises NotFound for none or several."""
    require_realm(reads, realm)
    found = [
        one for one in reads.suggestions.all(realm) if suggestion_id(realm, one).startswith(prefix)
    ]
    if len(found) != 1:
        problem = "several suggestions begin with" if found else "there is no suggestion"
        text = f"{problem} {prefix!r} in realm {realm!r}"
        raise NotFound(text, reason=UNKNOWN_SUGGESTION)
    return found[0]


def _states(reads: Reads, realm: str, some: list[Suggestion]) -> list[SuggestionState]:
    """What became of suggestions. A decision about the profiles of a pair counts for the pair."""
    decisions = reads.suggestions.decisions(realm)
    ends = {node for one in some for node in (one.node, one.other)}
    holder = _holders(reads, realm, ends | {node for a, b, _ in decisions for node in (a, b)})
    exact = {frozenset((a, b)): verdict for a, b, verdict in decisions}
    by_profile: dict[frozenset[NodeId], Verdict] = {}
    for a, b, verdict in decisions:
        pair = frozenset((holder.get(a, a), holder.get(b, b)))
        if len(pair) == 2 and by_profile.get(pair) is not Verdict.DIFFERENT:
            by_profile[pair] = verdict
    states = []
    for one in some:
        profiles = frozenset((holder.get(one.node, one.node), holder.get(one.other, one.other)))
        decided = exact.get(frozenset((one.node, one.other))) or by_profile.get(profiles)
        states.append(state_of_pair(one.is_stale, len(profiles) == 1, decided))
    return states


def _holders(reads: Reads, realm: str, nodes: set[NodeId]) -> dict[NodeId, NodeId]:
    held = reads.profiles.resolve(realm, list(nodes))
    return {node: one.profile for node, one in held.items()}


def _suggest(access: Access, asked: SuggestRequest) -> Iterator[SuggestedRun]:
    require_realm(access.reads, asked.realm)
    found = suggest(access, asked.realm, asked.least, datetime.now(UTC))
    model = {"model": found.model.version, "learnt_from": found.model.learnt_from}
    yield SuggestedRun(realm=asked.realm, **found._asdict() | model)


def _list(access: Access, asked: SuggestionsRequest) -> Iterator[ListedSuggestion]:
    require_realm(access.reads, asked.realm)
    some = [
        one for one in access.reads.suggestions.all(asked.realm) if asked.kind in (None, one.kind)
    ]
    left = asked.limit
    for one, state in zip(some, _states(access.reads, asked.realm, some), strict=True):
        if left and asked.state in (None, state):
            left -= 1
            yield ListedSuggestion(**_listed(asked.realm, one, state))


def _listed(realm: str, one: Suggestion, state: SuggestionState) -> dict[str, object]:
    is_scored = one.kind is SuggestionKind.MATCH
    return {
        "realm": realm,
        "suggestion_id": suggestion_id(realm, one),
        "kind": one.kind,
        "state": state,
        "node_id": as_uuid(one.node),
        "other_node_id": as_uuid(one.other),
        "probability": round(one.probability, 6) if is_scored else None,
        "weight": round(one.weight, 3) if is_scored else None,
        "parts": [
            SuggestionPart(field=part.field, words=part.words, weight=round(part.weight, 3))
            for part in one.parts
        ],
        "notes": list(one.notes),
        "event_ids": list(one.event_ids),
        "created_at": one.created_at,
        "refreshed_at": one.refreshed_at,
        "model": one.model,
    }


def _show(access: Access, asked: SuggestionRequest) -> Iterator[ShownSuggestion]:
    reads, realm = access.reads, asked.realm
    one = found_suggestion(reads, realm, asked.suggestion_id)
    [state] = _states(reads, realm, [one])
    holder = _holders(reads, realm, {one.node, one.other})
    profiles = [holder.get(node, node) for node in (one.node, one.other)]
    said = reads.profiles.attributes(realm, profiles, NAMES)
    sides = []
    for profile in profiles:
        values = said.get(profile, {})
        texts = {
            name: [each.value for each in (value if isinstance(value, list) else [value])]
            for name, value in values.items()
        }
        if asked.is_masked:
            texts = {
                name: [masked_attribute(name, text) for text in all_of]
                for name, all_of in texts.items()
            }
        sides.append(texts)
    attributes = [
        ComparedAttribute(
            name=name, value=sides[0].get(name, []), other_value=sides[1].get(name, [])
        )
        for name in sorted(sides[0].keys() | sides[1].keys())
    ]
    yield ShownSuggestion(**_listed(realm, one, state), attributes=attributes)


def _answer(access: Access, asked: AnswerRequest) -> Iterator[DecisionOutcome]:
    one = found_suggestion(access.reads, asked.realm, asked.suggestion_id)
    decision = DecideRequest(
        realm=asked.realm,
        a=str(as_uuid(one.node)),
        b=str(as_uuid(one.other)),
        verdict=Verdict.SAME if asked.accept else Verdict.DIFFERENT,
        by=asked.by,
        reason=asked.reason,
        dry_run=asked.dry_run,
        is_masked=asked.is_masked,
    )
    yield from IDENTITY_DECIDE.run(access, decision)


IDENTITY_SUGGEST = Operation(
    "identity_suggest", Scope.STORE_REPAIR, SuggestRequest, SuggestedRun, _suggest
)
"""Finds pairs of profiles that may be one person, and stores them for people to decide."""
IDENTITY_SUGGESTIONS = Operation(
    "identity_suggestions", Scope.PROFILES_READ, SuggestionsRequest, ListedSuggestion, _list
)
"""Pairs of profiles that may be one person, the most probable first."""
IDENTITY_SUGGESTION = Operation(
    "identity_suggestion", Scope.PROFILES_READ, SuggestionRequest, ShownSuggestion, _show
)
"""One such pair, with the attributes of both."""
IDENTITY_ANSWER = Operation(
    "identity_answer_suggestion", Scope.IDENTITY_WRITE, AnswerRequest, DecisionOutcome, _answer
)
"""Decide about a suggestion: a decision like any other, on the two profile ids."""
OPERATIONS = (IDENTITY_SUGGEST, IDENTITY_SUGGESTIONS, IDENTITY_SUGGESTION, IDENTITY_ANSWER)
