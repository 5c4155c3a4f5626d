"""Order, repetition and crashes do not matter: the state digest is always the same."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import groupby
from pathlib import Path

import orjson

from tests.e2e.conftest import Reference, Stream
from tests.e2e.runs import c360, digest, ingest_with_kills
from tests.tiers import LONG

KILLS = 3


def _lines(stream: Stream) -> list[bytes]:
    return stream.file.read_bytes().splitlines(keepends=True)


def _hour(line: bytes) -> str:
    """The hour an event happened in; garbage stays where it is, an hour of its own."""
    try:
        at = datetime.fromisoformat(orjson.loads(line)["occurred_at"])
        return at.isoformat(timespec="hours")
    except (ValueError, KeyError, TypeError):
        return ""


def test_shuffled_doubled_and_killed_ends_in_the_same_state(
    stream: Stream, reference: Reference, tmp_path: Path
) -> None:
    """The file shuffled as a whole, every line twice, three SIGKILLs on the way."""
    lines = _lines(stream) * 2
    random.Random(11).shuffle(lines)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_bytes(b"".join(lines))
    hits = ingest_with_kills(tmp_path / "data", shuffled, KILLS, seed=3, span_s=8)
    assert hits == KILLS
    assert digest(tmp_path / "data") == reference.digest


@LONG
def test_shuffled_within_each_hour_and_killed_ends_in_the_same_state(
    stream: Stream, reference: Reference, tmp_path: Path
) -> None:
    """Shuffled within each hour, every line twice, three SIGKILLs: incidents included."""
    rng = random.Random(12)
    shuffled = tmp_path / "hours.jsonl"
    with shuffled.open("wb") as out:
        for _hour_name, group in groupby(_lines(stream), key=_hour):
            part = list(group) * 2
            rng.shuffle(part)
            out.writelines(part)
    hits = ingest_with_kills(tmp_path / "data", shuffled, KILLS, seed=4, span_s=8)
    assert hits == KILLS
    assert digest(tmp_path / "data") == reference.digest


def test_reading_again_changes_nothing(
    stream: Stream, reference: Reference, tmp_path: Path
) -> None:
    """Two imports of a file, the second in small batches and by standard input."""
    data_dir = tmp_path / "data"
    c360(data_dir, "ingest", str(stream.file))
    c360(data_dir, "ingest", "-", stdin=stream.file.read_bytes(), C360_BATCH_EVENTS_MAX="999")
    assert digest(data_dir) == reference.digest


@LONG
def test_halves_in_either_order_end_in_the_same_state(
    stream: Stream, reference: Reference, tmp_path: Path
) -> None:
    """The second half of the year first: late is allowed for ever."""
    lines = _lines(stream)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_bytes(b"".join(lines[: len(lines) // 2]))
    second.write_bytes(b"".join(lines[len(lines) // 2 :]))
    data_dir = tmp_path / "data"
    c360(data_dir, "ingest", str(second))
    c360(data_dir, "ingest", str(first))
    assert digest(data_dir) == reference.digest
