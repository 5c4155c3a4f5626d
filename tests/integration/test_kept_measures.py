"""What measures were is kept as it was: whatever is merged, sent or defined later."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from schemas.rules.insights import insight_rules
from services.api.actions import kafka_sink
from services.api.ports import Access
from services.api.queries.insights import (
    INSIGHTS_HISTORY,
    INSIGHTS_KEEP,
    HistoryRequest,
    KeepRequest,
)
from services.api.read_store import ReadStore, access_to
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.core.result import KeptMeasure
from services.measures.ports import MeasureSource
from services.runtime.errors import NotFound
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.profile_store import READ_AT, REALM, SECRET, Store, bought, node

pytestmark = pytest.mark.any_store
MEASURE = "repeat_purchase_rate"
DAY = 24 * 60


TIMES = count()


class LookedAtLater(ReadStore):
    """Its clock is a second later at each look."""

    @property
    def measures(self) -> MeasureSource:
        later = READ_AT + timedelta(seconds=next(TIMES))
        return MeasureReader(self.reading, self.realms, insight_rules(), lambda: later)


def access(database: Database) -> Access:
    """The operations, as the service starts them but for that clock."""
    settings = load_settings(identity_secret=SECRET.decode())
    found = access_to(settings, database, kafka_sink(settings))
    return found._replace(reads=LookedAtLater(settings, database))


def keep(database: Database, *measures: str) -> list[KeptMeasure]:
    return list(INSIGHTS_KEEP.run(access(database), KeepRequest(realm=REALM, measures=measures)))


def history(database: Database, limit: int = 30) -> list[KeptMeasure]:
    asked = HistoryRequest(realm=REALM, measure=MEASURE, limit=limit)
    return list(INSIGHTS_HISTORY.run(access(database), asked))


def buyers(count: int) -> list[Any]:
    """Persons with one purchase each."""
    return [
        bought(f"e{n}", f"O{n}", "9.00", n * DAY, f"email=p{n}@example.org") for n in range(count)
    ]


def test_a_merge_changes_no_kept_answer(database: Database) -> None:
    """The measure is another one after it; what it was stands with the map of then, the latest
    first."""
    store = Store(database)
    store.take(*buyers(10))
    [first] = keep(database, MEASURE)
    assert (first.result.n, first.result.value) == (10, 0.0)
    nodes = [node("email", f"p{n}@example.org") for n in range(2)]
    store.place(nodes[0], *nodes)
    [second] = keep(database, MEASURE)
    assert (second.result.n, second.result.counts["repeat_buyers"]) == (9, 1)
    assert int(second.map_version) > int(first.map_version)
    assert history(database) == [second, first]
    assert history(database, limit=1) == [second]


def test_too_small_groups_are_not_kept(database: Database) -> None:
    """What nobody may see now is in no row, so nobody sees it later."""
    store = Store(database)
    store.take(*buyers(4))
    [kept] = keep(database, MEASURE)
    assert (kept.result.n, kept.result.value, kept.result.counts) == (None, None, {})
    [(text,)] = database.rows("SELECT result FROM insight_values")
    assert '"n":4' not in text
    assert '"flags":["suppressed"]' in text


def test_every_measure_is_kept_unless_some_are_named(database: Database) -> None:
    """Of an empty store, too; unknown names and realms are said."""
    Store(database)
    names = [one.result.measure for one in keep(database, "nps", "csat")]
    assert names == ["nps", "csat"]
    with pytest.raises(NotFound, match="no measure 'weight'"):
        keep(database, "weight")
    for fault, realm, measure in (("realm", "nowhere", MEASURE), ("no measure", REALM, "weight")):
        asked = HistoryRequest(realm=realm, measure=measure)
        with pytest.raises(NotFound, match=fault):
            list(INSIGHTS_HISTORY.run(access(database), asked))


def test_answers_of_another_definition_are_no_comparison(database: Database) -> None:
    """The history shows them; a score takes the latest of its own definition."""
    store = Store(database)
    store.take(*buyers(6))
    reads = access(database).reads
    [kept] = keep(database, MEASURE)
    older = kept.result.model_copy(update={"definition": f"{MEASURE}/0"})
    access(database).writes.keep_measures([KeptMeasure(map_version="7", result=older)])
    found = reads.kept_measures.latest(REALM, MEASURE, 5, kept.result.definition)
    assert found == [kept]


def test_keeping_twice_what_is_the_same_keeps_one(database: Database) -> None:
    """A repeated write adds no row to the history."""
    Store(database).take(*buyers(6))
    [kept] = keep(database, MEASURE)
    access(database).writes.keep_measures([kept])
    assert history(database) == [kept]
