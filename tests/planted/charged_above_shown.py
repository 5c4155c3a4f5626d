"""A customer sees a price in the app and pays more at the till twenty minutes later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.events import identifier
from tests.planted import Json, Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The app's user and the loyalty card are one person; another article, another person, a page
    of yesterday and a coupon are no contradiction."""
    make = Sayer(at, tag)
    user = identifier("app_user", f"{tag}-user", verified=True)
    card = identifier("loyalty_card", f"{tag}-card", verified=True)
    other = identifier("loyalty_card", f"{tag}-other", verified=True)
    noon = 24 + (12 - at.hour) % 24

    def viewed(article: str, price: str, hours: float) -> Json:
        offer = {"sku": f"{tag}-{article}", "price": price}
        body = {"sku": offer["sku"], "offer": offer}
        return make.said("product.viewed", "app", hours, body, identifiers=[user])

    def bought(number: str, article: str, price: str, hours: float, **line: Any) -> Json:
        one = {"sku": f"{tag}-{article}", "unit_price": price, "total": price, **line}
        body = {"order_id": f"{tag}-{number}", "lines": [one]}
        source = {"system": "till", "store": f"{tag}-store"}
        who = [other if number == "stranger" else card]
        return make.said("order.placed", "pos", hours, body, identifiers=who, source=source)

    joined = {"attributes": {"language": "de"}}
    events = [
        make.said("profile.updated", "app", 0, joined, identifiers=[user, card]),
        viewed("wrong", "9.99", noon),
        bought("stranger", "wrong", "9.99", noon + 0.1),
        bought("1", "wrong", "12.99", noon + 1 / 3),
        viewed("old", "9.99", noon),
        bought("2", "old", "12.99", noon + 1.5),
        viewed("coupon", "9.99", noon),
        bought("3", "coupon", "12.99", noon + 0.5, total="9.99",
               discounts=[{"kind": "coupon", "amount": "3.00"}]),
    ]  # fmt: skip
    expected = {
        "kind": "charged_above_shown",
        "sku": f"{tag}-wrong",
        "channel": "pos",
        "location": f"{tag}-store",
        "state": "resolved",
        "cause": "shown_elsewhere",
        "severity": "medium",
        "expected": "9.99",
        "observed": "12.99",
        "minutes": 20,
        "shown_on": "app",
        "exposure": {
            "touchpoints": 1,
            "customers": 1,
            "orders": 1,
            "overcharged": "3.00",
            "undercharged": "0.00",
        },
    }
    return Planted(events, [expected])
