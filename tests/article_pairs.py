"""Customers who buy articles in pairs, so that what goes together foretells more than what sells
best."""

from __future__ import annotations

from typing import Any

from tests.profile_store import event

DAY = 24 * 60
PAIRS, MEMBERS = 12, 10
"""So many pairs of articles, each of so many persons; as many more know both from long before."""


def who(name: str) -> str:
    return f"email={name}@example.org"


def buys(name: str, day: int, sku: str, category: str = "lamps", **more: Any) -> dict[str, Any]:
    lines = [{"sku": sku, "category": category, "total": "9.00"}]
    order = f"O-{name}-{day}-{sku}"
    return event(order, "order.placed", day * DAY, who(name), order_id=order, lines=lines, **more)


def looks(name: str, day: int, sku: str, number: int = 0) -> dict[str, Any]:
    about = f"V-{name}-{day}-{sku}-{number}"
    return event(about, "product.viewed", day * DAY + number, who(name), sku=sku)


def keeps(name: str, day: int, *skus: str) -> dict[str, Any]:
    items = [{"sku": sku} for sku in skus]
    return event(
        f"K-{name}-{day}", "cart.updated", day * DAY, who(name), cart_id=f"K{name}", items=items
    )


def planted() -> list[dict[str, Any]]:
    """Whoever looked at the first of a pair bought the second in March; before that others had
    bought both, of whom one bought the first again of late, and all others the same."""
    found = []
    for pair in range(PAIRS):
        first, then = f"A{pair:02d}", f"B{pair:02d}"
        for member in range(MEMBERS):
            new, old = f"n{pair}-{member}", f"o{pair}-{member}"
            found += [looks(new, 0, first), keeps(new, 1, first), buys(new, 10, then)]
            found += [buys(old, -90, first), buys(old, -89, then)]
            found.append(buys(old, 12, first if member == 0 else "C"))
    return found
