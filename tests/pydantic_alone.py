"""Lines read by pydantic alone: what every other way to read them is held to, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from unittest.mock import patch

import orjson
from pydantic import BaseModel, ValidationError

from schemas.reject import RejectReason
from schemas.touchpoint import Touchpoint, TouchpointAdapter
from services.ingest.core import event_processor
from services.ingest.core.decode import UNHASHED, decode, explain, fits, too_large
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake, Reject
from tests.events import RECEIVED_AT


def decode_by_pydantic(line: bytes) -> tuple[Touchpoint, int] | Reject:
    """What `decode` answers, if nothing but the model reads."""
    if not fits(line, len(line)):
        return Reject(RejectReason.TOO_LARGE, message=too_large(len(line)))
    try:
        event, plain = TouchpointAdapter.validate_json(line), orjson.loads(line)
    except ValidationError as error:
        return explain(error, line)
    except orjson.JSONDecodeError as error:
        return Reject(RejectReason.NOT_JSON, message=str(error))
    kept = {name: value for name, value in plain.items() if name not in UNHASHED}
    canonical = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
    return event, int.from_bytes(blake2b(canonical, digest_size=4).digest())


def differences(found: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Where two readings of one line differ: values and their types, decimals by every digit. Of
    times the zone may be another object, if it is the same distance from UTC."""
    if isinstance(wanted, BaseModel):
        if found.__class__ is not type(wanted):
            yield f"{path}: {found!r} for {wanted!r}"
            return
        for name in type(wanted).model_fields:
            yield from differences(getattr(found, name), getattr(wanted, name), f"{path}.{name}")
    elif type(found) is not type(wanted):
        yield f"{path}: {found!r} for {wanted!r}"
    elif isinstance(wanted, Mapping):
        yield from differences(list(found.items()), list(wanted.items()), path)
    elif isinstance(wanted, list | tuple):
        if len(found) != len(wanted):
            yield f"{path}: {len(found)} for {len(wanted)}"
        for at, (one, other) in enumerate(zip(found, wanted, strict=False)):
            yield from differences(one, other, f"{path}.{at}")
    elif _exactly(found) != _exactly(wanted):
        yield f"{path}: {found!r} for {wanted!r}"


def _exactly(value: Any) -> Any:
    match value:
        case datetime():
            return value.replace(tzinfo=None), value.utcoffset()
        case Decimal():
            return value.as_tuple()
        case float():
            return repr(value)
    return value


def assert_decoded_alike(line: bytes) -> None:
    """`decode` reads a line as pydantic alone does, or rejects it in the same words."""
    found, wanted = decode(line), decode_by_pydantic(line)
    assert not list(differences(found, wanted)), line


def assert_processed_alike(
    core: EventProcessor, line: bytes, intake: Intake = Intake.FILE
) -> Accepted | Reject:
    """The whole outcome of a line, with the row and all records derived from it, is that of reading
    with pydantic alone; it is returned."""
    found = core.process(line, RECEIVED_AT, intake)
    with patch.object(event_processor, "decode", decode_by_pydantic):
        wanted = core.process(line, RECEIVED_AT, intake)
    assert not list(differences(found, wanted)), line
    return found
