"""What a seed decides: which kinds of faults a run has, and each time whether one happens.

Every run has its own choice of fault kinds (as the swarm options of TigerBeetle's VOPR): a run with
everything at once hides what only shows when one kind is alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """The kinds of faults of one run, and how many workers it has."""

    refuse: bool
    """A call is refused, and nothing happens."""
    unknown: bool
    """A call succeeds, but reports a failure to its caller."""
    part: bool
    """A call writes a part and fails."""
    late: bool
    """A call fails and takes effect some time later."""
    slow: bool
    """Calls take seconds now and then."""
    die: bool
    """A process dies in a call: before it, after it, or with a part of it."""
    kill: bool
    """A process dies between any two steps."""
    stop: bool
    """A process is asked to stop."""
    rebalance: bool
    """Partitions go elsewhere while everybody lives."""
    zombie: bool
    """A member is written off and does not know it for a while."""
    store_outage: bool
    broker_outage: bool
    skip: bool
    """A group's library acknowledges records that it never handed out, as Faust's does."""
    ingest: int = 1
    identity: int = 1
    consistency: int = 1
    rate: float = 0.1
    """Of faulty calls among all."""

    @classmethod
    def drawn(cls, rng: Random) -> Options:
        """Each kind in about half of the runs; one run in twenty has no faults at all."""
        kinds = [one.name for one in fields(cls) if one.type == "bool"]
        share = rng.choice((0.0, *[0.15] * 7, *[0.5] * 9, *[0.85] * 3))
        chosen = {name: rng.random() < share for name in kinds}
        return cls(
            **chosen,
            ingest=rng.randint(1, 3),
            identity=rng.randint(1, 2),
            consistency=rng.randint(1, 2),
            rate=rng.choice((0.03, 0.1, 0.3)),
        )

    def __str__(self) -> str:
        on = [one.name for one in fields(self) if getattr(self, one.name) is True]
        workers = f"{self.ingest}+{self.identity}+{self.consistency} workers"
        return f"{workers}, {self.rate:.0%} of calls: {', '.join(on) or 'no faults'}"


class Fault(Enum):
    """What becomes of one call."""

    NONE = "none"
    REFUSED = "refused"
    UNKNOWN = "took effect, and failed"
    PART = "took effect in part, and failed"
    LATE = "failed, and takes effect later"
    DIES_BEFORE = "its process dies before"
    DIES_WITHIN = "its process dies in the middle"
    DIES_AFTER = "its process dies after"


@dataclass
class Chance:
    """The one source of randomness of a run, and the faults that it allows at the time."""

    rng: Random
    options: Options
    are_faults_on: bool = True
    trace: list[str] = field(default_factory=list)

    def of_write(self) -> Fault:
        """What becomes of a write."""
        options = self.options
        if not self.are_faults_on or self.rng.random() >= options.rate:
            return Fault.NONE
        dying = [Fault.DIES_BEFORE, Fault.DIES_WITHIN, Fault.DIES_AFTER] if options.die else []
        return self.rng.choice(
            [
                Fault.NONE,
                *[Fault.REFUSED] * options.refuse,
                *[Fault.UNKNOWN] * options.unknown,
                *[Fault.PART] * options.part,
                *[Fault.LATE] * options.late,
                *dying,
            ]
        )

    def of_read(self) -> Fault:
        """What becomes of a read."""
        options = self.options
        if not self.are_faults_on or self.rng.random() >= options.rate / 3:
            return Fault.NONE
        dying = [Fault.DIES_BEFORE] if options.die else []
        return self.rng.choice([Fault.NONE, *[Fault.REFUSED] * options.refuse, *dying])

    def pause_s(self) -> float:
        """How long one step takes."""
        slow = self.options.slow and self.are_faults_on and self.rng.random() < 0.03
        if slow:
            return self.rng.uniform(0.5, 6.0)
        return self.rng.choice((0.0, 0.001, self.rng.random() * 0.02))

    def part(self, rows: Sequence[T]) -> list[T]:
        """Some of the rows."""
        return [row for row in rows if self.rng.random() < 0.5]

    def prefix(self, rows: Sequence[T]) -> Sequence[T]:
        """The first few of the rows, maybe none or all."""
        return rows[: self.rng.randint(0, len(rows))]

    def __bool__(self) -> bool:
        return self.are_faults_on
