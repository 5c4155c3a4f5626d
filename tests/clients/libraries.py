"""The libraries of Segment and RudderStack for Python, as they come: each of the six calls once.

Run by the outside environment, which has them: library, address, write key, user id. Prints what
went wrong, one line each.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def failed(error: Any, _batch: Any) -> None:
    """A batch that the library gives up."""
    sys.stdout.write(f"{type(error).__name__} {error}\n")


def main(library: str, host: str, write_key: str, user: str) -> None:
    """Send, and wait until everything is sent or given up."""
    name = {"segment": "segment.analytics.client", "rudderstack": "rudderstack.analytics.client"}
    client = import_module(name[library]).Client(
        write_key, host=host, on_error=failed, gzip=library == "rudderstack", max_retries=2
    )
    product = {"product_id": "CM-200", "name": "Coffee maker 200", "price": 79.9, "quantity": 1}
    order = {"order_id": f"o-{user}", "total": 79.9, "currency": "EUR", "products": [product]}
    client.identify(user, {"plan": "premium"}, anonymous_id=f"c-{user}")
    client.track(user, "Order Completed", order)
    client.page(user, "Retail", "Home", {"url": "https://shop.example.com/"})
    client.screen(user, "Retail", "Start")
    client.group(user, "K-1", {"name": "Initech"})
    client.alias(f"c-before-{user}", user)
    client.flush()
    client.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
