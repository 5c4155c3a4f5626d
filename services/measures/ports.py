"""The queries on measures and on scores of single customers, independent of the store."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from schemas.api.insights import PersonInsights
    from schemas.identifiers import NodeId
    from services.measures.core.result import (
        KeptMeasure,
        MeasureBias,
        MeasureExplained,
        MeasureResult,
    )
    from services.profiles.core.history import ProfileHistory
    from services.store.profile_map import Members


class MeasureSource(Protocol):
    """Computes measures. Nothing is changed.

    Methods block. They raise Retry for a transient fault, Fatal when retrying cannot help, and
    NotFound for an unknown measure or segment, or a realm that is not configured.
    """

    def measure(
        self,
        name: str,
        realm: str,
        first: date | None = None,
        until: date | None = None,
        segment: str = "",
    ) -> MeasureResult:
        """A measure over the days from `first` up to, and without, `until`, in the realm's zone; of
        those who belong to a segment now, if one is given.

        Raises:
            ValueError: the window is empty, or the measure is of no segment.
        """
        ...

    def bias(self, name: str, realm: str) -> MeasureBias:
        """Whether its scores choose some groups of customers less often than others, over the 365
        days up to yesterday.

        Raises:
            ValueError: the measure scores no single customers.
        """
        ...

    def explained(self, name: str, realm: str) -> MeasureExplained:
        """What a measure is, without computing it."""
        ...


class KeptMeasures(Protocol):
    """Reads what measures were when they were computed. Raises Retry or Fatal."""

    def latest(
        self, realm: str, measure: str, limit: int, definition: str = ...
    ) -> list[KeptMeasure]:
        """At most so many computations of a measure, the latest first; of one definition if it is
        given."""
        ...

    def map_version(self, realm: str) -> str:
        """The version of the profile map now."""
        ...


class PersonHistories(Protocol):
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
        """The histories of profiles whose nodes are given; only the parts that are asked for."""
        ...


class PersonScoreSource(Protocol):
    """Scores single customers. Nothing is changed, and nobody else's facts are read."""

    def scores(self, realm: str, profile: NodeId) -> PersonInsights:
        """What measures say of a customer; the objection alone of one who objects to profiling.

        Blocks; reads by key. Raises Retry for a transient fault, Fatal when retrying cannot help,
        and NotFound for a realm that is not configured.
        """
        ...
