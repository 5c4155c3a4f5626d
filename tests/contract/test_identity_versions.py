"""What `services.identity.ports.IdentityStore` promises when two write at a time.

A writer that was written off goes on for a while. Its rows carry the versions of its own records,
so those of the successor win, whoever writes last. In memory, in process, and on a server.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from schemas.edge import Decision, Verdict
from schemas.placement import Placement, ProfileKind
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.model import Reason, Refusal
from services.identity.ports import IdentityStore
from services.store.database import Database
from tests.contract.logs import quiet
from tests.simulation.identity_rows import IdentityRows
from tests.simulation.process import Process
from tests.simulation.stores import IdentitySession
from tests.unit.identity.store_contract import A, B, C, IdentityStoreContract
from tests.unit.identity.stories import link

Open = Callable[[], IdentityStore]
Write = Callable[[IdentityStore, int, int], None]
Read = Callable[[IdentityStore], object]
REFUSAL = Refusal(A.id, B.id, Reason.UNIQUE, (A.id, B.id), "e1")
SAME = Decision(A, B, Verdict.SAME, "ann", "called", 5)

ROWS: dict[str, tuple[Write, Read]] = {
    "edges": (
        lambda store, n, v: store.write_edges("r", [link(A, B, n, "e", True)], v),
        lambda store: store.edges_of("r", {A.id})[0].first_seen_ms,
    ),
    "placements": (
        lambda store, n, v: store.write_placements(
            "r", {C.id: (C, Placement(n, ProfileKind.PERSON))}, v
        ),
        lambda store: store.placements_of("r", {C.id})[C.id].profile,
    ),
    "decisions": (
        lambda store, n, v: store.write_decisions("r", [SAME._replace(decided_ms=n)], v),
        lambda store: store.decisions_of("r", {B.id})[0].decided_ms,
    ),
    "refusals": (
        lambda store, n, v: store.write_refusals("r", [REFUSAL._replace(event_id=f"{n}")], [], v),
        lambda store: int(store.refusals_of("r", {A.id})[0].event_id),
    ),
}


class VersionContract:
    """The contract; `opened` gives the store as each process has it."""

    @pytest.mark.parametrize("kind", ROWS)
    def test_the_higher_version_counts(self, opened: Open, kind: str) -> None:
        """Batch within generation; of equal versions the row written last."""
        write, read = ROWS[kind]
        holder, written_off = opened(), opened()
        steps = [
            # generation, batch, what is written, what is read afterwards
            (holder, 2, 5, 1, 1),
            (written_off, 2, 4, 2, 1),
            (written_off, 2, 5, 3, 3),
            (holder, 2, 5, 4, 4),
            (holder, 3, 0, 5, 5),
            (written_off, 2, 9, 6, 5),
            (holder, 3, 1, 7, 7),
        ]
        write(opened(), 0, 1 << 48)  # as the embedded engine does
        for store, generation, batch, value, expected in steps:
            write(store, value, generation << 48 | batch)
            assert (read(store), read(opened())) == (expected, expected)

    def test_a_vanished_refusal_has_a_version_too(self, opened: Open) -> None:
        """Who was written off cannot bring it back, nor remove one that stands since."""
        holder, written_off = opened(), opened()
        steps: list[tuple[IdentityStore, int, list[Refusal], list[Refusal]]] = [
            # batch, what appeared, what stands afterwards
            (holder, 5, [], []),
            (written_off, 4, [REFUSAL], []),
            (holder, 5, [REFUSAL], [REFUSAL]),
            (written_off, 4, [], [REFUSAL]),
            (holder, 6, [], []),
        ]
        for store, batch, appeared, expected in steps:
            vanished = [] if appeared else [REFUSAL]
            store.write_refusals("r", appeared, vanished, 2 << 48 | batch)
            for one in (store, opened()):
                assert one.refusals_of("r", {A.id}) == expected


class TestMemory(VersionContract, IdentityStoreContract):
    """The simulation's store keeps to both contracts."""

    @pytest.fixture
    def opened(self) -> Open:
        """Sessions on the same rows; nothing fails."""
        rows, chance = IdentityRows(), quiet(Random(1))

        def say(_who: str, _what: str) -> None:
            """Keep no trace."""

        return lambda: IdentitySession(rows, Process("test", chance, say))

    @pytest.fixture
    def store(self, opened: Open) -> IdentityStore:
        """One of them."""
        return opened()


@pytest.mark.any_store(always=True)
class TestClickHouse(VersionContract):
    """Production's keeps to this one; test_identity_store.py has the other."""

    @pytest.fixture
    def opened(self, database: Database) -> Open:
        """An adapter of its own for each."""
        return lambda: ClickHouseIdentityStore(database)
