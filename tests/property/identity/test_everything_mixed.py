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

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.rules.identity import IdentityRules
from services.api.digest import state_digest
from services.api.read_store import ReadStore
from services.embedded import engine as engine_module
from services.identity.core.model import Pair, better
from services.identity.core.resolve import resolve
from services.identity.rebuild import rebuilt_parts
from services.ingest.core.outcome import Accepted
from services.store.database import Database
from tests.conftest import empty_tables
from tests.mixed_process import REALM, VALUES, Faults, Mixed, Process
from tests.tiers import volumes

SEED = int(os.environ.get("FUZZ_SEED", "0"))
RUNS = int(os.environ.get("FUZZ_RUNS", "40"))
EDGES = """SELECT a, a_type, a_issuer, b, b_type, b_issuer, toUnixTimestamp64Milli(first_seen),
event_id, verified FROM edges FINAL"""
DECISIONS = """SELECT a, a_type, a_issuer, b, b_type, b_issuer, verdict, author, reason,
toUnixTimestamp64Milli(decided_at) FROM decisions FINAL ORDER BY a, b"""
MAP = "SELECT node, profile, kind FROM map FINAL"
MARKS = "SELECT DISTINCT node FROM marks ORDER BY node"
FACTS = "SELECT event_id FROM touchpoints FINAL"
KEPT = "SELECT * FROM kept_objections FINAL ORDER BY ALL"
LEDGER = "SELECT node, toUnixTimestamp64Milli(max(erased_at)) FROM erasures GROUP BY node"
KNOWN = "SELECT DISTINCT node FROM node_values"
TEXT_COLUMNS = """SELECT table, groupArray(name) FROM system.columns
WHERE database = currentDatabase() AND position(type, 'String') > 0 AND table IN (
    SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
    AND total_rows > 0) GROUP BY table"""


def edges_of(database: Database) -> dict[Pair, Edge]:
    """The stored edges."""
    found = {}
    for a, a_type, a_issuer, b, b_type, b_issuer, first_ms, event_id, verified in database.rows(
        EDGES
    ):
        ends = Node(a.int, a_type, a_issuer), Node(b.int, b_type, b_issuer)
        found[a.int, b.int] = Edge(*ends, first_ms, event_id, verified)
    return found


def decisions_of(database: Database) -> list[Decision]:
    """The stored decisions."""
    return [
        Decision(Node(a.int, *a_is), Node(b.int, *b_is), Verdict(verdict), *said)
        for a, *a_is, b, b_type, b_issuer, verdict, author, reason, at_ms in database.rows(
            DECISIONS
        )
        for b_is, said in [((b_type, b_issuer), (author, reason, at_ms))]
    ]


def require_resolved(database: Database, rules: IdentityRules) -> None:
    """The map is that of the stored edges, decisions and marks from scratch."""
    marks = {node.int for (node,) in database.rows(MARKS)}
    expected = resolve(edges_of(database).values(), decisions_of(database), marks, rules)
    stored = {node.int: (profile.int, kind) for node, profile, kind in database.rows(MAP)}
    assert stored == {n: (p.profile, p.kind.value) for n, p in expected.placements.items()}


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


def require_forgotten(database: Database) -> None:
    """No text holds the value of an erased identifier that has not come back since."""
    known = {node.int for (node,) in database.rows(KNOWN)}
    gone = [
        VALUES[node.int]
        for node, _ in database.rows(LEDGER)
        if node.int not in known and node.int in VALUES
    ]
    for table, columns in database.rows(TEXT_COLUMNS):
        text = "concat(" + ", '|', ".join(f"toString(`{one}`)" for one in columns) + ", '')"
        found = database.rows(
            f"SELECT count() FROM `{table}` WHERE arrayExists("
            f"one -> positionCaseInsensitive({text}, one) > 0, {{gone:Array(String)}})",
            {"gone": gone},
        )
        assert found == [(0,)], table


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


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    """The sections that are not the same."""
    return {name for name in one if one[name] != other[name]}


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
