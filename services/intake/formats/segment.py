"""The Segment tracking protocol: a payload is one message, or a body of `/v1/batch` on one line.

RudderStack's libraries speak it, too. A file has no time of receipt, so a message needs its own.
"""

from __future__ import annotations

from schemas.faults import Fault
from services.intake.format import Format, Translated
from services.intake.segment.message import Sending
from services.intake.segment.payload import parsed, translated

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024


def touchpoints(payload: bytes) -> Translated | Fault:
    """The touchpoints of each message, or why it has none."""
    body = parsed(payload)
    return body if isinstance(body, Fault) else translated(body, Sending())


FORMAT = Format("segment", PAYLOAD_BYTES_MAX, touchpoints)
"""Messages and batches of the Segment protocol."""
