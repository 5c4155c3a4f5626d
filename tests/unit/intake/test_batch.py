"""A request body is cut into events; one that nothing can read costs only itself."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from services.intake.batch import NoBatch, _cut, batch_lines

GOOD = b'{"event_id":"g","text":"a \\"quoted\\" [x], {y}: \\\\"}'


@pytest.mark.parametrize(
    "bad",
    [
        b"[" * 1_000 + b"]" * 1_000,  # deeper than a parser goes
        b"[" * 50_000 + b"]" * 50_000,
        b'{"n":' + b"9" * 5_000 + b"}",  # longer than an integer may be
        b'{"n":NaN}',
        b'"\\ud800"',  # half a surrogate pair
        b'{"a":1e999}',
        b"tru",
    ],
)
def test_one_bad_event_leaves_the_others(bad: bytes) -> None:
    """Whatever stands between two good events, they come out whole, and so does it."""
    body = b'{"sent_by": "x", "batch" : [' + GOOD + b" , " + bad + b"," + GOOD + b'], "more": [1]}'
    lines = batch_lines(body)
    assert [json.loads(line) for line in (lines[0], lines[-1])] == [json.loads(GOOD)] * 2
    assert len(lines) == 3


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"batch": 1}', b'{"batch": {"a": [1]}}', b'{"x": [1]}', b'{"batch": [1', b"{"],
)
def test_what_is_no_batch(body: bytes) -> None:
    """A body without a closed list under `batch` is refused whole."""
    with pytest.raises(NoBatch):
        batch_lines(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[%b],"batch":[%b]}',  # a key twice
        b'{"batch":[], "a":[{"batch":[1]}], "batch" : [%b,%b]}',
        b'{"batch":[%b]}{"batch":[%b]}',  # two bodies without a line between them, or with one
        b'{"batch":[%b]}\n{"batch":[%b]}',
        b'{"batch":[%b]}%b',
        b'{"batch":[%b,NaN], "batch":[%b]}',
    ],
)
def test_events_of_which_no_result_would_tell(body: bytes) -> None:
    """A body with a second list, or a second object behind it, is refused whole: one of the two
    would be dropped, and the answer would not say so."""
    with pytest.raises(NoBatch):
        batch_lines(body % (GOOD, GOOD))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":{"batch":[1]},"batch":[%b]}',
        b'{"batch":[%b],"a":[{"batch":[1]},{}],"b":{}} \n',
        b'{"batch":[%b]',  # cut off behind the list
    ],
)
def test_a_batch_within_something_else_is_none(body: bytes) -> None:
    """Only a list at the top counts, and nothing of what stands beside it."""
    assert [json.loads(line) for line in batch_lines(body % GOOD)] == [json.loads(GOOD)]


def test_events_that_hold_a_batch() -> None:
    """A field of that name in an event is a field like any other."""
    event = {"event_id": "e", "batch": [{"batch": [1]}], "body": {"batch": "A-17"}}
    lines = batch_lines(json.dumps({"batch": [event, event]}).encode())
    assert [json.loads(line) for line in lines] == [event, event]


def test_cutting_equals_parsing() -> None:
    """Of 500 random bodies that a parser reads, cutting gives the same events."""
    rng = random.Random(3)

    def value(depth: int) -> Any:
        if depth == 0 or rng.random() < 0.3:
            return rng.choice([1, None, "a,b]", 'q"\\', "", True, "ü}"])
        if rng.random() < 0.5:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        return {f"{n}[": value(depth - 1) for n in range(rng.randrange(4))}

    for _ in range(500):
        events = [value(4) for _ in range(rng.randrange(5))]
        body = json.dumps(
            {"a": value(3), "batch": events, "z": value(3)}, indent=rng.choice([None, 1])
        )
        assert [json.loads(line) for line in _cut(body.encode())] == events
