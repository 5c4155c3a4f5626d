"""The app ends a promotion days before all others, and terms that only look different."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer

DAY = 24


def plant(at: datetime, tag: str) -> Planted:
    """Only one end differs. Neither does an end minutes before midnight of the same day, nor a
    channel that names no end, nor another promotion."""
    make = Sayer(at, tag)
    begin = make.at.replace(hour=12, minute=0)

    def promotion(
        channel: str, begins: float, ends: float | None, name: str = "week"
    ) -> dict[str, object]:
        terms = {"promotion": f"{tag}-{name}", "sale_kind": "promotion", "sku": tag}
        hours = (begin - make.at).total_seconds() / 3600
        window = {"valid_from": make.after(hours + begins * DAY).isoformat()}
        if ends is not None:
            window["valid_to"] = make.after(hours + ends * DAY).isoformat()
        return make.said("offer.published", channel, 0, {**terms, **window, "price": "5.00"})

    events = [
        promotion("shop", 4, 20),
        promotion("pos", 4.05, 19.95),
        promotion("email", 4, None),
        promotion("app", 4, 16),
        promotion("app", 4, 17, name="app-only"),
    ]
    expected = {
        "kind": "promotion_mismatch",
        "sku": tag,
        "channel": "app",
        "state": "resolved",
        "cause": "wrong_promotion_terms",
    }
    return Planted(events, [expected])
