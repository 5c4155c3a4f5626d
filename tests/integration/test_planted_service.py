"""What measures say of the customers who are planted for them is what the truth says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from devtools.sample import build_sample
from devtools.sample.insight_truth import MEASURES, PERSONS
from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.core.result import MeasureResult
from services.store.database import Database
from tests.integration.sample.conftest import Built, Row, keys_of
from tests.profile_store import READ_AT, REALM, REALMS, Store, node

pytestmark = pytest.mark.any_store
PLANTED = "person:insight."


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The stream with its truth."""
    folder = tmp_path_factory.mktemp("planted")
    stream, truth = folder / "stream.jsonl", folder / "truth"
    return Built(build_sample(1, 4, stream, truth, insights=True), stream, truth)


@pytest.fixture
def store(database: Database, planted: Built) -> Store:
    """All that the planted customers did, each of them one profile."""
    store, owners, events = Store(database), dict[int, str](), list[Row]()
    for event in planted.events:
        named = [key for key, _ in keys_of(event)]
        whose = {planted.owners[key] for key in named if key in planted.owners}
        if any(one.startswith(PLANTED) for one in whose) or is_of_a_campaign(event):
            events.append(event)
            owners |= {node(key[0], key[2], key[1]): planted.owners[key] for key in named}
    store.take(*events)
    profiles = {owner: number for number, owner in enumerate(sorted({*owners.values()}), 1)}
    columns = ("realm", "profile", "node", "type", "kind", "version")
    rows = [(REALM, profiles[owner], one, "", "person", 1) for one, owner in owners.items()]
    store.database.insert_rows("members", columns, rows)
    return store


def is_of_a_campaign(event: Row) -> bool:
    """It tells of a campaign that is planted, and names nobody."""
    body = event["body"]
    return event["type"] == "campaign.published" and str(body["campaign"]).startswith("insight")


def measured(store: Store, planted: Built, name: str) -> MeasureResult:
    """A measure over all that happened."""
    days = [datetime.fromisoformat(event["occurred_at"]).date() for event in planted.events]
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    return reader.measure(name, REALM, min(days), max(days) + timedelta(days=1))


def truth(planted: Built, name: str) -> Row:
    """The one figure of a measure."""
    [found] = [row for row in planted.truths(MEASURES) if row["measure"] == name]
    return found


def role(planted: Built, name: str) -> list[Row]:
    """The planted persons with a role."""
    found = [row for row in planted.truths(PERSONS) if row["role"] == name]
    assert found
    return found


def cell(result: MeasureResult, by: str, key: str) -> Any:
    """A cell of the breakdown."""
    [found] = [one for one in result.breakdown if (one.by, one.key) == (by, key)]
    return found


def value_of(said: Row) -> Any:
    """A share as the truth says it, in per cent."""
    return pytest.approx(said["value"] / 100, abs=1e-6)


def test_measures_of_service(store: Store, planted: Built) -> None:
    """40 cases that begin on the contact form, 200 conversations with a bot, 52 promises."""
    said, found = truth(planted, "answered_in_time"), measured(store, planted, "response")
    on_form = cell(found, "channel", "contact_form")
    assert (on_form.n, on_form.value) == (said["n"], value_of(said))
    assert cell(found, "wait_median", "contact_form").value == 2 * 3600
    assert cell(found, "wait_nine_of_ten", "contact_form").value == 30 * 3600
    for name in ("first_contact_solved", "told_twice"):
        said = truth(planted, name)
        on_form = cell(measured(store, planted, name), "channel", "contact_form")
        assert (on_form.n, on_form.value) == (said["n"], value_of(said)), name
    found, said = measured(store, planted, "dialogue"), truth(planted, "containment")
    assert (found.n, found.value) == (said["n"], value_of(said))
    assert {**found.counts, **said["counts"]} == found.counts
    for name in ("handover_rate", "lost_at_handover"):
        said = truth(planted, name)
        beside = cell(found, "figure", name)
        assert (beside.n, beside.value) == (said["n"], value_of(said)), name
    for name, key in (("handover_wait_p50_s", "median"), ("handover_wait_p90_s", "nine_of_ten")):
        said = truth(planted, name)
        beside = cell(found, "handover_wait", key)
        assert (beside.n, beside.value) == (said["n"], said["value"])
    said, found = truth(planted, "promise_kept"), measured(store, planted, "promise_kept")
    assert (found.n, found.value, found.counts["kept"]) == (
        said["n"], value_of(said), said["counts"]["kept"],
    )  # fmt: skip
    found = measured(store, planted, "contact_pressure")
    assert found.counts["over"] == len(role(planted, "over_pressed"))
    said, found = truth(planted, "cart_rescue"), measured(store, planted, "cart_rescue")
    assert (found.n, found.value) == (said["n"], value_of(said))
    assert found.counts["rescued"] == said["counts"]["rescued"]
    assert cell(found, "after", "reminded").n == said["counts"]["reminded"]
    said, found = truth(planted, "campaign_effect"), measured(store, planted, "campaign_effect")
    assert (found.n, found.value) == (said["n"], value_of(said))
    assert {**found.counts, **said["counts"]} == found.counts
    said, found = truth(planted, "funnel"), measured(store, planted, "funnel")
    sold = cell(found, "channel", "field_sales")
    assert (sold.n, sold.value) == (said["n"], value_of(said))
    assert found.counts["contract"] == said["counts"]["contract"]
    for reason in ("price", "need"):
        assert cell(found, "lost", reason).n == said["counts"][f"lost_by_{reason}"]


def test_answers_of_the_panel(store: Store, planted: Built) -> None:
    """Two waves: 105 of 380 whom the mail reached, and 120 of 200."""
    found = measured(store, planted, "feedback_loop")
    waves = [row for row in planted.truths(MEASURES) if row["measure"] == "response_rate"]
    assert len(waves) == 2
    for said in waves:
        beside = cell(found, "wave", f"insight-panel {said['population']['wave']}")
        assert (beside.n, beside.value) == (said["n"], value_of(said))
    assert found.counts["bounced"] == sum(said["counts"]["bounced"] for said in waves)
