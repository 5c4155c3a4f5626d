"""Whose a rejected line is: the realm that its text names, as far as it can be read.

The table of rejected lines computes the same (schemas/sql/0014_realm_of_rejects.sql); a test
compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection

import orjson

from schemas.reject import RejectReason
from schemas.touchpoint import DEFAULT_REALM

REALM_CHARS_MAX = 32
UNREADABLE = ""


def named_realm(line: bytes) -> str:
    """The realm that a line names; empty if it cannot be read, or is named twice."""
    try:
        orjson.loads(line)  # strict, and bounded in depth
        pairs = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(pairs, list) or not line.lstrip().startswith(b"{"):
        return UNREADABLE
    named = [value for name, value in pairs if name == "realm"]
    if not named:
        return DEFAULT_REALM
    is_name = len(named) == 1 and isinstance(named[0], str) and len(named[0]) <= REALM_CHARS_MAX
    return named[0] if is_name else UNREADABLE


def is_of(realm: str, named: str, reason: str, configured: Collection[str]) -> bool:
    """Whether a key of the realm may see a line that names `named`.

    Where there is only one realm, lines that name none that is configured are its own. What a key
    of another realm sent is no realm's: it says one realm, and comes from the other.
    """
    if len(configured) == 1:
        return named in (realm, UNREADABLE) or named not in configured
    return named == realm and reason != RejectReason.OTHER_REALM
