"""Bodies of requests: where the events of a provider are in them.

A body is a JSON value, lines of JSON, or a form. Whatever it is, an event of it stands for itself:
it may also come alone, as a line of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import parse_qsl

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.ingest.core.encoding import not_utf8
from services.intake.json_text import read_json

FIELDS_MAX = 1_000
Unpacked = Sequence[Any] | Fault


def in_json(within: str = "", *, lines: bool = False) -> Callable[[bytes], Unpacked]:
    """Reads a body that is an event, a list of them, or an object with events under a name.

    `lines`: it may also be such values line by line.
    """

    def unpacked(payload: bytes) -> Unpacked:
        found = read_json(payload)
        if isinstance(found, Fault) and lines and b"\n" in payload.strip():
            parts = [read_json(line) for line in payload.splitlines() if line.strip()]
            fault = next((one for one in parts if isinstance(one, Fault)), None)
            return fault or [one for part in parts for one in _events(part, within)]
        if isinstance(found, Fault):
            return found
        if not isinstance(found, dict | list):
            return Fault(RejectReason.NOT_JSON, "", "the payload must be a JSON object or a list")
        return _events(found, within)

    return unpacked


def _events(found: Any, within: str) -> list[Any]:
    if isinstance(found, dict) and within in found:
        found = found[within]
    return found if isinstance(found, list) else [found]


def form_of(payload: bytes, last: Collection[str] = ()) -> dict[str, str] | Fault:
    """The fields of a form, of each name the first, for providers write theirs before those of the
    sender's message; of the names in `last`, which they write behind them, the last."""
    try:
        pairs = parse_qsl(
            payload.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except UnicodeDecodeError:
        message = not_utf8(payload) or "the form is not UTF-8"
        return Fault(RejectReason.NOT_JSON, "", message)
    except ValueError:
        return Fault(RejectReason.NOT_JSON, "", f"a form of more than {FIELDS_MAX} fields")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in last or name not in found:
            found[name] = value
    return found


def is_json(payload: bytes) -> bool:
    """Whether a body is meant to be JSON, and no form."""
    return payload.lstrip()[:1] in (b"{", b"[")
