"""Validation faults of a JSON document: the reject reason, the field and a message.

One translation for events, for records between services and for all other input that is a tagged
union. Nothing here quotes a value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from pydantic import ValidationError

from schemas.reject import RejectReason

PLACE = re.compile(r" at line 1 column (\d+)$")
"""A document is one line here, whatever its number in the file that it came from."""
FIELD_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")


class Fault(NamedTuple):
    """The first fault of a document. `path` is empty where the whole is at fault."""

    reason: RejectReason
    path: str = ""
    message: str = ""


def fault_of(error: ValidationError, tag: str, unknown: str) -> Fault:
    """The first fault of a document that is one of a union discriminated by the field `tag`.

    `unknown` says that there is no such member of the union.
    """
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if fault["type"] == "json_invalid":
        return Fault(RejectReason.NOT_JSON, message=PLACE.sub(r" at byte \1", fault["msg"]))
    if fault["type"] == "union_tag_invalid":
        return Fault(RejectReason.UNKNOWN_TYPE, tag, unknown)
    if fault["type"] == "union_tag_not_found":
        return Fault(RejectReason.INVALID_FIELD, tag, "Field required")
    path = path_of(fault["loc"][1:])  # loc[0] is the tag's value
    return Fault(RejectReason.INVALID_FIELD, path, fault["msg"])


def path_of(steps: Sequence[int | str]) -> str:
    """The path of a field. It ends before a name that only a sender can have made up, as a key of
    a map: such a name may be anybody's address."""
    named = takewhile(lambda step: isinstance(step, int) or FIELD_NAME.fullmatch(step), steps)
    return ".".join(map(str, named))
