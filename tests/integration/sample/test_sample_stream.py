"""The stream as a file: repeatable, valid, ordered, with exactly the noise that is reported."""

from __future__ import annotations

import ast
import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

import devtools.sample
from devtools.sample import build_sample
from devtools.sample.calendar_de import from_wall_clock, written
from devtools.sample.spool import Spool
from schemas.identifiers import InvalidIdentifier
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_BYTES_MAX, TouchpointAdapter
from tests.integration.sample.conftest import HOUSEHOLDS, Built, Row, key_of, keys_of, parsed

DISORDER_MAX = timedelta(minutes=11)


def test_equal_arguments_give_equal_files(tmp_path: Path) -> None:
    """Stream and truth are the same bytes again, and other bytes for another seed."""
    first = build_sample(2, 4, tmp_path / "a.jsonl", tmp_path / "a")
    again = build_sample(2, 4, tmp_path / "b.jsonl", tmp_path / "b")
    build_sample(2, 5, tmp_path / "c.jsonl", None)
    assert first == again
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() != (tmp_path / "c.jsonl").read_bytes()
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_gz_holds_the_same_lines(tmp_path: Path) -> None:
    """A name that ends in .gz gives the same stream, compressed, repeatably."""
    build_sample(1, 4, tmp_path / "a.jsonl", None)
    build_sample(1, 4, tmp_path / "a.jsonl.gz", None)
    build_sample(1, 4, tmp_path / "b.jsonl.gz", None)
    packed = (tmp_path / "a.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "a.jsonl").read_bytes()
    assert packed == (tmp_path / "b.jsonl.gz").read_bytes()


@pytest.mark.parametrize("households", [0, 2470])
def test_impossible_number_of_households_is_refused(tmp_path: Path, households: int) -> None:
    """A number the data cannot serve is an error that names the range, and leaves no file."""
    with pytest.raises(ValueError, match="1 to 2469"):
        build_sample(households, 1, tmp_path / "a.jsonl", tmp_path / "truth")
    assert list(tmp_path.iterdir()) == []


def test_missing_data_folder_is_an_error(tmp_path: Path) -> None:
    """Without the parquet files there is an OSError and no stream."""
    with pytest.raises(OSError, match="transactions"):
        build_sample(1, 1, tmp_path / "a.jsonl", None, data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_good_event_keeps_the_contract(built: Built) -> None:
    """Each line meant to be accepted validates as a touchpoint and is small enough."""
    for line in built.lines:
        event = parsed(line)
        if event and not event["event_id"].startswith("bad-"):
            TouchpointAdapter.validate_json(line)
            assert len(line) <= EVENT_BYTES_MAX


def test_report_counts_what_is_in_the_file(built: Built) -> None:
    """Lines, bytes, events and types of the report are those of the file."""
    report = built.report
    assert report.lines == len(built.lines)
    assert report.bytes == built.stream.stat().st_size
    assert report.events == len(built.events)
    assert report.types == Counter(event["type"] for event in built.events)
    assert report.orders == len(built.table("orders.csv"))
    assert report.identifiers == len(built.owners)
    assert built.progress == [(done, HOUSEHOLDS) for done in range(1, HOUSEHOLDS + 1)]


def test_repetitions_are_as_many_as_reported(built: Built) -> None:
    """A repeated event says the same; half of the repetitions carry another send time."""
    noise = built.report.noise
    repeated = noise["repeated"] + noise["repeated_with_new_sent_at"]
    assert repeated == len(built.good) - len(built.events) > 0
    bodies = {event["event_id"]: _without_sent_at(event) for event in built.events}
    resent = Counter(event["event_id"] for event in built.good)
    assert max(resent.values()) == 2
    assert all(_without_sent_at(event) == bodies[event["event_id"]] for event in built.good)


def _without_sent_at(event: Row) -> Row:
    return {name: value for name, value in event.items() if name != "sent_at"}


def test_stream_is_ordered_by_send_time(built: Built) -> None:
    """Apart from the minutes of planted disorder, nothing stands before what was sent earlier."""
    latest = datetime.fromtimestamp(0, UTC)
    backwards = 0
    for event in built.events:
        sent = _time(event["sent_at"] if "sent_at" in event else event["occurred_at"])
        assert sent > latest - DISORDER_MAX
        backwards += sent < latest - timedelta(seconds=30)
        latest = max(latest, sent)
    assert backwards > 0


def test_late_events_say_when_they_were_sent(built: Built) -> None:
    """As many events as reported come an hour to three weeks late; offers never do."""
    late = [event for event in built.events if "sent_at" in event]
    assert len(late) == built.report.noise["late"] > 0
    for event in late:
        delay = _time(event["sent_at"]) - _time(event["occurred_at"])
        assert timedelta(hours=1) <= delay <= timedelta(days=21)
        assert event["type"] != "offer.published"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_garbage_is_bad_for_its_reason(built: Built) -> None:
    """Each reason that a file can hold is planted as often as reported, and truly is the reason."""
    found = Counter(_reason(line) for line in built.lines)
    del found[None]
    elsewhere = {
        RejectReason.ERASED,
        RejectReason.EXPIRED,
        RejectReason.NOT_ALLOWED,
        RejectReason.OTHER_REALM,
        RejectReason.SUPPRESSED,
        RejectReason.UNSTORABLE,
        RejectReason.UNPROCESSABLE,
    }
    expected = {reason.value for reason in set(RejectReason) - elsewhere}
    assert found == built.report.rejects
    assert set(found) == expected


def _reason(line: bytes) -> str | None:
    """Why a line must be refused, judged by what it is and not by its name."""
    event = parsed(line)
    if not event:
        return "not_json"
    if len(line) > EVENT_BYTES_MAX:
        return "too_large"
    if "." not in event["type"] or event["type"] == "order.teleported":
        return "unknown_type"
    try:
        touchpoint = TouchpointAdapter.validate_json(line)
    except ValidationError:
        return "invalid_field"
    if not 1971 < touchpoint.occurred_at.year < 2900:
        return "from_the_future" if touchpoint.occurred_at.year > 2900 else "before_time_floor"
    return _unnamed(event) if event["event_id"].startswith("bad-") else None


def _unnamed(event: Row) -> str | None:
    named = event["identifiers"]
    try:
        usable = [key_of(one) for one in named]
    except InvalidIdentifier:
        return "no_usable_identifier"
    if any(usable):
        return None
    return "all_identifiers_blocked" if named else "no_usable_identifier"


def test_only_events_that_may_name_nobody_do(built: Built) -> None:
    """Every other good event names at least one usable identifier."""
    kinds = {event["type"] for event in built.events if not keys_of(event)}
    assert kinds == {"offer.published", "order.placed", "order.returned", "campaign.published"} | (
        kinds & {"survey.answered"}
    )


def test_builder_imports_no_decision_code() -> None:
    """Who writes the answer must not write the question: no import of any core."""
    folder = Path(devtools.sample.__file__).parent
    allowed = ("schemas", "devtools.sample")
    for file in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for name in _imported(node):
                ours = name.split(".")[0] in ("schemas", "services")
                assert not ours or name.startswith(allowed), f"{file.name} imports {name}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_spilled_runs_merge_into_one_order(tmp_path: Path) -> None:
    """Lines spilled to disk in many runs come out by send time, equal times as they came."""
    spool = Spool(run_bytes_max=8)
    for number, sent_at in enumerate((5, 3, 5, 1, 4, 3, 2)):
        spool.put(sent_at, f"{sent_at}-{number}".encode())
    spool.write(tmp_path / "out")
    assert (tmp_path / "out").read_text().split() == "1-3 2-6 3-1 3-5 4-4 5-0 5-2".split()  # noqa: SIM905
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ((2017, 1, 1, 11, 53, 26), "2017-01-01T11:53:26+01:00"),  # winter
        ((2017, 7, 1, 0, 0, 0), "2017-07-01T00:00:00+02:00"),  # summer
        ((2017, 3, 26, 3, 0, 0), "2017-03-26T03:00:00+02:00"),  # first second of summer time
        ((2017, 10, 29, 2, 30, 0), "2017-10-29T02:30:00+02:00"),  # the hour that comes twice
    ],
)
def test_wall_clock_is_told_in_berlin_time(wall: tuple[int, ...], expected: str) -> None:
    """A naive time of the data is read and written as German wall-clock time."""
    year, month, day, hour, minute, second = wall
    naive = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    assert written(from_wall_clock(int(naive))) == expected
