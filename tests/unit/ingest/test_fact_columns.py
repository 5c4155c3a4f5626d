"""The columns of a fact: their names, and what each kind of event writes into its own group."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas.claim import Statement, quantity_of
from schemas.examples import EXAMPLES
from schemas.identifiers import node_id
from schemas.instants import to_ms
from schemas.subject import Subject
from services.ingest.core.fact import claims_group
from services.ingest.core.fact_row import COLUMNS
from services.ingest.core.outcome import Accepted
from tests.customer_kind import WITH_CUSTOMERS
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line

COOKIE = node_id(SECRET, "default", "cookie", "", "c-1")
LINE = {"sku": "A-1", "category": "shoes", "quantity": "2", "total": "10.00"}
LINES = {
    "lines.sku": ["A-1"],
    "lines.kind": ["product"],
    "lines.category": ["shoes"],
    "lines.quantity": [2],
    "lines.total": [10],
}


def accepted(fields: dict[str, Any]) -> Accepted:
    """The outcome of an event in the realm "default": Germany, paid in EUR."""
    found = core().process(line(fields), RECEIVED_AT)
    assert isinstance(found, Accepted), found
    return found


@pytest.mark.parametrize("type_", sorted(EXAMPLES))
def test_a_row_has_every_column(type_: str) -> None:
    """The names are those of the table, whatever the event says."""
    assert set(accepted(EXAMPLES[type_]).row) == set(COLUMNS)


def test_the_envelope() -> None:
    """Where an event comes from, who it is about, and how it was read."""
    source = {"system": "till", "store": "12", "synthetic": True}
    sent = event(channel="pos", source=source, occurred_at="2026-11-20T10:00:00Z")
    found = accepted(sent)
    row = found.row
    assert row["event_id"] == found.event_id == sent["event_id"]
    assert (row["channel"], found.channel) == ("pos", "pos")
    assert (row["source_system"], row["source_store"]) == ("till", "12")
    assert row["occurred_at"] == row["corrected_at"] == row["received_at"] - 26 * 3_600_000
    assert row["received_at"] == found.received_ms == to_ms(RECEIVED_AT)
    assert (row["anchor_type"], row["anchor_verified"]) == ("cookie", False)
    assert (row["node"], row["ids.node"]) == (COOKIE, [COOKIE])
    assert (row["ids.type"], row["ids.verified"]) == (["cookie"], [False])
    assert (row["synthetic"], row["payload"]) == (True, line(sent))


@pytest.mark.parametrize(
    ("type_", "body", "columns"),
    [
        (
            "order.placed",
            {"order_id": "o-1", "issuer": "web", "lines": [LINE]},
            {"order_action": "placed", "order_issuer": "web", "order_id": "o-1", "return_id": "",
             "order_counts": True, "order_currency": "EUR", "order_value": 10, **LINES},
        ),
        (
            "order.placed",
            {"order_id": "o-1", "receipt_kind": "void", "currency": "CHF", "gross": "7"},
            {"order_counts": False, "order_currency": "CHF", "order_value": 7,
             **{name: [] for name in LINES}},
        ),
        (
            "order.cancelled",
            {"order_id": "o-1", "lines": [LINE]},
            {"order_action": "cancelled", "order_counts": True, "order_value": 10, **LINES},
        ),
        (
            "order.returned",
            {"order_id": "o-1", "return_id": "r-1", "refund": "5", "currency": "CHF"},
            {"order_action": "returned", "order_id": "o-1", "return_id": "r-1", "order_value": 5,
             "order_counts": True, "order_currency": "CHF"},
        ),
        (
            "order.returned",
            {"order_id": "o-1", "refund": "5", "lines": [LINE]},
            {"return_id": "e-1", "order_value": 10, **LINES},  # without a number, the event's own
        ),
        ("order.returned", {"order_id": "o-1"}, {"order_value": 0}),
        (
            "order.status_changed",
            {"order_id": "o-1", "status": "shipped"},
            {"order_action": "status", "order_id": "o-1", "order_counts": False, "order_value": 0},
        ),
        (
            "profile.updated",
            {"attributes": {"city": "Ulm", "email": None}},
            {"attrs.name": ["city", "email"], "attrs.value": ["Ulm", ""],
             "attrs.present": [True, False]},
        ),
        (
            "offer.published",
            {"sku": "A-1", "price": "9.99", "market": "AT", "location": "7", "currency": "CHF"},
            {"offers.sku": ["A-1"], "offers.market": ["AT"], "offers.location": ["7"],
             "offers.basis": ["published"], "offers.price": [Decimal("9.99")],
             "offers.currency": ["CHF"], "offers.quantity": [0],
             "claims.kind": ["missing_on_channel", "reduction_without_lowest_price"]},
        ),
        (
            "offer.published",
            {"sku": "A-1", "price": "9.99"},
            {"offers.market": ["DE"], "offers.currency": ["EUR"]},
        ),
        (
            "offer.published",
            {"sku": "A-1", "availability": "in_stock"},
            {"claims.kind": ["availability_mismatch", "missing_on_channel"],
             "claims.subject_type": ["product", "product"], "offers.sku": ()},
        ),
        (
            "survey.answered",
            {"kind": "csat",
             "answers": [{"question": "q1", "score": "4", "expected": "5", "choice": "b"}]},
            {"survey_kind": "csat", "answers.question": ["q1"], "answers.score": [4],
             "answers.expected": [5], "answers.choice": ["b"]},
        ),
        ("page.viewed", {}, {"survey_kind": "", "answers.question": (), "attrs.name": ()}),
    ],
)  # fmt: skip
def test_each_body_fills_its_group(
    type_: str, body: dict[str, Any], columns: dict[str, Any]
) -> None:
    """What the body says stands in the columns of its group, by name; the rest is empty."""
    outcome = accepted(event(type_, body=body, event_id="e-1"))
    assert {name: outcome.row[name] for name in columns} == columns
    assert outcome.has_attributes is (type_ == "profile.updated")


@pytest.mark.parametrize(
    ("type_", "source", "body", "campaign"),
    [
        ("email.opened", "", "K1", "K1"),
        ("email.opened", "K2", "K1", "K2"),  # the source's own stands first
        ("page.viewed", "K2", None, "K2"),
        ("page.viewed", "", None, ""),
    ],
)
def test_the_campaign_of_an_event(type_: str, source: str, body: str | None, campaign: str) -> None:
    """Its source names it, else its body."""
    fields = event(
        type_,
        source={"system": "mail", "campaign": source},
        body={} if body is None else {"campaign": body},
    )
    assert accepted(fields).row["campaign"] == campaign


def test_claims_carry_who_said_them_and_when() -> None:
    """A claim has the version of its event; edges have its id and time."""
    two = [identifier("cookie", "c-1"), identifier("device_id", "d-1")]
    sent = event("product.viewed", identifiers=two, revision=3, body={"offer": {"sku": "A-1",
                 "price": "9.99", "availability": "in_stock"}})  # fmt: skip
    outcome = accepted(sent)
    assert len(outcome.claims) == 4
    assert {one.version for one in outcome.claims} == {outcome.version}
    assert outcome.version >> 32 == 3
    [edge] = outcome.edges
    assert (edge.event_id, edge.first_seen_ms) == (outcome.event_id, outcome.occurred_ms)
    assert len(outcome.row["claims.body"]) == 3  # prices have columns of their own
    assert all(map(orjson.loads, outcome.row["claims.body"]))


def test_a_claim_about_a_customer_is_kept_with_its_anchor_and_quantity() -> None:
    """Its book is that of the node under which the event stands."""
    sent = event("profile.updated", body={"attributes": {"city": "Ulm"}})
    outcome = core(kinds=WITH_CUSTOMERS).process(line(sent), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    [claim] = outcome.claims
    assert isinstance(claim, Statement)
    assert claim.book.subject == Subject.customer(outcome.node)
    [kept] = claims_group([(claim, Decimal(2))])["claims.body"]
    assert quantity_of(kept) == 2
