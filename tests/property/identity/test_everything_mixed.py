"""Traffic, decisions, other rules, erasures, expiry and kills in any order give one state (real
engine).

A random history is played with faults at any write, and then looked at: the map is `resolve` of
what is stored, all that the ledgers let stand is stored, values of the erased are
nowhere, the whole history sent again changes nothing, and without any fault it ends in the same
state. `FUZZ_RUNS=1 FUZZ_SEED=<seed>` plays one history again.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from random import Random

import pytest

from schemas.edge import Edge
from services.api.digest import state_digest
from services.api.read_store import ReadStore
from services.embedded import engine as engine_module
from services.identity.core.model import Pair, better
from services.identity.rebuild import rebuilt_parts
from services.ingest.core.outcome import Accepted
from services.store.database import Database
from tests.conftest import empty_tables
from tests.mixed_checks import (
    FACTS,
    LEDGER,
    MARKS,
    decisions_of,
    differing,
    edges_of,
    require_forgotten,
    require_resolved,
)
from tests.mixed_history import REALM
from tests.mixed_process import Faults, Mixed, Process
from tests.tiers import volumes

SEED = int(os.environ.get("FUZZ_SEED", "0"))
RUNS = int(os.environ.get("FUZZ_RUNS", "40"))
KEPT = "SELECT * FROM kept_objections FINAL ORDER BY ALL"


def require_kept(mixed: Mixed, process: Process) -> None:
    """Stored is what the ledgers let stand of all that was ever sent, and nothing else; but for
    links of others that an event made which went with an erased person."""
    core = process.engine._core
    facts, edges = set[str](), dict[Pair, Edge]()
    for one in (one for one in mixed.history if one.kind == "events"):
        lines, intake = one.what
        for each in lines:
            outcome = core.process(each, one.received_at, intake)
            if isinstance(outcome, Accepted):
                facts.add(outcome.event_id)
                for edge in outcome.edges:
                    pair = edge.a.id, edge.b.id
                    edges[pair] = better(edges.get(pair, edge), edge)
    assert {event_id for (event_id,) in process.database.rows(FACTS)} == facts
    stored = edges_of(process.database)
    assert not edges.keys() - stored.keys()
    for pair, edge in stored.items():
        if edge.event_id in facts:
            assert edge == edges[pair]
        elif pair in edges:
            assert better(edge, edges[pair]) == edge
    until = {node.int: at_ms for node, at_ms in process.database.rows(LEDGER)}
    said = [(edge.a, edge.b, edge.first_seen_ms) for edge in stored.values()]
    said += [(one.a, one.b, one.decided_ms) for one in decisions_of(process.database)]
    for a, b, at_ms in said:
        assert all(at_ms > until.get(end.id, -1) for end in (a, b))


def state_of(process: Process) -> dict[str, str]:
    """The digest by section, with what it leaves out of the identity graph."""
    reads = ReadStore(process.engine.settings, process.database)
    found = state_digest(process.database, reads.profiles)
    del found["all"]
    return found | {
        "marks": str(process.database.rows(MARKS)),
        "decisions": str(decisions_of(process.database)),
        "kept_objections": str(process.database.rows(KEPT)),
    }


def played(database: Database, directory: Path, seed: int, faults: Faults) -> Mixed:
    """The history of a seed, checked."""
    rng = Random(seed)
    empty_tables(database)
    mixed = Mixed(database, directory, rng, faults)
    try:
        mixed.run(rng.choice((5, 8, 12)))
        process = mixed.process
        require_resolved(database, process.engine.rules.of(REALM))
        require_kept(mixed, process)
        require_forgotten(database)
        found = state_of(process)
        mixed.send_all_again()
        assert differing(found, state_of(process)) == set(), "after all was sent again"
        empty_tables(database)
        fresh = Process(database, directory)
        for one in mixed.history:
            fresh.carry_out(one)
            fresh.finish_rules()
        assert differing(found, state_of(fresh)) == set(), "without faults"
    except Exception as error:
        told = "\n".join(mixed.trace)
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\n{told}") from error
    return mixed


@pytest.mark.parametrize("runs", volumes(min(RUNS, 2), RUNS))
def test_everything_mixed_gives_one_state(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    """Whatever comes in whichever order, and wherever the process dies."""
    # Small parts, so that much comes between them; and no pause before a mutation is looked at.
    monkeypatch.setattr(engine_module, "rebuilt_parts", partial(rebuilt_parts, nodes_per_part=3))
    monkeypatch.setattr("services.store.waiting.pauses", lambda: iter(lambda: 0.02, 0.0))
    faults, kinds = Faults(monkeypatch), set[str]()
    for seed in range(SEED, SEED + runs):
        kinds |= {one.kind for one in played(database, tmp_path, seed, faults).history}
    if runs > 20:  # few histories need not have everything
        assert kinds == {"events", "decision", "rules", "erasure", "expiry"}
        assert faults.struck > runs
