"""A decision that the store did not take is finished by the next batch, or by the next start."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import NodeId
from schemas.placement import Placement, ProfileKind
from schemas.records import DecisionRecord
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.ports import Placed
from services.ingest.core.outcome import Intake
from services.runtime.errors import Retry
from tests.simulation.embedded import Embedded
from tests.simulation.scenario import BEGIN, REALMS

REALM = next(iter(REALMS))
A, B, C = (Node(number, "email", "") for number in (1, 2, 3))


class Refusing(MemoryIdentityStore):
    """Takes decisions, and while told so no row of the map."""

    is_refusing = False

    def write_placements(
        self, realm: str, placements: Mapping[NodeId, Placed], version: int = 0
    ) -> None:
        """See the port."""
        if self.is_refusing:
            raise Retry("no room on the disk")
        super().write_placements(realm, placements, version)


def same(x: Node, y: Node) -> DecisionRecord:
    """Somebody decided that they are one."""
    return DecisionRecord.of(REALM, Decision(x, y, Verdict.SAME, "kim", "ticket", 5))


@pytest.mark.parametrize("how", ["next batch", "next decision", "next start"])
def test_what_was_given_up_is_finished(how: str) -> None:
    """Whoever decided was told to try again; the stored decision is in force all the same."""
    store = Refusing()
    embedded = Embedded(lambda: BEGIN, store)
    embedded.pipeline._sleep = lambda _seconds: None
    store.is_refusing = True
    with pytest.raises(Retry):
        embedded.pipeline.act([same(A, B)])
    assert store.all_decisions(REALM)
    assert store.all_placements(REALM) == {}
    store.is_refusing = False
    nodes = [A.id, B.id]
    if how == "next batch":
        embedded.pipeline.finish(embedded.pipeline.decode([], Intake.SERVER))
    elif how == "next decision":
        embedded.pipeline.act([same(B, C)])
        nodes.append(C.id)
    else:
        embedded.start()
        embedded.pipeline.recover()
    one = Placement(A.id, ProfileKind.PERSON)
    assert store.all_placements(REALM) == dict.fromkeys(nodes, one)
    embedded.start()
    assert embedded.pipeline.recover() == 0
    assert store.decisions_after(1 << 48 | embedded.rows.checkpoint) == []
