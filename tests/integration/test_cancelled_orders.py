"""A cancelled order takes back what it claimed: incidents and exposure, on the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from services.consistency.adapters.reader import IncidentReader
from services.consistency.rules import consistency_rules
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.settings import RealmSettings
from services.store.database import Database
from tests.events import event, identifier, line
from tests.integration.test_recovery import pipeline
from tests.tiers import always

Json = dict[str, Any]
REALM = RealmSettings()
ANNA = [identifier("customer_number", "1001", issuer="shop", verified=True)]
TILL = {"system": "till", "store": "017", "till": "2"}
DEAR = {"sku": "A", "unit_price": "32.41", "total": "32.41"}
OTHER = {"sku": "B", "unit_price": "25.00", "total": "25.00"}
PUBLISHED = [
    event("offer.published", event_id=f"list-{sku}", body={"sku": sku, "price": "10.00"},
          occurred_at="2026-11-01T10:00:00Z", identifiers=[], source={"system": "list"})
    for sku in "AB"
]  # fmt: skip
END = [
    event(event_id=f"z-{channel}", channel=channel, occurred_at="2026-11-20T00:00:00Z")
    for channel in ("shop", "pos", "app")
]


def receipt(number: str, *lines: Json, at: str = "10:00", **body: Any) -> Json:
    """A receipt of one till, by Anna."""
    return event(
        "order.placed",
        event_id=f"{body.get('receipt_kind', 'sale')}-{number}",
        channel="pos",
        identifiers=ANNA,
        source=TILL,
        body={"order_id": number, "lines": list(lines), **body},
        occurred_at=f"2026-11-09T{at}:00Z",
    )


def cancelled(number: str, *lines: Json, **fields: Any) -> Json:
    """Its cancellation at the same till."""
    return event(
        "order.cancelled",
        **{"event_id": f"c-{number}", "channel": "pos", "identifiers": [], "source": TILL}
        | {"body": {"order_id": number, "lines": list(lines)}}
        | {"occurred_at": "2026-11-09T10:05:00Z"}
        | fields,
    )


def send(database: Database, *batches: list[Json]) -> None:
    """Through the embedded pipeline, with a tick after each batch."""
    register_realms(database, {"default": REALM}, personal_types(identity_rules()))
    for batch in batches:
        run = pipeline(database)
        run.finish(run.decode([Line(line(one), len(line(one))) for one in batch], Intake.FILE))
        run.tick()


def told(database: Database) -> dict[str, tuple[int, int, str]]:
    """Of each incident that is not retracted: article, then touchpoints, orders and overcharge."""
    reader = IncidentReader(database, consistency_rules(), lambda _realm, _nodes: {})
    found = {}
    for view in reader.listed("default"):
        shown = view.model_dump()
        article = (shown["subject"] | shown["details"])["sku"]
        figures = shown["exposure"]
        written = str(figures["overcharged"])
        found[f"{view.kind} {article}"] = (figures["touchpoints"], figures["orders"], written)
    return found


A_ALONE = {"price_mismatch A": (1, 1, "22.41")}
B_ALONE = {"price_mismatch B": (1, 1, "15.00")}
VOID = {"receipt_kind": "void"}
TAKING_BACK = {
    "cancelled": cancelled("1"),
    "every line": cancelled("1", DEAR, OTHER),
    "void by number": receipt("2", at="10:03", voids="1", **VOID),
    "void of the same number": receipt("1", at="10:03", **VOID),
    "void line by line": receipt("2", OTHER, DEAR, at="10:03", **VOID),
    "negative receipt": receipt(
        "2",
        *(one | {"quantity": "-1", "total": f"-{one['total']}"} for one in (DEAR, OTHER)),
        at="10:03",
    ),
}


@pytest.mark.parametrize("back", TAKING_BACK.values(), ids=TAKING_BACK)
@pytest.mark.parametrize("order", always({(2, 1, 0)}, [(0, 1, 2), (2, 1, 0)]), ids=str)
def test_nothing_is_left_of_it(database: Database, back: Json, order: tuple[int, ...]) -> None:
    """Whichever came first: the receipt, what takes it back, or the prices."""
    batches = [[*PUBLISHED], [receipt("1", DEAR, OTHER)], [back]]
    send(database, [*END], *(batches[number] for number in order))
    assert told(database) == {}


STANDING = {
    "another number": cancelled("9"),
    "another till": cancelled("1", source=TILL | {"till": "3"}),
    "a test journey": cancelled("1", source=TILL | {"synthetic": True}),
    "a return": event(
        "order.returned", event_id="r", channel="pos", identifiers=ANNA, source=TILL,
        body={"order_id": "1", "return_id": "r", "lines": [DEAR]},
        occurred_at="2026-11-09T10:05:00Z",
    ),
    "a void of something else": receipt("2", OTHER, at="10:03", **VOID),
    "a void before": receipt("2", DEAR, at="09:59", **VOID),
    "a void hours later": receipt("2", DEAR, at="11:01", **VOID),
    "a void of another number": receipt("2", DEAR, at="10:03", voids="9", **VOID),
    "training": receipt("1", DEAR, at="10:03", receipt_kind="training"),
    "one of two sorts": cancelled("1", OTHER),
}  # fmt: skip


@pytest.mark.parametrize("other", STANDING.values(), ids=STANDING)
def test_what_does_not_cancel_it_in_one_batch(database: Database, other: Json) -> None:
    """No claim of the product was known before: what is to be read again is in the facts alone."""
    send(database, [*PUBLISHED, receipt("1", DEAR), other, *END])
    assert told(database) == A_ALONE


@pytest.mark.parametrize("other", STANDING.values(), ids=STANDING)
@pytest.mark.parametrize("is_first", always({True}, [False, True]))
def test_what_does_not_cancel_it(database: Database, other: Json, is_first: bool) -> None:
    """It stands, and who paid counts."""
    batches = [[receipt("1", DEAR)], [other]]
    send(database, [*END, *PUBLISHED], *(reversed(batches) if is_first else batches))
    found = told(database)
    assert found["price_mismatch A"] == A_ALONE["price_mismatch A"]


@pytest.mark.parametrize("is_first", [False, True])
def test_some_lines_take_back_those_alone(database: Database, is_first: bool) -> None:
    """The other article was bought at that price."""
    batches = [[receipt("1", DEAR, OTHER)], [cancelled("1", DEAR)]]
    send(database, [*END, *PUBLISHED], *(reversed(batches) if is_first else batches))
    assert told(database) == B_ALONE


def test_two_partial_cancellations_add_up(database: Database) -> None:
    """Half of a line leaves the price claimed; both halves do not."""
    two = DEAR | {"quantity": "2", "total": "64.82"}
    send(database, [*END, *PUBLISHED], [receipt("1", two)], [cancelled("1", DEAR)])
    assert set(told(database)) == {"price_mismatch A"}
    send(database, [cancelled("1", DEAR, event_id="c-again")])
    assert told(database) == {}


@pytest.mark.parametrize(
    "corrected",
    [cancelled("8", event_id="c-1", revision=1), event(event_id="c-1", channel="pos", revision=1)],
    ids=["another order", "something else"],
)
@pytest.mark.parametrize("is_first", always({True}, [False, True]))
def test_a_cancellation_that_is_corrected(
    database: Database, corrected: Json, is_first: bool
) -> None:
    """The order counts again."""
    first, second = [cancelled("1")], [receipt("1", DEAR)]
    batches = [first, second] if is_first else [second, first]
    send(database, [*END, *PUBLISHED], *batches, [corrected])
    assert told(database) == A_ALONE


def test_an_undoing_receipt_that_is_corrected(database: Database) -> None:
    """It undoes another one now, so the first counts again."""
    undo = receipt("2", DEAR, at="10:03", **VOID)
    send(database, [*END, *PUBLISHED], [receipt("1", DEAR)], [undo])
    assert told(database) == {}
    send(database, [undo | {"revision": 1, "body": {"order_id": "2", **VOID}}])
    assert told(database) == A_ALONE


@pytest.mark.parametrize("is_first", [False, True])
def test_an_order_that_is_corrected(database: Database, is_first: bool) -> None:
    """Its number was wrong: the one that it has now was never cancelled."""
    wrong = receipt("1", DEAR)
    right = wrong | {"revision": 1, "body": wrong["body"] | {"order_id": "3"}}
    batches = [[wrong], [right]] if is_first else [[right], [wrong]]
    send(database, [*END, *PUBLISHED], [cancelled("1")], *batches)
    assert told(database) == A_ALONE


def test_who_was_shown_less_and_cancelled(database: Database) -> None:
    """The page stands, but nobody paid: neither kind reports the purchase."""
    seen = event(
        "product.viewed", event_id="seen", channel="app", identifiers=ANNA,
        body={"sku": "A", "offer": {"sku": "A", "price": "10.00"}},
        occurred_at="2026-11-09T09:50:00Z",
    )  # fmt: skip
    send(database, [*END, *PUBLISHED, seen], [receipt("1", DEAR)])
    assert set(told(database)) == {"price_mismatch A", "charged_above_shown A"}
    send(database, [cancelled("1")])
    assert told(database) == {}


def test_two_receipts_one_voided(database: Database) -> None:
    """The other one keeps the incident open, and only who paid counts."""
    send(
        database,
        [*END, *PUBLISHED],
        [receipt("1", DEAR), receipt("5", DEAR, at="11:00")],
        [cancelled("1")],
    )
    assert told(database) == A_ALONE
