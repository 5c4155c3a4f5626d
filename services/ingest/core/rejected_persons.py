"""Whom a rejected line names: of somebody who was erased, no line is kept that is older.

The line may be wrong in any way, so that each identifier is read for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson

from schemas.identifiers import NodeId
from schemas.instants import to_ms
from schemas.touchpoint import DEFAULT_REALM, IDENTIFIERS_MAX
from services.ingest.core.identify import Identification

ALWAYS_MS = 2**63
"""Later than every time that a line can state."""


def names_erased(
    line: bytes,
    identification: Identification,
    erased_at: Callable[[str, NodeId], int | None],
) -> bool:
    """Whether an identifier of the line was erased after the time that the line states, if any."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(event, dict):
        return False
    realm, stated_ms = event.get("realm", DEFAULT_REALM), _stated_ms(event)
    if not isinstance(realm, str):
        return False
    for node in _nodes(event, realm, identification):
        erased_ms = erased_at(realm, node)
        if erased_ms is not None and (stated_ms is None or stated_ms <= erased_ms):
            return True
    return False


def names_suppressed(
    line: bytes, identification: Identification, is_suppressed: Callable[[str, NodeId], bool]
) -> bool:
    """Whether an identifier of the line is of somebody who must not be processed."""
    return names_erased(
        line, identification, lambda realm, node: ALWAYS_MS if is_suppressed(realm, node) else None
    )


def has_readable_time(line: bytes) -> bool:
    """Whether a line that `names_erased` says when it happened."""
    return _stated_ms(orjson.loads(line)) is not None


def _nodes(event: dict[str, Any], realm: str, identification: Identification) -> Iterator[NodeId]:
    given, source = event.get("identifiers"), event.get("source")
    system = source.get("system") if isinstance(source, dict) else ""
    for one in given[:IDENTIFIERS_MAX] if isinstance(given, list) else ():
        if not isinstance(one, dict):
            continue
        given_texts = (one.get("type"), one.get("issuer") or "", one.get("value"), system or "")
        texts = [text for text in given_texts if isinstance(text, str)]
        if len(texts) == len(given_texts):
            node = identification.node_of(realm, *texts)
            if node is not None:
                yield node


def _stated_ms(event: dict[str, Any]) -> int | None:
    with suppress(TypeError, ValueError, OverflowError):
        stated = datetime.fromisoformat(event.get("occurred_at", ""))
        return to_ms(stated) if stated.tzinfo else None
    return None
