"""Events of a quiet shop: a few visitors, a price they see, a log-in, a till. Each says now."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

CUSTOMERS = 2_000
PRODUCTS = 500
Event = dict[str, Any]


def events(run: str, chance: random.Random) -> Iterator[Event]:
    """Without end. `run` names them: no two runs have an event id in common."""
    number = 0
    while True:
        customer, product = chance.randrange(CUSTOMERS), chance.randrange(PRODUCTS)
        cookie = {"type": "cookie", "issuer": "shop", "value": f"c-{customer:06}"}
        known = {"type": "customer_number", "issuer": "shop", "value": f"K{customer:06}"}
        article = {"sku": f"{product:06}", "title": "Espresso 1 kg"}
        price = f"{5 + product % 40}.99"
        line = {**article, "quantity": 1, "unit_price": price, "total": price}
        kinds: tuple[tuple[str, str, list[Event], Event], ...] = (
            ("page.viewed", "shop", [cookie], {"url": "https://shop.example/", "title": "Start"}),
            ("product.viewed", "shop", [cookie], {**article, "price": price}),
            ("identity.linked", "shop", [{**known, "verified": True}, cookie], {"reason": "login"}),
            ("product.viewed", "app", [cookie], {**article, "price": price}),
            ("order.placed", "pos", [known], {"order_id": f"{run}-{number}", "lines": [line]}),
        )
        type_name, channel, identifiers, body = kinds[number % len(kinds)]
        yield {
            "event_id": f"{run}-{number}",
            "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "channel": channel,
            "type": type_name,
            "identifiers": identifiers,
            "source": {"system": "till" if channel == "pos" else "webshop"},
            "body": body,
        }
        number += 1


def lines(run: str, count: int, seed: int = 1) -> list[bytes]:
    """So many of them as JSON."""
    source = events(run, random.Random(seed))
    return [orjson.dumps(next(source)) for _ in range(count)]


def body_of(events: list[bytes]) -> str:
    """The body of a request with these events."""
    return '{"batch":[' + ",".join(one.decode() for one in events) + "]}"
