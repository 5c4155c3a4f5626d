"""Recorded bodies of `POST /v1/touchpoints`: a payload is `{"batch": [event, …]}` on one line.

It lets a sender keep what it could not send, and import the file later.
"""

from __future__ import annotations

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.batch import NoBatch, batch_lines
from services.intake.format import Format

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024


def touchpoints(payload: bytes) -> list[bytes] | Fault:
    """The events of the body; a fault within one event leaves the others as they are."""
    try:
        return batch_lines(payload)
    except NoBatch as error:
        return Fault(RejectReason.INVALID_FIELD, "batch", str(error))


FORMAT = Format("batch", PAYLOAD_BYTES_MAX, touchpoints)
"""Request bodies, one a line."""
