"""Ingest workers go by a suppression that a command writes, also with what they have in hand."""

from __future__ import annotations

import pytest

from services.store.database import Database
from services.store.suppressions import Suppressions, SuppressionStep
from tests.events import RECEIVED_AT, event, identifier, line
from tests.integration.test_erasure import REALM, found_in, node
from tests.integration.test_erasure_on_server import Topics, Workers, run
from tests.planted_person import EMAIL


@pytest.fixture
def workers(database: Database) -> Workers:
    """One of each kind, on empty tables."""
    return Workers(database, Topics())


def test_a_suppressed_person_is_refused_by_what_is_in_hand(workers: Workers) -> None:
    """A batch that was decoded before is decoded again before it is stored; when it is lifted, the
    next one is taken."""
    mail = identifier("email", EMAIL, verified=True)
    store = Suppressions(workers.database)

    def published(name: str) -> None:
        workers.publish(line(event("page.viewed", event_id=name, identifiers=[mail])))

    def step(*, lifted: bool) -> None:
        at = store.after_all(REALM, RECEIVED_AT)
        store.put([SuppressionStep(REALM, "s", (node(EMAIL),), "kim", "asked", at, lifted)])

    async def story() -> None:
        published("zq-in-hand")
        batch = workers.decoded()
        step(lifted=False)
        await workers.store(batch)
        assert not found_in(workers.database, ("zq-in-hand",))
        published("zq-later")
        await workers.store(workers.decoded())
        assert not found_in(workers.database, ("zq-later",))
        published("zq-again")
        batch = workers.decoded()
        step(lifted=True)
        await workers.store(batch)
        assert found_in(workers.database, ("zq-again",))

    run(story())
