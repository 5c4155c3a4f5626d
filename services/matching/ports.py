"""What matching needs of an engine that scores pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.matching.core.model import Model
    from services.matching.core.person import PersonRecord


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
    generations: tuple[str, str]


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
