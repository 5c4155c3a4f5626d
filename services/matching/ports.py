"""What matching needs of an engine that scores pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from schemas.edge import Verdict
    from schemas.identifiers import NodeId
    from services.matching.core.model import Model
    from services.matching.core.person import PersonRecord
    from services.matching.core.suggestion import Suggestion


class ScoredPair(NamedTuple):
    """Two persons that may be one; `a` is the smaller of the two."""

    a: str
    b: str
    probability: float
    weight: float
    """Of the whole pair, the prior included, in powers of two."""
    degrees: dict[str, int | None]
    """The degree of each field (0: the best one); None where nothing can be said."""
    weights: dict[str, float]
    """What each field adds; what is rare adds more."""
    household: float
    """What the pair's weight loses because two members of one household may look the same; at most
    0."""


class HeldValue(NamedTuple):
    """An identifier that a profile holds."""

    type: str
    issuer: str
    value: str


class SuggestionSource(Protocol):
    """Reads what matching needs, and suggestions. Methods block and raise Retry or Fatal."""

    def persons(
        self, realm: str, among: Callable[[list[NodeId]], set[NodeId]]
    ) -> Iterator[dict[NodeId, list[HeldValue]]]:
        """Every person with attributes and the identifiers held, some at a time, each once.

        `among` says which persons hold nodes.
        """
        ...

    def held(self, realm: str, profiles: Collection[NodeId]) -> dict[NodeId, list[HeldValue]]:
        """The identifiers that profiles hold, as far as their values are known."""
        ...

    def decisions(self, realm: str) -> list[tuple[NodeId, NodeId, Verdict]]:
        """The decisions of people that stand."""
        ...

    def stated(self, realm: str) -> list[tuple[NodeId, NodeId, str]]:
        """Both ends and the event of links that nobody proved, the latest first; a bounded
        number."""
        ...

    def all(self, realm: str) -> list[Suggestion]:
        """The suggestions of a realm, the most probable first."""
        ...


class PairScorer(Protocol):
    """Scores pairs of persons. Blocks for seconds to minutes."""

    def load(self, persons: Iterable[PersonRecord]) -> int:
        """Take the persons; how many there are. To be called once, before everything else."""
        ...

    def learn(self) -> Model:
        """Learn the weights from the persons, without examples. Random choices are always the
        same, so equal persons give equal weights."""
        ...

    def pairs(self, model: Model, least: float) -> Iterator[ScoredPair]:
        """The pairs with at least this probability, the most probable first."""
        ...
