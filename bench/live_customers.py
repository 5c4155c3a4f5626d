"""Customers that come in as events, so that their identifiers can be looked up and written to.

The invented masses of bench/population.py cannot: their node ids are not made by the product.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

SECRET = "identity-secret-of-the-benchmark"
LIVE_CUSTOMERS = 2_000


def live_address(number: int) -> str:
    """Their e-mail address."""
    return f"live{number}@mail.example"


def live_cookie(number: int) -> str:
    """The cookie that their page views come with."""
    return f"live-{number:06}"


def live_events(number: int) -> Iterator[bytes]:
    """What makes them known: three identifiers, a name, a permission."""
    email = {"type": "email", "value": live_address(number), "verified": True}
    numbered = {"type": "customer_number", "value": f"L{number:06}", "verified": True}
    cookie = {"type": "cookie", "value": live_cookie(number), "verified": True}
    bodies = (
        ("identity.linked", [numbered, email, cookie], {"reason": "login"}),
        ("profile.updated", [numbered], {"attributes": {"first_name": "Anna", "city": "Köln"}}),
        ("consent.given", [email], {"purpose": "marketing", "channel": "email"}),
    )
    for place, (type_name, identifiers, body) in enumerate(bodies):
        yield json.dumps(
            {
                "event_id": f"live-{number}-{place}",
                "occurred_at": f"2025-06-01T10:00:{place:02}Z",
                "channel": "shop",
                "type": type_name,
                "identifiers": identifiers,
                "source": {"system": "webshop"},
                "body": body,
            }
        ).encode()
