"""Segment messages in the store: the worked example of identity, and whom no line may name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schemas.faults import Fault
from services.api.queries.suppressions import PROFILE_SUPPRESS
from services.ingest.core.outcome import Intake
from services.intake.files import read_lines
from services.intake.format import lines_of
from services.intake.formats.segment import FORMAT
from services.intake.segment.message import Sending
from services.intake.segment.payload import translated
from services.store.database import Database
from tests.integration.test_suppressions import MAIL, REJECTED, ask
from tests.integration.test_suppressions import process as process
from tests.mixed_process import Process
from tests.pipelines import ingested

IPHONE = {"app": "SegKicks", "device": {"id": "ios_abc123", "type": "ios"}}
ANDROID = {"id": "and_1a2b3c4d", "type": "android"}
JANE = "abc123def"
STORY: list[dict[str, Any]] = [
    {"type": "track", "anonymousId": "anon_123", "context": IPHONE, "event": "App Opened"},
    {"type": "track", "anonymousId": "anon_123", "context": IPHONE, "event": "ShoeA Clicked"},
    {"type": "identify", "anonymousId": "anon_123", "context": IPHONE, "userId": JANE},
    {"type": "identify", "anonymousId": "anon_456", "userId": JANE,
     "context": {"app": "SegKicks", "device": ANDROID}},
    {"type": "identify", "anonymousId": "anon_789", "userId": JANE,
     "context": {"app": "SegRuns", "device": ANDROID}},
]  # fmt: skip
"""Identity Resolution eCommerce Example (Twilio Segment documentation, CC BY 4.0): from an unknown
visitor to a customer on two devices and in two apps."""
PROFILES = """SELECT uniqExact(profile), count() FROM map FINAL
WHERE node IN (SELECT arrayJoin(`ids.node`) FROM touchpoints)"""
"""How many profiles there are, and of how many identifiers."""


def sent(*messages: dict[str, Any]) -> list[bytes]:
    """Their touchpoints, each a minute after the one before in the story."""
    found: list[bytes] = []
    for message in messages:
        place = STORY.index(message)
        at = (datetime(2026, 3, 2, 17, tzinfo=UTC) + timedelta(minutes=place)).isoformat()
        taken = translated({**message, "timestamp": at, "messageId": f"m-{place}"}, Sending())
        assert not isinstance(taken, Fault)
        found += [one for one in taken if isinstance(one, bytes)]
    return found


def test_the_worked_example_ends_in_one_profile(database: Database) -> None:
    """An unknown visitor is the customer once she logs in; a second device and a second app are
    hers, too: three anonymous ids, two devices and her user id."""
    ingested(database, sent(*STORY[:2]))
    assert database.rows(PROFILES) == [(1, 2)]
    ingested(database, sent(*STORY[:3]))
    assert database.rows(PROFILES) == [(1, 3)]
    ingested(database, sent(*STORY))
    ingested(database, sent(*reversed(STORY)))  # in any order, and again
    assert database.rows(PROFILES) == [(1, 6)]
    types = database.rows("SELECT type, count() FROM touchpoints FINAL GROUP BY type ORDER BY type")
    assert types == [("custom.tracked", 2), ("identity.linked", 3)]
    assert database.rows("SELECT count() FROM id_conflicts") == [(0,)]


def test_a_refused_message_of_a_suppressed_person_is_not_kept(process: Process) -> None:
    """Whatever it names the person by; of others it is kept as it came."""
    ask(process, PROFILE_SUPPRESS)
    email, half = MAIL["value"], "\ud83d"
    identify = {"type": "identify", "traits": {"email": email}}
    messages: list[tuple[dict[str, Any], str]] = [
        ({"type": "track", "userId": "77", "context": {"traits": {"email": email}}}, "suppressed"),
        ({"type": "alias", "previousId": email}, "suppressed"),
        ({**identify, "userId": half}, "suppressed"),
        ({**identify, "messageId": half}, "suppressed"),
        ({"batch": [identify], "context": "x"}, "suppressed"),
        ({"batch": [f"a text of {email}"]}, "invalid_field"),
        ({"type": "track", "userId": "77", "context": {"traits": {"email": "kim@mail.example"}}},
         "invalid_field"),
    ]  # fmt: skip
    for message, reason in messages:
        found = translated(message, Sending(received_at="2026-11-04T00:00:00Z"))
        assert not isinstance(found, Fault)
        read = list(lines_of(found))
        results = process.take(process.engine.pipeline.decode(read, Intake.SERVER))
        assert [one.reason for one in results] == [reason]
    [(count, _, raw)] = process.database.rows(REJECTED)
    assert count == 3  # those of the suppressed person are one
    assert "kim@mail.example" in raw
    assert MAIL["value"] not in str(process.database.rows("SELECT raw FROM rejected"))


def test_unreadable_lines_of_a_file_are_told_apart(process: Process, tmp_path: Path) -> None:
    """By their places, for none of their bytes are kept."""
    file = tmp_path / "archive.jsonl"
    file.write_bytes(b'{"type":"track","userId":"a@example.com"\n' * 2)
    lines = list(read_lines(str(file), FORMAT))
    results = process.take(process.engine.pipeline.decode(lines, Intake.FILE))
    assert [one.reason for one in results] == ["not_json", "not_json"]
    rows = process.database.rows("SELECT message, raw FROM rejected FINAL ORDER BY message")
    assert [raw for _, raw in rows] == ["", ""]
    assert [f"line {n}" in message for n, (message, _) in enumerate(rows, 1)] == [True, True]
