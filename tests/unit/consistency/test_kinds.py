"""A set of kinds: its order, its customer-level kinds, and the models of its incidents."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from schemas.claim import Book
from schemas.examples import EXAMPLES
from schemas.incident import IncidentState
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard, Kinds
from services.consistency.kinds import KINDS
from tests.customer_kind import KIND, NAME
from tests.events import event
from tests.planted import plant_all

from .market import claim, hour, only

HOUR = timedelta(hours=1)
DOCS = Path(__file__).parents[3] / "docs"
OF_THE_PRODUCT = [
    "availability_mismatch",
    "charged_above_advertised",
    "charged_above_shown",
    "contact_pressure",
    "customer_data_conflict",
    "loyalty_balance_mismatch",
    "marketing_without_consent",
    "missing_on_channel",
    "price_mismatch",
    "product_content_mismatch",
    "promotion_mismatch",
    "records_mismatch",
    "reduction_without_lowest_price",
    "reply_overdue",
    "store_data_mismatch",
    "told_twice",
]


def test_kinds_stand_in_the_order_of_their_names() -> None:
    """However they were found; those about customers are known apart."""
    kinds = Kinds([KINDS["price_mismatch"], KIND, KINDS["availability_mismatch"]])
    assert list(kinds) == ["availability_mismatch", NAME, "price_mismatch"]
    assert (kinds.about_customers, "told_twice" in KINDS.about_customers) == ((NAME,), True)
    assert kinds[NAME] is KIND
    assert len(kinds) == 3
    assert list(KINDS) == OF_THE_PRODUCT


def test_the_books_of_customers() -> None:
    """One for each profile and customer-level kind."""
    books = [Book("shop", NAME, Subject.customer(node)) for node in (4, 7)]
    assert Kinds([KINDS["price_mismatch"], KIND]).customer_books("shop", [4, 7]) == books
    assert Kinds([KINDS["price_mismatch"]]).customer_books("shop", [4, 7]) == []


def test_a_claim_about_a_customer_is_filed_under_its_anchor() -> None:
    """In the realm of its event."""
    heard = Heard(TouchpointAdapter.validate_python(event()), hour(0), 0, 7, "DE", "EUR")
    assert heard.customer_book(NAME) == Book("default", NAME, Subject.customer(7))


@pytest.mark.parametrize("kinds", [KINDS, Kinds([KINDS["price_mismatch"]])], ids=["all", "one"])
def test_an_incident_of_any_kind_is_read_by_its_kind(kinds: Kinds) -> None:
    """From JSON to the model with the details of its kind, and back."""
    found = only([claim("shop", "10", 0), claim("app", "12", 0)], 99)
    assert found.state is IncidentState.OPEN
    read = kinds.incident_adapter.validate_json(found.model_dump_json())
    assert read == found
    assert type(read).__name__ == "PriceMismatch"


def test_every_kind_has_a_row_in_the_documentation() -> None:
    """With the type of its subject; most have a page of their own."""
    rows = (DOCS / "kinds" / "README.md").read_text("utf-8").splitlines()
    names = [row.split("`")[1] for row in rows if row.startswith("| [`")]
    assert sorted(names) == list(KINDS)


def test_kinds_make_no_claims_of_what_they_do_not_hear() -> None:
    """Of every type of event, and of all that is planted."""
    events = [*EXAMPLES.values(), *(e for one in plant_all(hour(0), HOUR) for e in one.events)]
    asked = 0
    for fields in events:
        touchpoint = TouchpointAdapter.validate_python(fields)
        heard = Heard(touchpoint, hour(0), 0, 7, "DE", "EUR", is_personal=True)
        hearing = KINDS.hearing(type(touchpoint.body))
        asked += len(hearing)
        for kind in KINDS.values():
            assert kind in hearing or list(kind.claims(heard)) == [], (kind.name, touchpoint.type)
    assert 0 < asked < len(events) * len(KINDS) / 2
