"""A customer moves and the tills keep the old postal code; a spelling and a second mailbox."""

from __future__ import annotations

from datetime import datetime

from tests.events import identifier
from tests.planted import Json, Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """Only the postal code of the tills is wrong."""
    make = Sayer(at, tag)
    person = [identifier("customer_number", tag, issuer="shop", verified=True)]

    def says(channel: str, hours: float, **attributes: str) -> Json:
        body: Json = {"attributes": attributes}
        return make.said("profile.updated", channel, hours, body, identifiers=person)

    events = [
        says("shop", 0, postal_code="10115", last_name="Müller", birth_date="1971-12-04"),
        says("app", 1, postal_code="D-10115", last_name="MUELLER", birth_date="04.12.1971"),
        says("pos", 2, postal_code="10115", last_name="Dr. Müller", birth_date="1900-01-01"),
        says("shop", 48, postal_code="20095", email="one@example.com"),
        says("app", 96, postal_code="20095", email="two@example.com"),
    ]
    expected = {
        "kind": "customer_data_conflict",
        "channel": "pos",
        "state": "open",
        "cause": "stale_customer_data",
        "field": "postal_code",
        "observed": "…",
    }
    return Planted(events, [expected])
