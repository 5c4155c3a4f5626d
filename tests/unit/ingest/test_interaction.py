"""What measures read of an event: its kind, and typed values of the validated event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.examples import EXAMPLES
from schemas.touchpoint import EVENT_TYPES
from services.ingest.core.fact_row import COLUMNS
from services.ingest.core.interaction import (
    FIELDS,
    KIND_OF,
    NO_DETAILS,
    InteractionDetails,
    columns_of_details,
)
from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, core, event, line


def row_of(fields: dict[str, Any]) -> Any:
    """The row of an accepted event."""
    outcome = core().process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    return outcome.row


def said(type_name: str, **body: Any) -> tuple[str, dict[str, Any]]:
    """Kind and details of an event."""
    row = row_of(event(type_name, body=body))
    return row["interaction"], json.loads(row["details"] or "{}")


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_has_its_kind_or_none(name: str) -> None:
    """By its type alone; what is stored is read again as it was."""
    row = row_of(dict(EXAMPLES[name]))
    assert row["interaction"] == KIND_OF.get(name, "")
    values = zip(FIELDS, columns_of_details(row["details"]), NO_DETAILS, strict=True)
    assert [name for name, value, empty in values if value != empty] == sorted(
        json.loads(row["details"] or "{}"), key=FIELDS.index
    )


def test_fields_are_apart_from_the_columns_of_facts() -> None:
    """A field is named as a column that facts have only where both mean the same."""
    assert set(FIELDS) & set(COLUMNS) == {"order_id", "survey"}
    assert columns_of_details("") == NO_DETAILS
    assert len(NO_DETAILS) == len(InteractionDetails.__struct_fields__)


def test_values_that_say_nothing_are_left_away() -> None:
    """Zero, `false` of a question and the customer as author are said; empty fields are not."""
    kind, found = said("support.contacted", case_id="C", wait_s=0, solved=False, repeated=False)
    assert (kind, found) == ("case", {"case_id": "C", "wait_s": 0, "solved": False})
    assert said("message.exchanged", conversation_id="D") == (
        "dialogue",
        {"case_id": "D", "author": "customer"},
    )
    assert said("search.performed", query="x", results=0)[1] == {"query": "x", "results": 0}


def test_values_are_those_of_the_event_and_not_as_they_were_sent() -> None:
    """Numbers, booleans and times in one notation; money has a currency."""
    found = said(
        "contract.started",
        contract_id=" C-1 ",
        value_per_year=24,
        until="2028-04-03T01:00:00.5+02:00",
        kind="warranty",
        product="plus",
    )[1]
    assert found == {
        "contract_id": "C-1",
        "value_per_year": "24",
        "currency": "EUR",
        "until": "2028-04-02 23:00:00.500",
        "body_kind": "warranty",
        "sku": "plus",
    }
    at = datetime(2028, 4, 2, 23, 0, 0, 500_000, tzinfo=UTC)
    values = dict(zip(FIELDS, columns_of_details(json.dumps(found)), strict=True))
    assert values["until"] == at.timestamp() * 1000
    assert values["value_per_year"] == Decimal(24)


@pytest.mark.parametrize("year", ["0001-01-01", "1900-12-31", "2199-01-01", "9999-12-31"])
def test_times_that_no_store_holds_are_none(year: str) -> None:
    """The event is stored; the time is not."""
    found = said("contract.ended", contract_id="C", until=f"{year}T23:59:59-12:00")[1]
    assert found == {"contract_id": "C", "until": None}


LINE = {"sku": "a", "total": "8.00"}


@pytest.mark.parametrize(
    ("more", "is_reduced"),
    [
        ({}, False),
        ({"discounts": [{"kind": "promotion", "amount": 1}]}, True),
        ({"discounts": [{"kind": "coupon", "amount": 1}]}, True),
        ({"discounts": [{"kind": "loyalty", "amount": 1}]}, True),
        ({"discounts": [{"kind": "personal", "amount": 1}]}, True),
        ({"discounts": [{"kind": "staff", "amount": 1}]}, False),
        ({"discounts": [{"kind": "quantity", "amount": 1}]}, False),
        ({"sale_kind": "clearance"}, True),
        ({"sale_kind": "clearance", "kind": "gift_card"}, False),
        ({"sale_kind": "clearance", "seller": "other"}, False),
    ],
)
def test_what_was_sold_at_a_reduction(more: dict[str, Any], is_reduced: bool) -> None:
    """Own products and services with a discount for customers, or not sold as usual."""
    lines = [{"sku": "b", "total": "5.00"}, LINE | more]
    kind, found = said("order.placed", order_id="O", lines=lines)
    wanted = {"order_id": "O", "skus": ["a"], "amount": "8.00", "currency": "EUR"}
    assert (kind, found) == (("purchase", wanted) if is_reduced else ("", {}))


def test_a_void_receipt_promises_nothing() -> None:
    """Nor does one of a training."""
    body = {"order_id": "O", "promised_at": "2026-03-02T18:00:00Z"}
    assert said("order.placed", **body)[1]["promised_at"] == "2026-03-02 18:00:00.000"
    assert said("order.placed", **body, receipt_kind="void") == ("", {})


def test_carts_and_pages_name_their_articles() -> None:
    """By themselves, else by the offer that stood there."""
    items = [{"sku": "a"}, {"offer": {"sku": "b", "price": 1}}, {}]
    assert said("cart.updated", items=items)[1] == {"skus": ["a", "b", ""]}
    assert said("product.viewed", offer={"sku": "b", "price": 1})[1] == {"sku": "b"}


def test_bounces_and_programs_are_recognised() -> None:
    """By what the mailbox said, and by the user agent; the reason may quote an address and is
    not repeated."""
    assert said("email.bounced", reason="550 no such user")[1] == {"bounce": "hard"}
    assert said("email.bounced", bounce="soft", reason="550")[1] == {"bounce": "soft"}
    assert said("email.bounced", reason="mailbox full")[1] == {}
    assert said("email.opened", user_agent="GoogleImageProxy")[1] == {"automated": True}
    assert said("email.opened", message_id="m")[1] == {"message_id": "m"}


def test_an_answer_of_nobody_is_apart_from_its_order() -> None:
    """Else the order would say who answered."""
    body = {
        "kind": "nps", "survey": "s", "wave": "w", "case_id": "C", "order_id": "O",
        "answers": [{"question": "q", "score": 9, "scale_min": 0, "scale_max": 10}],
    }  # fmt: skip
    named = row_of(event("survey.answered", body=body))
    nobodys = row_of(event("survey.answered", body=body, identifiers=[]))
    names = ("survey", "survey_wave", "survey_case_id", "survey_order_id", "answers.scale_max")
    assert [named[one] for one in names] == ["s", "w", "C", "O", [Decimal(10)]]
    assert [nobodys[one] for one in names] == ["s", "w", "", "", [Decimal(10)]]
    assert nobodys["anchor_type"] == "record"
