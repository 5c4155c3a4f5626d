"""Operations on definitions of segments: try them, put them in force, check what is stored."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from heapq import nsmallest
from typing import Annotated, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.identifiers import NodeId, as_uuid
from schemas.profile import Profile
from schemas.rules.segments import SegmentDefinition, SegmentScope, named_by, read_segments
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.segment_members import SegmentRequest, require_segment
from services.profiles.core.masking import masked
from services.runtime.errors import InvalidInput, InvalidState
from services.segments.core.compiler import SegmentSetting, compiled
from services.segments.core.plan import Needs, SegmentPlan, needs_of
from services.segments.evaluation import EvaluatedPortion, evaluated
from services.segments.ports import StoredDefinition

TEXT_CHARS_MAX = 2_000_000
SAMPLES = 10
SHOWN_MAX = 3
NO_TICK = "no_tick"
"""Reason of an InvalidState: event time has not begun."""
SEGMENT_IN_USE = "segment_in_use"
"""Reason of an InvalidState: other segments name it."""


class DefinitionsRequest(RealmRequest):
    """Definitions as a file has them."""

    definitions: str = Field(max_length=TEXT_CHARS_MAX)
    """The text of a TOML file."""


class SegmentProgress(Answer):
    """How far an evaluation has come."""

    row: Literal["progress"] = "progress"
    """What this row is."""
    profiles: int
    """How many profiles were looked at."""


class SegmentSample(Answer):
    """A member, with hints in the place of values."""

    profile_id: UUID
    """The profile."""
    identifiers: list[str]
    """Types of some identifiers, with hints at their values."""
    attributes: dict[str, str]
    """Some attributes, with hints at their values."""
    orders: int
    """How many orders it has."""


class PreviewedSegment(Answer):
    """What a definition would make."""

    row: Literal["segment"] = "segment"
    """What this row is."""
    segment: str
    """Its id."""
    members: int
    """How many would belong to it."""
    enters: int
    """How many of them do not belong to it now."""
    leaves: int
    """How many belong to it now, and would no longer."""
    samples: list[SegmentSample]
    """Some members, chosen by chance, always the same."""


class EvaluationCost(Answer):
    """The last row: what it took."""

    row: Literal["cost"] = "cost"
    """What this row is."""
    tick: datetime
    """As of when."""
    profiles: int
    """How many profiles were looked at."""
    took_s: float
    """How long that took, in seconds."""
    reads: dict[str, list[str]]
    """Types of events that are read, and the fields of each."""


class AppliedSegment(Answer):
    """What became of a segment."""

    row: Literal["segment"] = "segment"
    """What this row is."""
    segment: str
    """Its id."""
    number: int
    """Number of its definition."""
    change: Literal["new", "changed", "same", "dependent"]
    """Whether the definition is new or changed; `dependent` ones name one that is."""
    members: int
    """How many belong to it."""
    entered: int
    """How many of them did not before."""
    left: int
    """How many did, and no longer do."""


class RemovedSegment(Answer):
    """A segment that is no more."""

    row: Literal["segment"] = "segment"
    """What this row is."""
    segment: str
    """Its id."""
    number: int
    """The number under which it was removed; a later definition gets a higher one."""
    left: int
    """How many belonged to it until now."""


class VerifiedSegment(Answer):
    """How stored memberships differ from a whole evaluation."""

    row: Literal["segment"] = "segment"
    """What this row is."""
    segment: str
    """Its id."""
    members: int
    """How many belong to it by the facts."""
    missing: int
    """How many of them are not stored."""
    wrong: int
    """How many are stored and do not belong to it."""
    examples: list[UUID]
    """Some profiles that differ."""


class Loaded(NamedTuple):
    """Definitions that are to be evaluated."""

    definitions: Mapping[str, SegmentDefinition]
    plans: Mapping[str, SegmentPlan]
    stored: Mapping[str, StoredDefinition]
    numbers: Mapping[str, int]
    """The highest number that each segment ever had."""
    tick: datetime

    def number(self, name: str) -> int:
        """The number of a definition: the stored one, or the next if it is another one."""
        known = self.stored.get(name)
        if known is None:
            return self.numbers.get(name, 0) + 1
        return known.number + (known.definition.written() != self.definitions[name].written())


def loaded(reads: Reads, realm: str, text: str | None = None) -> Loaded:
    """The definitions of a text, or those in force. Raises InvalidInput and InvalidState."""
    require_realm(reads, realm)
    stored = reads.segments.definitions(realm)
    every = {name: one.definition for name, one in stored.items()}
    if text is None:
        found = every
    else:
        try:
            found = read_segments(text, SegmentScope(reads.profile_rules, (), every))
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        for name, one in found.items():
            _require_listed(reads, name, one)
    try:
        plans = compiled({**every, **found}, _setting(reads, realm))
    except ValueError as error:
        raise InvalidInput(str(error)) from error
    tick = reads.books.latest_tick(realm)
    if tick is None:
        raise InvalidState(
            f"event time has not begun in realm {realm!r}: there is no tick", reason=NO_TICK
        )
    numbers = reads.segments.numbers(realm)
    return Loaded(found, {name: plans[name] for name in found}, stored, numbers, tick)


def _setting(reads: Reads, realm: str) -> SegmentSetting:
    settings, consent = reads.realms[realm], reads.profile_rules.consent
    return SegmentSetting(ZoneInfo(settings.time_zone), settings.currency, consent)


def _require_listed(reads: Reads, name: str, definition: SegmentDefinition) -> None:
    """Raises InvalidInput for a purpose or channel for which nobody can have agreed."""
    for word, value, listed in (
        ("purpose", definition.purpose, reads.purposes),
        ("channel", definition.channel, reads.contact_channels),
    ):
        if value is not None and value not in listed:
            known = ", ".join(sorted(listed))
            raise InvalidInput(
                f"segment.{name}.{word}: {value} is not a configured one; use one of {known}"
            )


def _preview(
    access: Access, asked: DefinitionsRequest
) -> Iterator[SegmentProgress | PreviewedSegment | EvaluationCost]:
    reads, realm, begun_s = access.reads, asked.realm, time.monotonic()
    found = loaded(reads, realm, asked.definitions)
    numbers = {name: found.number(name) for name in found.plans}
    profiles, sizes, enters, leaves = 0, Counter[str](), Counter[str](), Counter[str]()
    samples: dict[str, list[NodeId]] = {name: [] for name in found.plans}
    for portion in _evaluated(reads, realm, found, numbers):
        profiles += portion.profiles
        for name, members in portion.members.items():
            sizes[name] += len(members)
            samples[name] = nsmallest(SAMPLES, [*samples[name], *members], key=_by_chance)
        enters.update({name: len(some) for name, some in portion.entered.items()})
        leaves.update({name: len(some) for name, some in portion.left.items()})
        yield SegmentProgress(profiles=profiles)
    for name in found.plans:
        yield PreviewedSegment(
            segment=name,
            members=sizes[name],
            enters=enters[name],
            leaves=leaves[name],
            samples=[_sample(one) for one in reads.profiles.profiles(realm, samples[name])],
        )
    yield EvaluationCost(
        tick=found.tick,
        profiles=profiles,
        took_s=round(time.monotonic() - begun_s, 3),
        reads=_read_by(needs_of(found.plans.values())),
    )


def _evaluated(
    reads: Reads, realm: str, found: Loaded, numbers: Mapping[str, int]
) -> Iterator[EvaluatedPortion]:
    facts, stored = reads.segment_facts, reads.segments
    return evaluated(facts, stored, realm, found.plans, numbers, found.tick)


def _by_chance(profile: NodeId) -> bytes:
    return sha256(profile.to_bytes(16)).digest()


def _sample(profile: Profile) -> SegmentSample:
    hidden = masked(profile)
    attributes = {
        name: value.value
        for name, value in hidden.attributes.items()
        if not isinstance(value, list)
    }
    return SegmentSample(
        profile_id=hidden.profile_id,
        identifiers=[f"{one.type} {one.value}" for one in hidden.identifiers[:SHOWN_MAX]],
        attributes=dict(list(attributes.items())[:SHOWN_MAX]),
        orders=hidden.orders,
    )


def _read_by(needs: Needs) -> dict[str, list[str]]:
    return {name: sorted(fields) for name, fields in sorted(needs.fields.items())}


def _apply(
    access: Access, asked: DefinitionsRequest
) -> Iterator[SegmentProgress | AppliedSegment | EvaluationCost]:
    """Everybody is evaluated once, part by part; what is cut off in between is done by the next run
    or tick."""
    reads, realm, begun_s = access.reads, asked.realm, time.monotonic()
    named = loaded(reads, realm, asked.definitions)
    found = _with_dependents(reads, realm, named)
    numbers = {name: found.number(name) for name in found.plans}
    profiles, sizes, entered, left = 0, Counter[str](), Counter[str](), Counter[str]()
    now = datetime.now(UTC)
    new = {
        name: StoredDefinition(numbers[name], now, one)
        for name, one in named.definitions.items()
        if name not in named.stored or named.stored[name].number != numbers[name]
    }
    evaluation = _evaluated(reads, realm, found, numbers)
    for part in access.writes.segments.apply(realm, new, evaluation, now):
        profiles += part.profiles
        sizes.update(part.members)
        entered.update(part.entered)
        left.update(part.left)
        yield SegmentProgress(profiles=profiles)
    for name in found.plans:
        yield AppliedSegment(
            segment=name,
            number=numbers[name],
            change=_change(name, named, new),
            members=sizes[name],
            entered=entered[name],
            left=left[name],
        )
    took_s = round(time.monotonic() - begun_s, 3)
    reads_what = _read_by(needs_of(found.plans.values()))
    yield EvaluationCost(tick=found.tick, profiles=profiles, took_s=took_s, reads=reads_what)


def _change(
    name: str, named: Loaded, new: Mapping[str, StoredDefinition]
) -> Literal["new", "changed", "same", "dependent"]:
    if name not in named.definitions:
        return "dependent"
    if name not in new:
        return "same"
    return "changed" if name in named.stored else "new"


def _with_dependents(reads: Reads, realm: str, named: Loaded) -> Loaded:
    """With the segments in force that name one of these, directly or in turn."""
    every = {name: one.definition for name, one in named.stored.items()} | dict(named.definitions)
    affected = set(named.definitions)
    while True:
        more = {
            name for name, one in every.items() if name not in affected and affected & named_by(one)
        }
        if not more:
            break
        affected |= more
    definitions = {name: one for name, one in every.items() if name in affected}
    plans = compiled(every, _setting(reads, realm))
    return named._replace(
        definitions=definitions, plans={name: plans[name] for name in definitions}
    )


def _remove(access: Access, asked: SegmentRequest) -> Iterator[SegmentProgress | RemovedSegment]:
    reads, realm, segment = access.reads, asked.realm, asked.segment
    require_segment(reads, realm, segment)
    naming = sorted(
        name
        for name, one in reads.segments.definitions(realm).items()
        if segment in named_by(one.definition)
    )
    if naming:
        raise InvalidState(
            f"segment {segment!r} is named by {', '.join(naming)}: change these first",
            reason=SEGMENT_IN_USE,
        )
    number, left = reads.segments.numbers(realm)[segment] + 1, 0
    for part in access.writes.segments.remove(realm, segment, number, datetime.now(UTC)):
        left += part.left.get(segment, 0)
        yield SegmentProgress(profiles=left)
    yield RemovedSegment(segment=segment, number=number, left=left)


def _verify(
    access: Access, asked: RealmRequest
) -> Iterator[SegmentProgress | VerifiedSegment | EvaluationCost]:
    reads, realm, begun_s = access.reads, asked.realm, time.monotonic()
    found = loaded(reads, realm)
    numbers = {name: found.stored[name].number for name in found.plans}
    profiles, sizes, missing, wrong = 0, Counter[str](), Counter[str](), Counter[str]()
    examples: dict[str, list[NodeId]] = {name: [] for name in found.plans}
    for portion in _evaluated(reads, realm, found, numbers):
        profiles += portion.profiles
        for name in portion.members:
            sizes[name] += len(portion.members[name])
            missing[name] += len(portion.entered[name])
            wrong[name] += len(portion.left[name])
            differing = [*examples[name], *portion.entered[name], *portion.left[name]]
            examples[name] = differing[:SAMPLES]
        yield SegmentProgress(profiles=profiles)
    for name in found.plans:
        yield VerifiedSegment(
            segment=name,
            members=sizes[name],
            missing=missing[name],
            wrong=wrong[name],
            examples=[as_uuid(one) for one in examples[name]],
        )
    took_s = round(time.monotonic() - begun_s, 3)
    reads_what = _read_by(needs_of(found.plans.values()))
    yield EvaluationCost(tick=found.tick, profiles=profiles, took_s=took_s, reads=reads_what)


PreviewRow = Annotated[
    SegmentProgress | PreviewedSegment | EvaluationCost, Field(discriminator="row")
]
ApplyRow = Annotated[SegmentProgress | AppliedSegment | EvaluationCost, Field(discriminator="row")]
RemoveRow = Annotated[SegmentProgress | RemovedSegment, Field(discriminator="row")]
VerifyRow = Annotated[
    SegmentProgress | VerifiedSegment | EvaluationCost, Field(discriminator="row")
]
SEGMENTS_PREVIEW = Operation(
    "segments_preview", Scope.PROFILES_READ, DefinitionsRequest, PreviewRow, _preview
)
"""What definitions would make, without putting them in force."""
SEGMENTS_APPLY = Operation(
    "segments_apply", Scope.IDENTITY_WRITE, DefinitionsRequest, ApplyRow, _apply
)
"""Put definitions in force, and write who belongs to them."""
SEGMENTS_REMOVE = Operation(
    "segments_remove", Scope.IDENTITY_WRITE, SegmentRequest, RemoveRow, _remove
)
"""Put a segment out of force: whoever belongs to it leaves."""
SEGMENTS_VERIFY = Operation(
    "segments_verify", Scope.PROFILES_READ, RealmRequest, VerifyRow, _verify
)
"""Whether the stored memberships are those that follow from the facts."""
OPERATIONS = (
    SEGMENTS_PREVIEW,
    SEGMENTS_APPLY,
    SEGMENTS_REMOVE,
    SEGMENTS_VERIFY,
)
