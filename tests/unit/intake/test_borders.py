"""Around every limit of a parser: the event beyond it is rejected alone, on every way in alike."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from schemas.reject import RejectReason
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.stage import outcome_of
from services.intake.batch import batch_lines, cut_lines
from services.intake.files import read_lines
from services.intake.formats import FORMATS
from tests.events import RECEIVED_AT, core, event

CORE = core()
GOOD = json.dumps(event(event_id="good"))
DEPTHS = [1, *range(194, 204), *range(250, 259), *range(976, 984), *range(1_016, 1_030), 9_000]
DIGITS = (*range(15, 22), 38, 39, *range(306, 312), *range(4_298, 4_303), 5_000)
NUMBERS = ["9" * digits for digits in DIGITS]


def spoilt(value: str, where: str) -> str:
    """An event with the value in a field that no contract names, at the top or in its body."""
    inside = f'"body":{{"new":{value}}}' if where == "body" else f'"new":{value}'
    return GOOD.replace('"event_id": "good"', f'"event_id": "odd", {inside}')


def judged(lines: Iterable[bytes]) -> list[str]:
    """`accepted`, or the reason, of each line as a worker or a file has it decoded."""
    outcomes = [outcome_of(CORE, one, RECEIVED_AT, Intake.SERVER) for one in lines]
    return [
        one.reason.value if isinstance(one, Reject) else "accepted"
        for one in outcomes
        if isinstance(one, Accepted | Reject)
    ]


def by_every_way(odd: str, directory: Path) -> str:
    """What becomes of the event between two good ones; the same by HTTP, file and worker."""
    body = f'{{"batch": [{GOOD}, {odd}, {GOOD}]}}'.encode()
    file = directory / "events.jsonl"
    file.write_text(f"{GOOD}\n{odd}\n{GOOD}\n")
    recorded = directory / "bodies.jsonl"
    recorded.write_bytes(body + b"\n")
    ways: dict[str, list[str]] = {
        "worker": judged([GOOD.encode(), odd.encode(), GOOD.encode()]),
        "http": judged(batch_lines(body)),
        "cut": judged(cut_lines(body)),
        "file": judged(_contents(read_lines(str(file)))),
        "bodies": judged(_contents(read_lines(str(recorded), FORMATS["batch"]))),
    }
    found = {tuple(one) for one in ways.values()}
    assert len(found) == 1, ways
    first, middle, last = found.pop()
    assert first == last == "accepted"
    return middle


def _contents(lines: Iterable[Line]) -> list[bytes]:
    return [one.content for one in lines]


@pytest.mark.parametrize("where", ["top", "body"])
@pytest.mark.parametrize(("begin", "end"), ["[]", ('{"a":', "}"), ('[{"a":[', "]}]")])
def test_every_depth(begin: str, end: str, where: str, tmp_path: Path) -> None:
    """Up to a depth an event is accepted, beyond it rejected as not_json; never unprocessable."""
    found = [by_every_way(spoilt(begin * n + "1" + end * n, where), tmp_path) for n in DEPTHS]
    assert found[0] == "accepted"
    assert set(found[found.index(RejectReason.NOT_JSON) :]) <= {
        RejectReason.NOT_JSON,
        RejectReason.TOO_LARGE,
    }
    assert set(found) <= {"accepted", RejectReason.NOT_JSON, RejectReason.TOO_LARGE}


@pytest.mark.parametrize("form", ["{}", "-{}", "{}.5", "0.{}", "{}e3", "1e{}", "-1E-{}"])
def test_every_size_of_a_number(form: str, tmp_path: Path) -> None:
    """A number is accepted, or rejected as not_json; never unprocessable."""
    for digits in NUMBERS:
        found = by_every_way(spoilt(form.format(digits), "top"), tmp_path)
        assert found in ("accepted", RejectReason.NOT_JSON)


@pytest.mark.parametrize("number", ["9" * 17, "9" * 20, "-" + "8" * 30, "0.12345678901234567890"])
def test_long_numbers_keep_their_digits(number: str) -> None:
    """What a float cannot hold reaches ingest as it was sent."""
    for odd in (f'{{"n": {number}}}', f'{{"n":[{number}]}}', f"[1,{number}]"):
        lines = batch_lines(f'{{"batch": [{GOOD}, {odd}]}}'.encode())
        assert number.encode() in lines[1]
