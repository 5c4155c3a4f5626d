"""Rejected lines by realm: whose they are, pages, numbers, and never those of another realm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from schemas.api.rejected import RejectedItem, ShownRejectedItem
from schemas.reject import RejectReason
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.adapters.rejected_lines import RejectedLineReader
from services.ingest.core.line_realm import is_of, named_realm
from services.ingest.core.outcome import Reject
from services.ingest.ports import RejectedLine
from services.runtime.errors import NotFound
from services.store.database import Database

pytestmark = pytest.mark.any_store
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LINES = {
    b'{"realm": "second", "type": "x"}': "second",
    b'{"type": "x"}': "default",
    b"{}": "default",
    b' \t{"realm":"default"}': "default",
    b'{"realm": "elsewhere"}': "elsewhere",
    b'{"realm": 5}': "",
    b'{"realm": null}': "",
    b'{"realm": ["second"]}': "",
    b'{"realm": ""}': "",
    b'{"realm": "%s"}' % (b"x" * 33): "",
    b'{"realm": "second", "realm": "default"}': "",
    b'{"realm": "default", "\\u0072ealm": "second"}': "",
    b'{"\\u0072ealm": "second"}': "second",
    b'{"body": {"realm": "second"}}': "default",
    b'[{"realm": "second"}]': "",
    b'"realm"': "",
    b'{"realm": "second"': "",
    b'{"realm": "second"} {"realm": "default"}': "",
    b'{"realm": "second", "x": \xff}': "",
    b"": "",
    b"second": "",
}
"""Lines, and the realm that each names."""


def write(database: Database, *lines: bytes, at: datetime = NOON, reason: str = "not_json") -> None:
    """Keep rejected lines, received one millisecond after the other."""
    ClickHouseFactStore(database).write_rejected(
        [
            RejectedLine(
                Reject(RejectReason(reason), "body", "wrong", "e-1"),
                line,
                len(line),
                at + timedelta(milliseconds=number),
                False,
            )
            for number, line in enumerate(lines)
        ]
    )


def pages(
    reader: RejectedLineReader, realm: str, limit: int, reason: str = ""
) -> Iterator[list[RejectedItem]]:
    """All pages of a realm."""
    after = None
    while True:
        page = reader.page(realm, reason, limit, after)
        yield page.rows
        if page.following is None:
            return
        after = page.following


def raws(reader: RejectedLineReader, realm: str) -> set[str]:
    """The lines that a realm sees, as they are shown one by one."""
    found = set()
    for page in pages(reader, realm, 3):
        for row in page:
            shown = reader.one(realm, row.reject_id, with_raw=True)
            assert isinstance(shown, ShownRejectedItem)
            found.add(shown.raw)
    return found


def test_store_and_core_read_the_same_realm(database: Database) -> None:
    """Whatever a line looks like: missing, doubled, escaped, nested, damaged."""
    write(database, *LINES)
    stored = dict(database.rows("SELECT raw, toString(named_realm) FROM rejected FINAL"))
    assert len(stored) == len(LINES)
    for line, expected in LINES.items():
        assert named_realm(line) == expected, line
    by_text = {line.decode("utf-8", "replace"): expected for line, expected in LINES.items()}
    for raw, named in stored.items():
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
        assert by_text.get(text, "") == named, raw


def test_a_realm_sees_its_own_lines_only(database: Database) -> None:
    """Those that name it; what names none or nobody's realm is nobody's."""
    write(database, *LINES)
    reader = RejectedLineReader(database, ["default", "second"])
    for realm in ("default", "second"):
        expected = {line.decode() for line, named in LINES.items() if named == realm}
        assert raws(reader, realm) == expected
        assert reader.counts(realm).total == len(expected)
    assert raws(reader, "elsewhere") == {'{"realm": "elsewhere"}'}


def test_one_realm_sees_all_that_is_not_anothers(database: Database) -> None:
    """Where there is only one, lines that cannot be read or name a realm of nobody are its own."""
    write(database, *LINES)
    reader = RejectedLineReader(database, ["default"])
    assert reader.counts("default").total == len(LINES)
    assert sum(map(len, pages(reader, "default", 4))) == len(LINES)


def test_what_a_key_of_another_realm_sent_is_no_realms(database: Database) -> None:
    """It names one realm and comes from the other."""
    write(database, b'{"realm": "second"}', reason="other_realm")
    both = RejectedLineReader(database, ["default", "second"])
    assert [both.counts(realm).total for realm in ("default", "second")] == [0, 0]
    assert not is_of("second", "second", "other_realm", ["default", "second"])
    assert is_of("second", "second", "other_realm", ["second"])


def test_an_id_of_another_realm_is_unknown(database: Database) -> None:
    """Whole ids only; what is no id at all is unknown, too."""
    write(database, b'{"realm": "second"}')
    reader = RejectedLineReader(database, ["default", "second"])
    [[row]] = pages(reader, "second", 5)
    shown = reader.one("second", row.reject_id, with_raw=False)
    assert shown == row
    for realm, reject_id in (
        ("default", row.reject_id), ("second", row.reject_id[:8]), ("second", ""),
        ("second", str(uuid4())), ("second", "'; --"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            reader.one(realm, reject_id, with_raw=True)


def test_pages_while_lines_are_rejected(database: Database) -> None:
    """The latest first, by reason or not; what comes meanwhile moves nothing."""
    write(database, *(b'{"n": %d}' % number for number in range(20)))
    write(database, *(b'{"m": %d}' % number for number in range(9)), reason="invalid_field")
    reader = RejectedLineReader(database, ["default"])
    seen: list[RejectedItem] = []
    for number, page in enumerate(pages(reader, "default", 6)):
        seen += page
        write(database, b'{"late": %d}' % number, at=NOON + timedelta(hours=1))
        write(database, b'{"early": %d}' % number, at=NOON - timedelta(hours=1, minutes=number))
    ids = [row.reject_id for row in seen]
    assert len(ids) == len(set(ids))
    times = [row.received_at for row in seen if row.received_at and row.received_at >= NOON]
    assert len(times) == 29
    assert times == sorted(times, reverse=True)
    chosen = [row for page in pages(reader, "default", 4, "invalid_field") for row in page]
    assert [row.reason for row in chosen] == ["invalid_field"] * 9
