"""Whom a rejected line names: of somebody who was erased, no line is kept that is older.

The line may be wrong in any way, so that each identifier is read for itself; of one that is no JSON
document, what can be read of its beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from json import JSONDecoder
from typing import Any

import orjson

from schemas.identifiers import NodeId
from schemas.instants import to_ms
from schemas.touchpoint import DEFAULT_REALM
from services.ingest.core.identify import Identification

ALWAYS_MS = 2**63
"""Later than every time that a line can state."""
READ_IDENTIFIERS_MAX = 1_000
"""More than an event may have, for it may be rejected for that; and no line keeps ingest busy."""
BLANK = re.compile(r"[ \t\r\n]*")
DECODER = JSONDecoder()


def names_erased(
    line: bytes,
    identification: Identification,
    erased_at: Callable[[str, NodeId], int | None],
    realm: str = "",
) -> bool:
    """Whether an identifier of the line was erased after the time that the line states, if any.

    `realm` is the only one of which its sender may know who was erased; empty for any.
    """
    event, is_whole = _read(line)
    stated_ms = _stated_ms(event)
    named = event.get("realm", DEFAULT_REALM if is_whole or not realm else realm)
    if not isinstance(named, str) or realm not in ("", named):
        return False
    for node in _nodes(event, named, identification):
        erased_ms = erased_at(named, node)
        if erased_ms is not None and (stated_ms is None or stated_ms <= erased_ms):
            return True
    return False


def names_suppressed(
    line: bytes,
    identification: Identification,
    is_suppressed: Callable[[str, NodeId], bool],
    realm: str = "",
) -> bool:
    """Whether an identifier of the line is of somebody who must not be processed."""

    def erased_at(realm: str, node: NodeId) -> int | None:
        return ALWAYS_MS if is_suppressed(realm, node) else None

    return names_erased(line, identification, erased_at, realm)


def has_readable_time(line: bytes) -> bool:
    """Whether a line that `names_erased` says when it happened."""
    return _stated_ms(_read(line)[0]) is not None


def _read(line: bytes) -> tuple[dict[str, Any], bool]:
    """The fields of a line, none if it is no object; and whether they are all."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _first_fields(line.decode(errors="replace")), False
    return (event if isinstance(event, dict) else {}), True


def _first_fields(text: str) -> dict[str, Any]:
    """The fields of an object up to where it is wrong, or breaks off."""
    found: dict[str, Any] = {}
    at = _behind_blanks(text, 1 if text.startswith("\ufeff") else 0)
    separator = "{"
    with suppress(ValueError, RecursionError):
        while text[at : at + 1] == separator:
            name, at = DECODER.raw_decode(text, _behind_blanks(text, at + 1))
            at = _behind_blanks(text, at)
            if not isinstance(name, str) or text[at : at + 1] != ":":
                break
            value, at = DECODER.raw_decode(text, _behind_blanks(text, at + 1))
            found[name] = value
            at, separator = _behind_blanks(text, at), ","
    return found


def _behind_blanks(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _nodes(event: dict[str, Any], realm: str, identification: Identification) -> Iterator[NodeId]:
    given, source = event.get("identifiers"), event.get("source")
    system = source.get("system") if isinstance(source, dict) else ""
    for one in given[:READ_IDENTIFIERS_MAX] if isinstance(given, list) else ():
        if not isinstance(one, dict):
            continue
        given_texts = (one.get("type"), one.get("issuer") or "", one.get("value"), system or "")
        texts = [text for text in given_texts if isinstance(text, str)]
        if len(texts) < len(given_texts):
            continue
        with suppress(UnicodeEncodeError):  # half of a character, as only a broken line can have
            node = identification.node_of(realm, *texts)
            if node is not None:
                yield node


def _stated_ms(event: dict[str, Any]) -> int | None:
    with suppress(TypeError, ValueError, OverflowError):
        stated = datetime.fromisoformat(event.get("occurred_at", ""))
        return to_ms(stated) if stated.tzinfo else None
    return None
