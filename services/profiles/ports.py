"""The queries on profiles, independent of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from schemas.identifiers import NodeId
from schemas.profile import Profile, ProfileScalars, TimelineEntry
from services.profiles.core.order_conflicts import OrderConflict


class Resolved(NamedTuple):
    """The profile that holds a node now, and its kind.

    The kind is person, anonymous or shared; `record` if an event names nobody.
    """

    profile: NodeId
    kind: str


class MappedIdentifier(NamedTuple):
    """One identifier and the profile that holds it; `shared` if it belongs to nobody."""

    type: str
    issuer: str
    value: str
    node: NodeId
    profile: NodeId
    shared: bool


class Totals(NamedTuple):
    """The figures of all customers, as they stood at `refreshed_at` (None: never computed)."""

    refreshed_at: datetime | None
    profiles: Iterator[ProfileScalars]


class OrderConflictSource(Protocol):
    """Finds orders whose reports contradict each other."""

    def conflicts(self, realm: str) -> Iterator[OrderConflict]:
        """Those of a configured realm, by issuer and number. Raises Retry or Fatal."""
        ...


class ProfileSource(Protocol):
    """Reads profiles. Nothing is changed; the facts of one profile are exact when read.

    All methods block. They raise Retry for a transient fault, Fatal when retrying cannot help, and
    NotFound for a realm that is not configured.
    """

    def resolve(self, realm: str, nodes: Sequence[NodeId]) -> dict[NodeId, Resolved]:
        """The profile of each node, which may be any current or former profile id.

        Unknown nodes are missing from the answer.
        """
        ...

    def profile(self, realm: str, handle: NodeId) -> Profile:
        """The profile that holds `handle`. Raises NotFound when it is unknown."""
        ...

    def profiles(self, realm: str, profile_ids: Sequence[NodeId]) -> list[Profile]:
        """Profiles by id, in bulk and in the order asked for.

        The ids are current ones (see `resolve`); an id that is not a profile now is skipped.
        """
        ...

    def timeline(
        self, realm: str, profile_id: NodeId, limit: int, cursor: str = ""
    ) -> tuple[list[TimelineEntry], str]:
        """A page of touchpoints, newest first, and the cursor of the next page (empty: the end).

        Raises:
            ValueError: the limit is out of bounds, or the cursor is invalid.
        """
        ...

    def totals(self, realm: str, *, refresh: bool = True) -> Totals:
        """The figures of every customer. With `refresh` they are recomputed first."""
        ...

    def identifiers(self, realm: str) -> Iterator[MappedIdentifier]:
        """Every identifier of the realm with its profile, in no particular order."""
        ...
