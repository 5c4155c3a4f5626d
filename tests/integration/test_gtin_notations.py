"""One GTIN in several notations is one product on the real engine, in whatever batches it comes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from services.store.database import Database
from tests.events import event
from tests.integration.test_cancelled_orders import END, receipt, send, told

Json = dict[str, Any]
PRINTED, FILLED, SPACED = "4006381333931", "04006381333931", "4 006381 333931"
LIST = event(
    "offer.published",
    event_id="list",
    body={"gtin": PRINTED, "price": "10.00"},
    occurred_at="2026-11-01T10:00:00Z",
    identifiers=[],
    source={"system": "list"},
)


def sold(gtin: str, price: str, sign: str = "") -> Json:
    """A line of a receipt; a negative one takes it back."""
    return {
        "gtin": gtin,
        "unit_price": price,
        "quantity": f"{sign}1",
        "total": f"{sign}{price}",
    }


DEAR = receipt("0001", sold(FILLED, "32.41"))
UNDONE = receipt("0002", sold(SPACED, "32.41", "-"), at="10:20")


@pytest.mark.parametrize("seed", range(2))
def test_a_till_and_a_list_in_two_notations(database: Database, seed: int) -> None:
    """One incident, of the article as it is printed; each event alone, in any order."""
    batches = [[LIST], [DEAR], END]
    random.Random(seed).shuffle(batches)
    send(database, *batches)
    found = told(database)
    assert found == {f"price_mismatch {PRINTED}": (1, 1, "22.41")}
    send(database, [LIST, DEAR, *END])  # repeated in one go
    assert told(database) == found


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_receipt_undone_in_another_notation(database: Database, order: tuple[int, ...]) -> None:
    """Whichever comes first: the dear receipt proves nothing any more."""
    parts = [[LIST], [DEAR], [UNDONE]]
    send(database, *(parts[at] for at in order), END)
    assert told(database) == {}
