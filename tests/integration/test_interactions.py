"""What measures read of events: one row of the kind that counts, whatever a correction says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.examples import EXAMPLES
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.fact_row import FactRow
from services.ingest.core.interaction import KIND_OF
from services.ingest.core.outcome import Accepted
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from services.store.database import Database
from tests.events import RECEIVED_AT, core, event, line

pytestmark = pytest.mark.any_store
BODIES = {
    "review.posted": {"sku": "1", "rating": 2},
    "support.contacted": {"case_id": "C", "wait_s": 0, "solved": False},
    "page.viewed": {"url": "/"},
}


def accepted(name: str) -> Accepted:
    """The example of an event type."""
    outcome = core().process(line(dict(EXAMPLES[name])), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def test_every_type_stands_in_its_kind(database: Database) -> None:
    """Types of one family stand together, under the name of the family."""
    store = ClickHouseFactStore(database)
    store.write_facts([accepted(name) for name in KIND_OF], 1)
    rows = database.rows("SELECT type, kind FROM interactions FINAL")
    assert dict(rows) == KIND_OF
    assert len(rows) == len(KIND_OF)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_a_correction_may_change_the_kind(database: Database, order: tuple[int, ...]) -> None:
    """The last revision alone counts, also where it belongs to no kind."""
    types = list(BODIES)
    for last in range(len(types)):
        stage = IngestStage(core(), ClickHouseFactStore(database))
        turned = [*types[last + 1 :], *types[: last + 1]]
        name = f"e-{last}"
        for batch, revision in enumerate(order, 10 * last + 1):
            type_name = turned[revision]
            sent = line(event(type_name, event_id=name, revision=revision, body=BODIES[type_name]))
            decoded = stage.decode([Line(sent, len(sent))], RECEIVED_AT)
            stage.store(decoded, batch)
            stage.acknowledge(batch, RECEIVED_AT)
        found = database.rows(
            f"SELECT kind, rating, case_id, wait_s, solved FROM interactions FINAL "
            f"WHERE event_id = '{name}' AND type != ''"
        )
        wanted = {
            "review.posted": [("word_of_mouth", Decimal(2), "", None, None)],
            "support.contacted": [("case", None, "C", 0, False)],
            "page.viewed": [],
        }
        assert found == wanted[types[last]]


@pytest.mark.parametrize("junk", ["{", "[]", '{"wait_s":"x","due":"y","amount":"z"}', "\0ü"])
def test_no_text_stops_an_insert(database: Database, junk: str) -> None:
    """What the view cannot read is empty; the event is stored, and so are its neighbours."""
    good, bad = accepted("support.contacted"), accepted("action.planned")
    bad = bad._replace(row=FactRow.of({**bad.row, "details": junk}))
    ClickHouseFactStore(database).write_facts([bad, good], 1)
    rows = database.rows("SELECT type, case_id, due, wait_s FROM interactions FINAL ORDER BY type")
    assert rows == [("action.planned", "", None, None), ("support.contacted", "C-5521", None, 95)]
