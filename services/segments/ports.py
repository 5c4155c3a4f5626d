"""What segments need of a store: facts of customers, definitions, and memberships.

Methods block. They raise Retry for a transient fault and Fatal when retrying cannot help.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from schemas.identifiers import NodeId
    from schemas.rules.segments import SegmentDefinition
    from schemas.segment_change import SegmentChangeRecord
    from services.profiles.core.history import ProfileHistory
    from services.segments.core.decision import Change, TouchCause
    from services.segments.core.facts import CustomerFacts
    from services.segments.core.plan import Needs
    from services.segments.evaluation import EvaluatedPortion
    from services.store.profile_map import Members

MEMBER, LEFT, RETRACTED = "member", "left", "retracted"
"""States of a membership. Retracted: it should never have been."""
EVERYBODY = 0
"""In the place of an identifier: all profiles."""


class StoredDefinition(NamedTuple):
    """A definition that was applied."""

    number: int
    """Rises with each change."""
    applied_at: datetime
    definition: SegmentDefinition


class SegmentMembership(NamedTuple):
    """What is stored of one profile and segment."""

    profile: NodeId
    state: str
    since: datetime
    """Tick at which the state was found."""
    because: Sequence[str]
    """Ids of the latest events that the conditions look at."""
    definition: int
    """Number of the definition."""
    sequence: int = 0
    """Of the change that made the state; 0 where none was recorded."""


class SegmentChange(NamedTuple):
    """A change of a membership."""

    segment: str
    profile: NodeId
    change: Change
    into: NodeId = 0
    """The profile that holds this one now, if it was merged; else 0."""


class StoredChange(NamedTuple):
    """A change as it is told, and where it stands among all: by batch, then by key."""

    batch: int
    key: str
    record: SegmentChangeRecord


class ChangeSource(Protocol):
    """Reads changes in the order in which they were found."""

    def told(
        self, realm: str, segment: str, after: tuple[int, str], limit: int
    ) -> list[StoredChange]:
        """The next changes of a realm and a segment (empty: any) behind a batch and key, of batches
        that are completely written."""
        ...


class LookedAt(NamedTuple):
    """What a part of an evaluation found, by segment."""

    profiles: int
    """How many were looked at, without those of test journeys."""
    members: Mapping[str, int]
    """How many of them belong to it."""
    entered: Mapping[str, int]
    """How many of these did not before."""
    left: Mapping[str, int]
    """How many did, and no longer do."""


class HistorySource(Protocol):
    """Reads what golden records follow from, by the rules of profiles."""

    def histories(
        self,
        realm: str,
        members: Members,
        attributes: Collection[str],
        *,
        consents: bool,
        orders: bool,
    ) -> dict[NodeId, ProfileHistory]:
        """The histories of profiles whose nodes are given; only the parts that are asked for.
        Profiles of which nothing is known are missing."""
        ...


class FactSource(Protocol):
    """Reads the facts of customers. Nothing is changed."""

    def facts(
        self, realm: str, profiles: Collection[NodeId], needs: Needs
    ) -> dict[NodeId, CustomerFacts]:
        """The facts of profiles by id, from all identifiers that they hold now, of all times.
        Ids that are no profile now, or of which nothing is known, are missing."""
        ...

    def holders(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """The identifiers that profiles hold now, and the profile of each. A profile that is none
        any more holds nothing."""
        ...

    def profiles_of(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """The profile that holds each of these identifiers now."""
        ...

    def reporting(self, realm: str, orders: Collection[str]) -> set[NodeId]:
        """Under which identifiers orders with these numbers were reported, by any issuer."""
        ...

    def population(self, realm: str) -> Iterator[list[NodeId]]:
        """The ids of all profiles of the realm in portions, each id once, while nobody merges."""
        ...


class SegmentSource(Protocol):
    """Reads definitions and memberships."""

    def definitions(self, realm: str) -> dict[str, StoredDefinition]:
        """The definitions that are in force, by the ids of their segments."""
        ...

    def numbers(self, realm: str) -> dict[str, int]:
        """The highest number that each segment ever had, also of those that were removed."""
        ...

    def memberships(
        self, realm: str, segment: str, state: str = ..., *, page: int = ..., after: NodeId = ...
    ) -> Iterator[list[SegmentMembership]]:
        """The memberships of a segment in a state (empty: any) behind a profile id, in pages by
        profile."""
        ...

    def stored(
        self, realm: str, segments: Collection[str], profiles: Collection[NodeId]
    ) -> dict[str, dict[NodeId, SegmentMembership]]:
        """The memberships of some profiles, by segment; one without any is missing."""
        ...

    def sizes(self, realm: str) -> dict[str, int]:
        """How many members each segment has; a segment without any is missing."""
        ...

    def evaluated(self, realm: str) -> tuple[datetime, int] | None:
        """The last tick that was evaluated as a whole, and its batch; None before the first, and
        where nothing follows events."""
        ...


class SegmentSink(Protocol):
    """Writes definitions and memberships; each is durable when it returns."""

    def put_definitions(self, realm: str, definitions: Mapping[str, StoredDefinition]) -> None:
        """Put definitions in force under their numbers."""
        ...

    def remove_definition(self, realm: str, segment: str, number: int, at: datetime) -> None:
        """Put the definition of a segment out of force, under the next number."""
        ...

    def put_memberships(
        self, realm: str, segment: str, memberships: Sequence[SegmentMembership], version: int
    ) -> None:
        """Write memberships. Of one profile the highest version counts."""
        ...


class SegmentForce(Protocol):
    """Puts definitions in force and out of it, with all that follows for memberships. Each part is
    durable when it is yielded; a run that is cut off may be repeated."""

    def apply(
        self,
        realm: str,
        definitions: Mapping[str, StoredDefinition],
        evaluated: Iterable[EvaluatedPortion],
        now: datetime,
    ) -> Iterator[LookedAt]:
        """Put definitions in force, perhaps none, and hold everybody to segments. `evaluated` is a
        whole evaluation under them, for whoever makes none."""
        ...

    def remove(self, realm: str, segment: str, number: int, now: datetime) -> Iterator[LookedAt]:
        """Put a segment out of force under a number: its members leave, its timers go."""
        ...


class SegmentReads(SegmentSource, Protocol):
    """What the stage reads of its own work."""

    def marks(self, realm: str, after: int, limit: int) -> dict[NodeId, TouchCause]:
        """Who was marked by batches after one, `limit` at most."""
        ...

    def timers_of(
        self, realm: str, profiles: Collection[NodeId], segments: Collection[str]
    ) -> dict[NodeId, dict[str, datetime]]:
        """When time alone may change something for these profiles, by segment."""
        ...

    def due(
        self, realm: str, now: datetime, after: NodeId, limit: int
    ) -> list[tuple[NodeId, Sequence[str]]]:
        """The next profiles with timers that are due, and their segments; from the first for 0."""
        ...

    def timed(self, realm: str, segment: str, limit: int) -> list[NodeId]:
        """Some profiles for which time alone may change something in a segment."""
        ...

    def leftover(self, realm: str, segments: Collection[str]) -> set[str]:
        """Those of these segments that have members or timers."""
        ...

    def changes_after(self, realm: str, batch: int) -> Iterator[list[SegmentChange]]:
        """The changes of batches after one that no erasure made, in pages."""
        ...


class LiveSegmentStore(SegmentReads, SegmentSink, Protocol):
    """What the stage needs. Each write is durable when it returns, and may be repeated."""

    def write_changes(self, realm: str, changes: Sequence[SegmentChange], batch: int) -> None:
        """Write changes. Of one profile, segment and sequence the latest batch counts."""
        ...

    def write_timers(
        self, realm: str, timers: Mapping[tuple[str, NodeId], datetime | None], version: int
    ) -> None:
        """Write by segment and profile when to look again; None for never."""
        ...

    def write_marks(self, realm: str, marks: Mapping[NodeId, TouchCause], batch: int) -> None:
        """Write who is to be looked at by the next tick; EVERYBODY for all."""
        ...

    def write_evaluated(self, realm: str, tick: datetime, batch: int) -> None:
        """Write that a tick was evaluated as a whole. Marks up to this batch are done."""
        ...
