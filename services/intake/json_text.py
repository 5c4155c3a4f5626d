"""JSON of foreign senders, read so that what is wrong in one message costs no other.

Half of a character, `NaN` and the like, numbers that no float reaches, and what is nested too
deeply are read as something that cannot be written again: the message that has it is refused alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import orjson

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.ingest.core.encoding import not_utf8
from services.intake.batch import STEPS, STRING

LEVELS_MAX, LEVELS_AROUND = 254, 2
"""Of objects within objects: of a message, as many as can be written; and of a body around it."""
TOO_DEEP = re.compile(b"\x01+")
UNWRITABLE = "has a number or a character that none is, or is nested too deeply"


class _NoValue:
    """What is written as a value and is none: `NaN` and the like, which some libraries write though
    JSON has none, numbers that no float reaches, and what is nested too deeply."""

    def __str__(self) -> str:
        return "NaN"


def read_json(payload: bytes) -> Any | Fault:
    """The value of a text, with half characters and what is no value in it where there are some:
    they are the fault of the message that has them only."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            return _leniently(payload)
        except (ValueError, RecursionError):
            return Fault(RejectReason.NOT_JSON, "", not_utf8(payload) or str(error))


def written(plain: Any) -> tuple[bytes, Fault | None]:
    """A message as JSON; or, with the fault, as much of it as can be written."""
    try:
        return orjson.dumps(plain), None
    except TypeError:
        content = json.dumps(_shallow(plain, LEVELS_MAX), default=str).encode()
        return content, Fault(RejectReason.NOT_JSON, "", UNWRITABLE)


def _leniently(payload: bytes) -> Any:
    text = b"".join(_without_depths(payload)).decode()
    return json.loads(
        text, parse_int=_number, parse_float=_number, parse_constant=lambda _: _NoValue()
    )


def _number(digits: str) -> Any:
    """As the other parser reads it, so that the messages beside make no difference."""
    try:
        return orjson.loads(digits)
    except orjson.JSONDecodeError:
        return _NoValue()


def _without_depths(payload: bytes) -> Iterator[bytes]:
    """The text with `NaN` for all that is nested too deeply."""
    depth_max, copied = LEVELS_MAX + LEVELS_AROUND, 0
    if payload.count(b"[") + payload.count(b"{") > depth_max:
        bare = STRING.sub(lambda found: b" " * len(found[0]), payload)
        depths = accumulate(map(STEPS.__getitem__, bare))
        for found in TOO_DEEP.finditer(bytes(map(depth_max.__lt__, depths))):
            yield payload[copied : found.start()] + b"NaN"
            copied = found.end() + 1  # behind the bracket that leaves the depth
    yield payload[copied:]


def _shallow(value: Any, levels: int) -> Any:
    """The value without what is nested further than so many levels."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return _NoValue()
    if isinstance(value, dict):
        return {key: _shallow(one, levels - 1) for key, one in value.items()}
    return [_shallow(one, levels - 1) for one in value]
