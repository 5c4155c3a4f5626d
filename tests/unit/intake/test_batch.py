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
