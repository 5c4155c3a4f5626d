"""Whatever a line holds, reading with structs and reading with pydantic alone have one outcome."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.examples import EXAMPLES
from services.ingest.core.outcome import Accepted, Intake
from tests.events import core
from tests.pydantic_alone import assert_processed_alike
from tests.tiers import volumes
from tests.unit.ingest.test_structs import VALUES, places, written

PROCESSOR = core()
MARK = "place-{}-of-a-value"


def _time(moment: datetime, minutes: int, digits: int, form: str) -> str:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    fraction = f".{zoned.microsecond:06}789"[: digits + 1] if digits else ""
    return f"{zoned:%Y-%m-%d}{form[0]}{zoned:%H:%M:%S}{fraction}" + (
        form[1:] or zoned.isoformat()[-6:]
    )


TIMES = st.builds(
    _time,
    st.datetimes(min_value=datetime(1000, 1, 1)),  # noqa: DTZ001 - the zone is added
    st.integers(-1439, 1439),
    st.integers(0, 9),
    st.sampled_from(["T", "t", " ", "TZ", "tz", "T+0130", "T-00:00"]),
)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=5).map(str),
    st.from_regex(r"\A-?[0-9]{1,12}([.][0-9]{1,6}0*)?([eE][+-]?[0-9]{1,3})?\Z"),
)
TEXTS = st.one_of(
    st.text(max_size=40), TIMES, NUMBERS, st.from_regex(r"\A\s?[A-Za-z0-9_.@+-]{1,20}\s?\Z")
)
JSON_VALUES = st.one_of(
    st.sampled_from(VALUES),
    TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    TEXTS.map(json.dumps),
    NUMBERS,
    st.lists(TEXTS, max_size=3).map(json.dumps),
    st.dictionaries(TEXTS, TEXTS | st.none() | st.booleans(), max_size=3).map(json.dumps),
)
BYTES = st.one_of(
    st.binary(min_size=1, max_size=3), st.sampled_from([b'"', b" ", b"\\", b"0", b"}"])
)


@st.composite
def lines(draw: Any) -> bytes:
    """An example of any type with values, names, format or bytes of it changed."""
    plain = orjson.loads(orjson.dumps(EXAMPLES[draw(st.sampled_from(sorted(EXAMPLES)))]))
    replaced: dict[str, str] = {}
    for number in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(list(places(plain))))
        if draw(st.booleans()) or isinstance(holder, list):
            holder[key] = MARK.format(number)
        else:
            holder[draw(st.sampled_from(["unknown", "type", "body", "source"]))] = MARK.format(
                number
            )
        replaced[MARK.format(number)] = draw(JSON_VALUES)
    text = json.dumps(
        plain, indent=draw(st.sampled_from([None, 1])), ensure_ascii=draw(st.booleans())
    )
    for mark, value in replaced.items():
        text = text.replace(f'"{mark}"', value)
    found = written(text)
    for at, put, length in draw(
        st.lists(st.tuples(st.integers(0, len(found)), BYTES, st.integers(0, 3)), max_size=2)
    ):
        found = found[:at] + put + found[at + length :]
    return found


@pytest.mark.parametrize("examples", volumes(1_000, 30_000))
def test_every_line_has_one_outcome(examples: int) -> None:
    """Accepted with the same row and records, or rejected with the same reason, path and words."""
    accepted = 0

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(lines(), st.sampled_from(list(Intake)))
    def holds(line: bytes, intake: Intake) -> None:
        nonlocal accepted
        accepted += isinstance(assert_processed_alike(PROCESSOR, line, intake), Accepted)

    holds()
    assert accepted > examples / 20, "too few lines are left whole for the test to mean anything"
