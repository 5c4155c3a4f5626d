"""Each kind of scalar, notation by notation: the models, the intake and the JSON Schema agree.

A row is a piece of JSON as a sender writes it and what it means, or REFUSED. The same rows go
through pydantic, through the ingest core and through the published JSON Schema.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import TypeAdapter, ValidationError

from schemas.base import Code, Instant, Money, Quantity
from schemas.examples import EXAMPLES
from schemas.reject import RejectReason
from schemas.touchpoint import TouchpointAdapter
from services.docs.json_schema import touchpoint_schema
from services.ingest.core.decode import decode
from services.ingest.core.outcome import Reject

VALIDATOR = Draft202012Validator(touchpoint_schema())
REFUSED = object()
UNSAID = object()
"""Refused by the models; JSON Schema has no words for it (see the reference page)."""
MARK = '"the value under test"'
CET = timezone(timedelta(hours=1))


class Kind(NamedTuple):
    """A kind of scalar: a field of that kind, its meaning after parsing, words of its advice."""

    example: str
    path: str
    advice: str
    rows: dict[str, Any]


TIME = {
    '"2026-03-02T18:20:00+01:00"': datetime(2026, 3, 2, 18, 20, tzinfo=CET),
    '"2026-03-02T18:20:00Z"': datetime(2026, 3, 2, 18, 20, tzinfo=UTC),
    '"2026-03-02t18:20:00z"': datetime(2026, 3, 2, 18, 20, tzinfo=UTC),
    '"2026-03-02 18:20:00Z"': datetime(2026, 3, 2, 18, 20, tzinfo=UTC),
    '"2026-03-02T18:20Z"': datetime(2026, 3, 2, 18, 20, tzinfo=UTC),
    '"2026-03-02T18:20:00+0100"': datetime(2026, 3, 2, 18, 20, tzinfo=CET),
    '"2026-03-02T18:20:00.1234567Z"': datetime(2026, 3, 2, 18, 20, 0, 123456, tzinfo=UTC),
    '"2024-02-29T00:00:00-00:00"': datetime(2024, 2, 29, tzinfo=UTC),
    '"2000-02-29T23:59:59Z"': datetime(2000, 2, 29, 23, 59, 59, tzinfo=UTC),
    **dict.fromkeys(
        (
            "20260302", "1772475600", "1772475600000", "20260302182000", "2026.5", "0", "true",
            '"20260302"', '"1772475600"', '"45748"', '"1772475600.5"', '"1e9"', '"-1"', '""',
            '"2026-03-02"', '"2026-03-02T18:20:00"', '"2026-03-02T18:20"', '"2026-03-02T18Z"',
            '"20260302T182000Z"', '"2026-W10-1T18:20:00Z"', '"2026-061T18:20:00Z"',
            '"02.03.2026 18:20:00"', '"03/02/2026"', '"2026-3-2T18:20:00Z"',
            '"2026-03-02T18:20:00 +01:00"', '"2026-03-02T18:20:00+01"', '"2026-03-02T18:20:00 CET"',
            '"2026-03-02_18:20:00Z"', '"2026-03-02T18:20:00,5Z"', '"2026-03-02T18:20:00.Z"',
            '"2026-03-02T18:20:00\\u221201:00"', '"٢٠٢٦-03-02T18:20:00Z"',
            '" 2026-03-02T18:20:00Z"', '"2026-03-02T18:20:00Z\\n"', '"2026-03-02T18:20:00Z "',
            '"Mon, 02 Mar 2026 18:20:00 GMT"',
            '"P1D"', '"now"', '["2026-03-02T18:20:00Z"]', "{}",
            '"2026-02-29T00:00:00Z"', '"2100-02-29T00:00:00Z"', '"2026-04-31T00:00:00Z"',
            '"2026-13-01T00:00:00Z"', '"2026-00-10T00:00:00Z"', '"2026-01-00T00:00:00Z"',
            '"2026-03-02T24:00:00Z"', '"2026-03-02T18:60:00Z"', '"2026-03-02T23:59:60Z"',
            '"2026-03-02T18:20:00+24:00"', '"2026-03-02T18:20:00+01:60"', '"0000-01-01T00:00:00Z"',
        ),
        REFUSED,
    ),
}  # fmt: skip
DECIMAL = {
    "5": Decimal(5), "5.0": Decimal(5), "79.9": Decimal("79.9"), "0.1": Decimal("0.1"),
    "1e3": Decimal(1000), "-0": Decimal(0), '"5"': Decimal(5), '"007"': Decimal(7),
    '"79.90"': Decimal("79.90"), '"0.1234"': Decimal("0.1234"), '"1.50000000"': Decimal("1.5"),
    "99999999999.5": Decimal("99999999999.5"), '"99999999999.9999"': Decimal("99999999999.9999"),
    **dict.fromkeys(
        (
            "true", "false", "null", "[5]", "{}", '""', '" "', '" 5 "', '"5 "', '"5\\n"', '"\\t5"',
            '"1_000"', '"1e3"', '"1E3"', '"+5"', '".5"', '"5."', '"0x10"', '"1,50"', '"1.234,50"',
            '"1,234.50"', '"1 234"', '"1\\u00a0234"', '"٣"', '"５"', '"²"', '"½"', '"5 EUR"',
            '"€5"', '"NaN"', '"sNaN"', '"Infinity"', '"-Infinity"', '"inf"', '"--5"',
            '"\\u22125"', '"five"',
            '"0.12345"', '"100000000000"', "100000000000", "1e11", "1e22", "-1e30", '"1.5.0"',
            '"#N/A"', '"(5)"', '"5%"', '"5-"', '"true"',
        ),
        REFUSED,
    ),
    "0.12345": UNSAID, "0.30000000000000004": UNSAID, "19.990000000000002": UNSAID,
}  # fmt: skip
SIGNED = {"-5": Decimal(-5), '"-5"': Decimal(-5), "-0.5": Decimal("-0.5")}
UNSIGNED = {"-5": REFUSED, '"-5"': REFUSED, "-0.5": REFUSED, '"-0"': REFUSED}
WHOLE = {
    "5": 5, "5.0": 5, "0": 0, "1e2": 100, "2147483647": 2147483647,
    **dict.fromkeys(
        (
            "-1", "5.5", "true", "false", '"5"', '"5.0"', '" 5 "', '"1_000"', '"1e3"', '"٣"', '""',
            '"five"', "[5]", "null", "1e300", "123456789012345678901234567890",
        ),
        REFUSED,
    ),
}  # fmt: skip
BOOLEAN = {
    "true": True, "false": False,
    **dict.fromkeys(
        (
            "1", "0", "1.0", '"true"', '"false"', '"True"', '"yes"', '"no"', '"on"', '"off"', '"1"',
            '"0"', '"t"', '"y"', '""', "null", "[]", '"ja"', '"wahr"',
        ),
        REFUSED,
    ),
}  # fmt: skip
CODE = {
    '"A-1"': "A-1", '" A-1 "': "A-1", '"007"': "007", '"1e3"': "1e3", '"1_000"': "1_000",
    '"true"': "true", '"null"': "null", '"٣"': "٣", '"5.0"': "5.0", '"\\u200b"': "\u200b",
    '"\\u001f"': "\x1f", "1001": "1001", "1001.0": "1001", "1.001e3": "1001", "-7": "-7", "0": "0",
    "9007199254740993": "9007199254740993",
    "123456789012345678901234567890": "123456789012345678901234567890",
    **dict.fromkeys(
        (
            "1001.5", "0.1", "true", "false", "null", '""', '"  "', '"\\u00a0\\u2003"',
            '"\\u0085"', "[1]", "{}",
        ),
        REFUSED,
    ),
    "1.2345678901234567e25": UNSAID, "1e300": UNSAID,
}  # fmt: skip
FREE_TEXT = {
    '"Anna"': "Anna", '" Anna "': " Anna ", "10115": "10115", "42.5": "42.5", "42.0": "42",
    '""': "", '"true"': "true", '"NaN"': "NaN",
    **dict.fromkeys(("true", "false", "[1]", "{}"), REFUSED),
}  # fmt: skip
YES_NO = {"true": "true", "false": "false"}
CURRENCY = {
    '"EUR"': "EUR", '"KWD"': "KWD",
    **dict.fromkeys(
        ('"eur"', '"EURO"', '"€"', '" EUR"', '"EUR\\n"', '""', "978", '"978"', "true", '"ＥＵＲ"'),
        REFUSED,
    ),
}  # fmt: skip
RATE = {
    "0": Decimal(0), "1": Decimal(1), "0.19": Decimal("0.19"), '"0.19"': Decimal("0.19"),
    '"1.000"': Decimal(1), '"1"': Decimal(1), '"0.0700000"': Decimal("0.07"),
    **dict.fromkeys(
        ("19", '"19"', '"19%"', '"1.01"', "1.01", "-0.1", '"-0.1"', '"0,19"', '"1.9e-1"', "true"),
        REFUSED,
    ),
}  # fmt: skip
CHOICE = {
    '"deposit"': "deposit",
    **dict.fromkeys(('"Deposit"', '" deposit"', '""', "1", "true", "null", '"gift"'), REFUSED),
}
KINDS = {
    "time": Kind("offer.published", "body.valid_from", "RFC 3339|no such day", TIME),
    "time of the event": Kind(
        "page.viewed", "occurred_at", "RFC 3339|no such day", TIME | {"null": REFUSED}
    ),
    "money": Kind("order.placed", "body.lines.0.total", "plain digits", DECIMAL | SIGNED),
    "money without sign": Kind(
        "order.placed", "body.lines.0.discounts.0.amount", "plain digits", DECIMAL | UNSIGNED
    ),
    "quantity": Kind("order.placed", "body.lines.0.quantity", "plain digits", DECIMAL | SIGNED),
    "rate": Kind("order.placed", "body.lines.0.tax_rate", "from 0 to 1", RATE),
    "integer": Kind("till.closed", "body.receipts", "whole number", WHOLE),
    "revision": Kind("page.viewed", "revision", "whole number", WHOLE | {"2147483648": REFUSED}),
    "boolean": Kind("page.viewed", "identifiers.0.verified", "true or false", BOOLEAN),
    "test journey": Kind("page.viewed", "source.synthetic", "true or false", BOOLEAN),
    "event id": Kind("page.viewed", "event_id", "whole number", CODE),
    "order id": Kind("order.placed", "body.order_id", "whole number", CODE),
    "text": Kind("page.viewed", "body.title", "a number", FREE_TEXT | {"null": REFUSED}),
    "attribute": Kind(
        "profile.updated", "body.attributes.city", "a number or a boolean", FREE_TEXT | YES_NO
    ),
    "currency": Kind("order.placed", "body.currency", "", CURRENCY),
    "choice": Kind("order.placed", "body.lines.0.kind", "", CHOICE),
}


def _rows() -> Iterator[Any]:
    for name, kind in KINDS.items():
        for written, meaning in kind.rows.items():
            yield pytest.param(kind, written, meaning, id=f"{name}: {written!a}")


def _line(kind: Kind, written: str) -> str:
    """The example of the type with the field written so."""
    event = copy.deepcopy(EXAMPLES[kind.example])
    target: Any = event
    *way, last = kind.path.split(".")
    for step in way:
        target = target[int(step)] if step.isdigit() else target[step]
    target[last] = json.loads(MARK)
    return json.dumps(event).replace(MARK, written)


def _value(event: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(event, dict):
            event = event[step]
        else:
            event = event[int(step)] if step.isdigit() else getattr(event, step)
    return event


@pytest.mark.parametrize(("kind", "written", "meaning"), list(_rows()))
def test_models_intake_and_schema_agree(kind: Kind, written: str, meaning: Any) -> None:
    """A notation means the same for all three, or all three refuse it; the advice fits the kind."""
    line = _line(kind, written)
    outcome = decode(line.encode())
    if meaning is REFUSED or meaning is UNSAID:
        assert isinstance(outcome, Reject)
        assert outcome.reason is RejectReason.INVALID_FIELD
        assert outcome.path == kind.path
        assert any(word in outcome.message for word in kind.advice.split("|"))
        with pytest.raises(ValidationError):
            TouchpointAdapter.validate_json(line)
    else:
        assert not isinstance(outcome, Reject), outcome
        assert _value(outcome[0], kind.path) == meaning
        assert _value(TouchpointAdapter.validate_json(line), kind.path) == meaning
    assert VALIDATOR.is_valid(json.loads(line)) is (meaning is not REFUSED)


def test_every_scalar_of_the_contract_has_a_table() -> None:
    """No field of any event has a notation of its own: each is one of the kinds tested here."""
    known = {_notation(_field_schema(kind)) for kind in KINDS.values()}
    assert {_notation(field) for field in _scalars(touchpoint_schema())} - known == set()


def _field_schema(kind: Kind) -> Any:
    """The schema of the field of a kind."""
    document = touchpoint_schema()
    title = "".join(part.title() for part in kind.example.replace("_", ".").split("."))
    found: Any = document["$defs"][f"{title}Event"]
    for step in kind.path.split("."):
        found = _resolved(found, document)
        if step.isdigit():
            found = found["items"]
        else:
            found = found.get("properties", {}).get(step) or found["additionalProperties"]
    return _resolved(found, document)


def _resolved(field: Any, document: Any) -> Any:
    choices = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        field = choices[0]
    if "$ref" in field:
        return document["$defs"][field["$ref"].rsplit("/", 1)[-1]]
    return field


def _scalars(document: Any) -> Iterator[Any]:
    """Every scalar field of every object of the contract."""
    for part in document["$defs"].values():
        for field in part.get("properties", {}).values():
            field = _resolved(field, document)
            for one in (field, field.get("items"), field.get("additionalProperties")):
                if isinstance(one, dict):
                    one = _resolved(one, document)
                    if "const" not in one and one.get("type") not in ("object", "array"):
                        yield one


def _notation(field: Any) -> str:
    """What tells notations apart: types, patterns and formats, without sizes."""
    if "enum" in field:
        return "choice"
    kept = {name: field[name] for name in ("type", "format") if name in field}
    kept["anyOf"] = [_notation(one) for one in field.get("anyOf", ())]
    if field.get("type") == "string":
        kept["closed"] = "time" if "[Tt ]" in field.get("pattern", "") else "pattern" in field
    return json.dumps(kept, sort_keys=True)


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none()))
def test_only_text_is_a_time(value: object) -> None:
    """Whatever is sent, a number never becomes a time, nor text that does not look like one."""
    adapter = TypeAdapter[datetime](Instant)
    with pytest.raises(ValidationError):
        adapter.validate_json(json.dumps(value))


@given(st.datetimes(timezones=st.sampled_from([UTC, CET])))
def test_every_instant_is_read_as_written(instant: datetime) -> None:
    """From year 1 to 9999, with and without fractions."""
    adapter = TypeAdapter[datetime](Instant)
    assert adapter.validate_json(json.dumps(instant.isoformat())) == instant
    assert adapter.validate_python(instant) == instant


def test_within_python_a_time_needs_its_zone() -> None:
    """Scenario files and code hand over `datetime`, never one without a zone or a number."""
    adapter = TypeAdapter[datetime](Instant)
    for value in (datetime(2026, 3, 2), 1772475600, 1.5, True, "1772475600"):  # noqa: DTZ001
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@given(st.decimals(-(10**11) + 1, 10**11 - 1, allow_nan=False, places=4))
def test_amounts_are_read_as_written(amount: Decimal) -> None:
    """As text and as a decimal within Python, to the last digit."""
    for adapter in (TypeAdapter[Decimal](Money), TypeAdapter[Decimal](Quantity)):
        assert adapter.validate_json(f'"{amount:f}"') == amount
        assert adapter.validate_python(amount) == amount


@given(st.integers(-(10**90), 10**90))
def test_whole_numbers_keep_every_digit_as_codes(number: int) -> None:
    """An id sent as a number, however long, is the text of its digits."""
    assert TypeAdapter[str](Code).validate_json(str(number)) == str(number)
