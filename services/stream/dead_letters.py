"""Dead letters: rejected records for `c360.rejected`, byte for byte, with the reason."""

from __future__ import annotations

from schemas.instants import from_ms
from schemas.records import RejectedHeaders
from schemas.reject import NOT_KEPT, RejectReason
from services.stream.ports import Delivery, Headers, Outgoing

REJECTED_TOPIC = "c360.rejected"
UNKNOWN_LETTER = "unknown_dead_letter"
"""Reason of a NotFound: no dead letter has that id."""
BY_OTHER_REALM = "a key of another realm sent it. If that is right, send it with a key of its realm"
"""Why such an event is not sent again as it is: it would then have the rights of its realm."""
PREFIX = "c360-"
MESSAGE_CHARS_MAX = 200
VALUE_BYTES_MAX = 1024 * 1024
"""A larger value is truncated: a record that no topic accepts would stop the worker."""
ATTACHED_BYTES_MAX = 256 * 1024
"""Of key and headers together; beyond it, they are dropped."""


def dead_letter(
    delivery: Delivery,
    reason: RejectReason,
    path: str = "",
    message: str = "",
    event_id: str = "",
) -> Outgoing:
    """The dead letter of a delivery: its value, key and headers, with reason and origin; of what is
    rejected because it must not be kept, only reason and origin."""
    if reason in NOT_KEPT:
        delivery, event_id = delivery._replace(value=b"", key=None, headers=()), ""
    own = RejectedHeaders(
        reason=reason,
        path=path[:MESSAGE_CHARS_MAX],
        message=message[:MESSAGE_CHARS_MAX],
        event_id=event_id[:100],
        received_at=from_ms(delivery.timestamp_ms),
        raw_bytes=len(delivery.value or b""),
        source_topic=delivery.topic,
        source_partition=delivery.partition,
        source_offset=delivery.offset,
    )
    texts = own.model_dump(mode="json", by_alias=True)
    headers = tuple((name, str(value).encode()) for name, value in texts.items())
    key, original = delivery.key, original_headers(delivery.headers)
    if len(key or b"") + sum(len(n) + len(v) for n, v in original) > ATTACHED_BYTES_MAX:
        key, original = None, ()
    value = (delivery.value or b"")[:VALUE_BYTES_MAX]
    return Outgoing(REJECTED_TOPIC, value, key=key, headers=(*original, *headers))


def original_headers(headers: Headers) -> Headers:
    """The headers that a record had before it was dead-lettered."""
    return tuple((name, value) for name, value in headers if not name.startswith(PREFIX))
