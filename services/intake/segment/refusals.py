"""Why a message may become no touchpoint: the fields at fault, for the reference page.

A test compares the list with what is refused.
"""

from __future__ import annotations

from schemas.reject import RejectReason
from services.intake.fields import FieldAtFault

_INVALID = RejectReason.INVALID_FIELD
_ROWS = (
    ("", RejectReason.NOT_JSON, "half of a character, `NaN`, a number that no float reaches, or "
     "more than 254 levels"),
    ("", RejectReason.TOO_LARGE, "more than 32 KB"),
    ("type", RejectReason.UNKNOWN_TYPE, "none of the six calls"),
    ("timestamp", _INVALID, "no RFC 3339 time with a zone; in a file also missing"),
    ("originalTimestamp", _INVALID, "the same"),
    ("sentAt", _INVALID, "the same, or further from the time than a calendar reaches"),
    ("receivedAt", _INVALID, "the same"),
    ("messageId", _INVALID, "more than 100 characters"),
    ("userId", RejectReason.NO_USABLE_IDENTIFIER, "neither `userId` nor `anonymousId`"),
    ("userId", _INVALID, "no text and no whole number; in `alias` also missing"),
    ("anonymousId", _INVALID, "no text and no whole number"),
    ("previousId", _INVALID, "missing in `alias`"),
    ("groupId", _INVALID, "missing in `group`"),
    ("event", _INVALID, "missing in `track`, or more than 300 characters"),
    ("context", _INVALID, "no object; a name in it has more than 100 characters"),
    ("context", RejectReason.NOT_JSON, "half of a character in that of the whole body"),
    ("properties", _INVALID, "no object; more than 500 values, or one of 8,000 characters"),
    ("traits", _INVALID, "no object; more than 60 traits, or one of 500 characters; a name "
     "that no attribute may have, or two that are the same attribute"),
    ("properties.url", _INVALID, "more than 2,000 characters"),
    ("properties.query", _INVALID, "missing in a search"),
    ("properties.conversation_id", _INVALID, "missing in a message of a chat"),
    ("properties.order_id", _INVALID, "missing in an order"),
    ("properties.currency", _INVALID, "missing in an order; no code of three letters"),
    ("properties.total", _INVALID, "no number; in an order without `products` or with `tax` "
     "also missing; or products, discount, shipping and tax do not make it up"),
    ("properties.discount", _INVALID, "negative, or more than the products"),
    ("properties.tax", _INVALID, "negative, or without products to bear it"),
    ("properties.shipping", _INVALID, "negative"),
    ("properties.products", _INVALID, "no list of objects; in a cart also missing"),
    ("properties.products.*.price", _INVALID, "no number, negative, or more than 4 "
            "decimals; in an order or return also missing"),
    ("properties.products.*.quantity", _INVALID, "no number, or more than 4 decimals"),
)  # fmt: skip
REFUSALS = tuple(FieldAtFault(*row) for row in _ROWS)
