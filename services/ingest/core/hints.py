"""Hints to the sender of an accepted event: attributes that nobody will find or that cannot be
read, and totals that contradict their lines.

A hint changes nothing: the value is kept as it was sent. It names the field and what would be
understood, and never quotes a value.
"""

from __future__ import annotations

from schemas.attributes import FORMS, is_no_value, read_attribute
from schemas.events.master_data import ProfileUpdated
from schemas.events.orders import OrderPlaced
from schemas.rules.profile import ProfileRules
from schemas.touchpoint import Touchpoint
from services.ingest.core.fact import is_order_discount
from services.ingest.core.outcome import Hint, HintReason

PATH = "body.attributes."
NO_VALUE = "a placeholder, which replaces no value; null withdraws one"
UNLISTED = "unknown attribute, kept as it is; the profile rules may list it"


def attribute_hints(event: Touchpoint, rules: ProfileRules, region: str) -> tuple[Hint, ...]:
    """The hints of a profile.updated event, in the order of its attributes; none for others."""
    if event.type != "profile.updated":
        return ()
    body: ProfileUpdated = event.body
    hints: list[Hint] = []
    for name, value in body.attributes.items():
        if not rules.knows(name):
            meant = rules.meant(name)
            message = f"unknown attribute, kept as it is; is it {meant}?" if meant else UNLISTED
            hints.append(Hint(HintReason.UNKNOWN_ATTRIBUTE, PATH + name, message))
        elif value:
            type_ = rules.type_of(name)
            if not read_attribute(type_, value, region, event.occurred_at).is_valid:
                is_none = is_no_value(value.strip())
                message = NO_VALUE if is_none else f"not read as {FORMS[type_]}, kept as it is"
                hints.append(Hint(HintReason.UNREADABLE_ATTRIBUTE, PATH + name, message))
    return tuple(hints)


def order_hints(event: Touchpoint) -> tuple[Hint, ...]:
    """The hint of an order whose total and lines cannot both be true; none for others."""
    if event.type != "order.placed":
        return ()
    body: OrderPlaced = event.body
    if body.gross is None or not body.lines:
        return ()
    if body.gross == sum(line.total for line in body.lines):
        return ()
    counts = "the total counts" if is_order_discount(body) else "the lines count"
    message = f"not the sum of the lines: {counts}"
    return (Hint(HintReason.TOTAL_CONTRADICTS, "body.gross", message),)
