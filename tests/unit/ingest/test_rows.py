"""The row of an event: the values that the event gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from services.ingest.core.outcome import Accepted, Intake
from tests.events import RECEIVED_AT, core, event, identifier, line, order

CARD = identifier("loyalty_card", "77", issuer="shop", verified=True)


def row(fields: dict[str, Any], intake: Intake = Intake.SERVER) -> dict[str, Any]:
    """The stored row of an event."""
    outcome = core(source_issuers={"webshop": "shop"}).process(line(fields), RECEIVED_AT, intake)
    assert isinstance(outcome, Accepted), outcome
    return dict(outcome.row)


def test_the_envelope() -> None:
    """What every row says of its event."""
    source = {"system": "webshop", "store": "12", "campaign": "spring"}
    found = row(event(identifiers=[CARD], source=source, channel="app", event_id="e"))
    wanted = {
        "realm": "default", "event_id": "e", "channel": "app", "type": "page.viewed",
        "synthetic": False, "active": True, "intake": "server", "source_system": "webshop",
        "source_store": "12", "campaign": "spring", "anchor_type": "loyalty_card",
        "anchor_verified": True, "secret_generation": 1, "ids.type": ["loyalty_card"],
        "ids.verified": [True],
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert found["ids.node"] == [found["node"]]
    assert row(event(identifiers=[], type="survey.answered", body={
        "kind": "csat", "answers": [{"question": "q", "score": 4, "expected": 3, "choice": "c"}],
    }))["anchor_verified"]  # fmt: skip


def test_an_order() -> None:
    """Who placed it where, what it is worth, and its lines; a return has a number of its own."""
    placed = row(order("O-1", "4.00", "3.00", source={"system": "webshop"}))
    wanted = {
        "order_action": "placed", "order_issuer": "shop", "order_id": "O-1", "return_id": "",
        "order_counts": True, "order_currency": "EUR", "order_value": Decimal("7.00"),
    }  # fmt: skip
    assert {name: placed[name] for name in wanted} == wanted
    body = {"order_id": "O-1", "refund": "2.00", "currency": "CHF", "issuer": "erp"}
    returned = row(event("order.returned", body=body, event_id="r"))
    wanted |= {
        "order_action": "returned", "order_issuer": "erp", "return_id": "r",
        "order_currency": "CHF", "order_value": Decimal("2.00"),
    }  # fmt: skip
    assert {name: returned[name] for name in wanted} == wanted
    status = row(event("order.status_changed", body={"order_id": "O-1", "status": "shipped"}))
    assert (status["order_action"], status["order_id"], status["order_counts"]) == (
        "status", "O-1", False,
    )  # fmt: skip


def test_offers_claims_and_answers() -> None:
    """An offer is a price and an availability; an answer has its score and what was expected."""
    offer = {"sku": "A", "price": "2.50", "availability": "in_stock", "location": "12"}
    found = row(event("offer.published", body=offer))
    wanted = {
        "offers.sku": ["A"], "offers.market": ["DE"], "offers.location": ["12"],
        "offers.basis": ["published"], "offers.price": [Decimal("2.50")],
        "offers.currency": ["EUR"], "offers.quantity": [0],
        "claims.kind": [
            "availability_mismatch", "missing_on_channel", "reduction_without_lowest_price",
        ],
        "claims.subject_type": ["product", "product", "product"],
    }  # fmt: skip
    assert {name: list(found[name]) for name in wanted} == wanted
    assert "A" in found["claims.subject"][0]
    answers = [{"question": "q", "score": 4, "expected": 3, "choice": "c"}]
    survey = row(event("survey.answered", body={"kind": "csat", "answers": answers}))
    wanted = {
        "answers.question": ["q"], "answers.score": [4], "answers.expected": [3],
        "answers.choice": ["c"],
    }  # fmt: skip
    assert survey["survey_kind"] == "csat"
    assert {name: list(survey[name]) for name in wanted} == wanted
