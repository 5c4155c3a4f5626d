"""The job that finds suggestions: persons out of the store, scores, what people decided, back in.

Persons go through the engine's own file, a page at a time; only suggestions are held in memory, and
their number is bounded. Nothing is joined: accepting one is a decision like any other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import UUID

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import to_ms
from schemas.placement import ProfileKind
from services.api.ports import Access, Reads
from services.matching.core.household import HOUSEHOLD, WORDS
from services.matching.core.model import Model, ScorePart, parts_of
from services.matching.core.person import PersonRecord, person_record
from services.matching.core.suggestion import (
    EVENTS_MAX,
    Suggestion,
    SuggestionKind,
    SuggestionNote,
)
from services.matching.ports import HeldValue, ScoredPair

NAMES = frozenset(
    (
        "first_name", "last_name", "birth_date", "street", "house_number", "postal_code", "city",
        "phone", "email",
    )
)  # fmt: skip
PERSONS_AT_ONCE = 1_000
SUGGESTIONS_MAX = 20_000
"""Of one run; the most probable ones."""
HOUSEHOLD_TOLD = -0.5
"""What a pair loses by its resemblance to a household is told from here on."""
OF_A_PROFILE_MAX = 10
"""Of one profile; the most probable ones."""
Pair = frozenset[NodeId]


class Suggested(NamedTuple):
    """What a run found."""

    persons: int
    """Persons with attributes."""
    compared: int
    """Pairs that were scored."""
    model: Model
    matches: int
    """Suggestions by agreement."""
    stated: int
    """Suggestions that events state."""
    households: int
    """Pairs that are probably members of one household, and are not proposed."""
    decided: int
    """Pairs that somebody has decided about already."""
    stale: int
    """Earlier suggestions that were not found again."""


def suggest(access: Access, realm: str, least: float, now: datetime) -> Suggested:
    """Find the suggestions of a realm and store them.

    Raises ConfigurationError without the library. Of two runs the later one counts.
    """
    # Splink takes a while to load, and is an extra.
    from services.matching.adapters.splink import SplinkScorer

    job = _Run(access.reads, realm, now)
    with (
        TemporaryDirectory(prefix="c360-suggest-") as folder,
        SplinkScorer(Path(folder), access.reads.identity_rules.hub_above_personal) as scorer,
    ):
        persons = scorer.load(_persons(access.reads, realm))
        model = scorer.learn()
        job.take_matches(scorer.pairs(model, least), model)
        compared, job.households = scorer.compared, scorer.households
    job.take_stated()
    found = job.with_notes()
    stale = job.stale()
    access.writes.put_suggestions(realm, [*found, *stale], to_ms(now))
    kinds = Counter(one.kind for one in found)
    counts = kinds[SuggestionKind.MATCH], kinds[SuggestionKind.STATED]
    return Suggested(persons, compared, model, *counts, job.households, job.decided, len(stale))


def persons_among(reads: Reads, realm: str) -> Callable[[list[NodeId]], set[NodeId]]:
    """Which persons hold nodes."""

    def among(nodes: list[NodeId]) -> set[NodeId]:
        held = reads.profiles.resolve(realm, nodes).values()
        return {one.profile for one in held if one.kind == ProfileKind.PERSON}

    return among


def _persons(reads: Reads, realm: str) -> Iterator[PersonRecord]:
    """The persons of a realm, each once."""
    region = reads.realms[realm].region
    for held in reads.suggestions.persons(realm, persons_among(reads, realm)):
        said = reads.profiles.attributes(realm, sorted(held), NAMES)
        for profile, own in sorted(held.items()):
            texts = {
                name: [one.value for one in value] if isinstance(value, list) else [value.value]
                for name, value in said.get(profile, {}).items()
            }
            yield person_record(
                str(as_uuid(profile)),
                texts,
                region,
                [one.value for one in own if one.type == "email"],
                [one.value for one in own if one.type == "phone"],
            )


class _Run:
    """The suggestions of one run so far."""

    def __init__(self, reads: Reads, realm: str, now: datetime) -> None:
        self._reads, self._realm, self._now = reads, realm, now
        self._known = {
            frozenset((one.node, one.other)): one for one in reads.suggestions.all(realm)
        }
        decisions = reads.suggestions.decisions(realm)
        ends = {node for a, b, _ in decisions for node in (a, b)}
        holder = self._profiles_of(ends)
        self._decided_pairs = {
            frozenset((holder.get(a, a), holder.get(b, b))) for a, b, _ in decisions
        }
        self._found: dict[Pair, Suggestion] = {}
        self._lacking: dict[Pair, tuple[SuggestionNote, ...]] = {}
        self._of_profile = Counter[NodeId]()
        self.households = self.decided = 0

    def _profiles_of(self, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        held = self._reads.profiles.resolve(self._realm, list(nodes))
        return {node: one.profile for node, one in held.items()}

    def _take(self, suggestion: Suggestion) -> None:
        pair = frozenset((suggestion.node, suggestion.other))
        if pair in self._decided_pairs:
            self.decided += 1
            return
        has_room = max(self._of_profile[one] for one in pair) < OF_A_PROFILE_MAX
        if has_room and pair not in self._found and len(self._found) < SUGGESTIONS_MAX:
            self._of_profile.update(pair)
            self._found[pair] = suggestion

    def take_matches(self, pairs: Iterable[ScoredPair], model: Model) -> None:
        """Add pairs by their scores, the most probable first."""
        version = model.version
        for one in pairs:
            a, b = _node(one.a), _node(one.b)
            parts = tuple(parts_of(one.degrees, one.weights))
            if one.household <= HOUSEHOLD_TOLD:
                parts = (*parts, ScorePart(HOUSEHOLD, WORDS, one.household))
            notes = []
            if one.degrees["birth_date"] is None:
                notes.append(SuggestionNote.NO_BIRTH_DATE)
            if one.degrees["given_name"] is None and one.degrees["family_name"] is None:
                notes.append(SuggestionNote.SHARED_CONTACT_ONLY)
            self._take(
                self._suggestion(
                    a, b, SuggestionKind.MATCH, one.probability, one.weight, parts, tuple(notes),
                    (), version,
                )
            )  # fmt: skip

    def take_stated(self) -> None:
        """Add pairs that events name together, the latest first."""
        stated = self._reads.suggestions.stated(self._realm)
        held = self._reads.profiles.resolve(
            self._realm, list({node for a, b, _ in stated for node in (a, b)})
        )
        events = defaultdict[tuple[NodeId, NodeId], list[str]](list)
        for a, b, event_id in stated:
            ends = [held[node] for node in (a, b) if node in held]
            kinds = {one.kind for one in ends}
            if len(ends) == 2 and kinds <= {ProfileKind.PERSON, ProfileKind.ANONYMOUS}:
                low, high = sorted(one.profile for one in ends)
                if low != high and ProfileKind.PERSON in kinds:
                    events[low, high].append(event_id)
        for (a, b), ids in events.items():
            some = tuple(dict.fromkeys(ids))[:EVENTS_MAX]
            kind = SuggestionKind.STATED
            self._take(self._suggestion(a, b, kind, 0.0, 0.0, (), (), some, ""))

    def _suggestion(
        self, a: NodeId, b: NodeId, kind: SuggestionKind, probability: float, weight: float,
        parts: tuple[ScorePart, ...], notes: tuple[SuggestionNote, ...], events: tuple[str, ...],
        model: str,
    ) -> Suggestion:  # fmt: skip
        low, high = sorted((a, b))
        known = self._known.get(frozenset((a, b)))
        created = known.created_at if known else self._now
        rest = (False, created, self._now, model)
        return Suggestion(low, high, kind, probability, weight, parts, notes, events, *rest)

    def with_notes(self) -> list[Suggestion]:
        """What was found, with what stands against joining it."""
        unique = {row.name for row in self._reads.identity_rules.type if row.unique}
        profiles = sorted({node for pair in self._found for node in pair})
        numbers: dict[NodeId, set[HeldValue]] = {}
        for start in range(0, len(profiles), PERSONS_AT_ONCE):
            some = profiles[start : start + PERSONS_AT_ONCE]
            for profile, held in self._reads.suggestions.held(self._realm, some).items():
                numbers[profile] = {one for one in held if one.type in unique}
        return [
            one._replace(notes=(*one.notes, SuggestionNote.TWO_OF_A_UNIQUE_TYPE))
            if _collide(numbers.get(one.node, set()), numbers.get(one.other, set()))
            else one
            for one in self._found.values()
        ]

    def stale(self) -> list[Suggestion]:
        """Earlier ones that were not found again, as far as that is not known yet."""
        return [
            one._replace(is_stale=True, refreshed_at=self._now)
            for pair, one in self._known.items()
            if pair not in self._found and not one.is_stale
        ]


def _collide(ours: set[HeldValue], theirs: set[HeldValue]) -> bool:
    kinds = {(one.type, one.issuer) for one in ours}
    return any((one.type, one.issuer) in kinds and one not in ours for one in theirs)


def _node(word: str) -> NodeId:
    return UUID(word).int
