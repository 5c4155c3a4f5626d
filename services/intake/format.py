"""What a format is: how the payloads of one sender are translated to touchpoints.

A payload is one line of a file, or of JSON one object, also over several lines. It is never read in
part: either all of its touchpoints come out, or it is unreadable as a whole and is rejected with
its bytes and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.faults import Fault


@dataclass(frozen=True)
class Format:
    """One format. `touchpoints` is pure: the same payload always gives the same touchpoints.

    Whether a touchpoint is valid is not decided here; ingest rejects each one for itself.
    """

    name: str
    """Name in `c360 ingest --format NAME`."""
    payload_bytes_max: int
    """Larger payloads are rejected without being read."""
    touchpoints: Callable[[bytes], Sequence[bytes] | Fault]
    """The touchpoints of a payload, each as a JSON line, or why it cannot be read. Never raises;
    the fault quotes nothing of the payload."""
    lists: bool = False
    """A file may also be a list of payloads, or request bodies that hold them."""
    is_json: bool = True
    """A file that holds no JSON is refused as a whole; otherwise each of its lines is a payload."""
