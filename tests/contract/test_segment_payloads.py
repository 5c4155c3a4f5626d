"""The documented messages of the Segment specification: each is mapped, or refused as documented.

They are read from beside the checkout, and are no part of it; without them these tests say so and
skip. A call of analytics.js is made the message that this library sends for it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from schemas.faults import Fault
from schemas.touchpoint import TouchpointAdapter
from services.intake.format import Refused
from services.intake.segment.message import Sending
from services.intake.segment.payload import translated
from services.intake.segment.refusals import REFUSALS
from services.intake.segment.tracks import CUSTOM, NAMES
from tests.payload_sets import needs, payload_set

SET = "segment_spec_payloads"
SENDING = Sending(received_at="2026-11-30T12:00:00.000Z")
TYPES = {
    CUSTOM, "identity.linked", "profile.updated", "page.viewed", "account.updated",
    "account.contact_changed", *(one.type for one in NAMES.values()),
}  # fmt: skip
VISITOR = "a-visitor"


def as_sent(call: dict[str, Any]) -> dict[str, Any]:
    """The message that analytics.js makes of a call."""
    method, arguments = call["method"], call["args"]
    texts = [one for one in arguments if isinstance(one, str)]
    said: Any = next((one for one in arguments if isinstance(one, dict)), {})
    own = {
        "identify": {"traits": said, **({"userId": texts[0]} if texts else {})},
        "track": {"event": texts[0] if texts else "", "properties": said},
        "page": {"properties": said, **({"name": texts[-1]} if texts else {})},
        "group": {"groupId": texts[0] if texts else "", "traits": said},
        "alias": {"userId": texts[0] if texts else "", "previousId": VISITOR},
    }[method]
    return {"type": method, "anonymousId": VISITOR, **own}


def documented() -> list[tuple[str, dict[str, Any]]]:
    """All messages, each with where it stands."""
    [file] = payload_set(SET).glob("*.jsonl")
    rows = [json.loads(one) for one in file.read_text("utf-8").splitlines()]
    return [
        (f"{row['source']} {row['index']}", message)
        for row in rows
        for message in (
            [row["value"]] if row["kind"] == "payload" else map(as_sent, row["value"])
        )
    ]  # fmt: skip


@needs(SET)
def test_every_documented_message_is_mapped_or_refused_for_a_listed_reason() -> None:
    """136 of them, of which five cannot be: three name nobody, one is no message, and one has a tax
    and no total."""
    listed = {(one.path, one.reason) for one in REFUSALS}
    refused: list[str] = []
    messages = documented()
    assert len(messages) == 136
    for place, message in messages:
        found = translated(message, SENDING)
        assert not isinstance(found, Fault), place
        assert found, place
        for one in found:
            if isinstance(one, Refused):
                path = re.sub(r"\.[0-9]+\.", ".*.", one.fault.path)
                assert (path, one.fault.reason) in listed, place
                refused.append(one.fault.path)
            else:
                assert TouchpointAdapter.validate_json(one).type in TYPES, place
    assert sorted(refused) == ["properties.total", "type", "userId", "userId", "userId"]
