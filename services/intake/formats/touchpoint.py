"""The native format: a payload is one touchpoint as JSON. Every other format is translated to it.

Nothing is parsed here: ingest rejects what is no touchpoint, with a reason and the field at fault.
"""

from __future__ import annotations

from schemas.touchpoint import EVENT_BYTES_MAX
from services.intake.format import Format


def touchpoints(payload: bytes) -> list[bytes]:
    """The payload itself."""
    return [payload]


FORMAT = Format("touchpoint", EVENT_BYTES_MAX, touchpoints, lists=True, keeps_unread=True)
"""Touchpoints, one a line, or in a list."""
