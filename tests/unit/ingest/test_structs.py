"""Structs read events exactly as the pydantic models do, which are the contract of record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import new_class
from typing import Annotated, Any, Literal

import orjson
import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from schemas.base import Contract, Money
from schemas.examples import EXAMPLES
from schemas.scalars import Rfc3339, Written
from schemas.touchpoint import EVENT_MODELS, EVENT_TYPES, PUBLIC_MARK, Touchpoint
from services.ingest.core import structs
from services.ingest.core.decode import decode
from services.ingest.core.outcome import Intake, Reject
from services.ingest.core.structs import NotCovered, read_event, struct_of
from tests.events import core, event, line
from tests.filled_events import Filler
from tests.pydantic_alone import assert_decoded_alike, assert_processed_alike, differences

PROCESSOR = core()
BLANKS = " \t\n\v\f\r\x1c\x1f\x85\xa0\u1680\u2000\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
TEXTS = (
    "", "x", "0", "1", "true", "null", "é" * 16, "é" * 17, "x" * 64, "x" * 65, "é" * 100, "x" * 101,
    "x" * 300, "x" * 301, "x" * 501, "x" * 2_001, "x" * 8_001, "EUR", "eur", "EURO", "EUR\n", "ÉUR",
    "shop", "shop\n", "Shop", "default\n", "customer", "customer\n", "2026-03-02", "2026-03-02\n",
    "a b", 'a" b', 'a "', "a\\", "\\n", "ab\u0301", "\x00", "\ud83d\ude00", "published",
    "Published", "gross", "marketing", "product.viewed", "nps", "hard", "user", "PUBLISHED ",
    *(blank + "x" for blank in BLANKS), *("x" + blank for blank in BLANKS), *BLANKS,
    "x" * 100 + " ", " " + "x" * 16,
)  # fmt: skip
TIMES = (
    "2026-03-02T18:20:00Z", "2026-03-02T18:20:00+01:00", "2026-03-02t18:20:00z",
    "2026-03-02 18:20:00+01:00", "2026-03-02T18:20Z", "2026-03-02T18:20:00+0100",
    "2026-03-02T18:20:00-00:00", "2026-03-02T18:20:00+01", "2026-03-02T18:20:00",
    "2026-03-02T18:20:00.1Z", "2026-03-02T18:20:00.123456Z", "2026-03-02T18:20:00.1234567Z",
    "2026-03-02T18:20:00.123456789+01:00", "2026-03-02T18:20:00.9999999Z",
    "2026-03-02T18:20:59.9999999Z", "2026-03-02T18:20:00,5Z", "2026-03-02T18:20:60Z",
    "2026-03-02T24:00:00Z", "2026-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.9999999-23:59",
    "2026-03-02T18:20:00+24:00", "2026-03-02T18:20:00+23:60", "2026-03-02T18:20:00Z ",
    "2026-03-02T18:20:00.Z", "2026-W10-1T18:20:00Z", "20260302T182000Z", "1899-12-31T23:59:59Z",
    "+2026-03-02T18:20:00Z", "２026-03-02T18:20:00Z",
)  # fmt: skip
AMOUNTS = (
    "1.50", "1.5000", "1.50000", "1.00001", "-1.50", "-0", "+1", " 1", "1 ", "1_000", "1e5", "1E-2",
    "NaN", "Infinity", "0.5", ".5", "5.", "00001", "12345678901", "123456789012", "١٢", "1,50",
    "1.5" + "0" * 40, "100", "1.0", "0.10", "001.2", "0001", "-1", "1\n",
)  # fmt: skip
TOKENS = (
    "null", "true", "false", "0", "-0", "1", "1.0", "-1", "1.5", "0.1", "-0.0", "1e5", "1E400",
    "1e22", "1.50000", "0.30000000000000004", "2147483647", "2147483648", "9007199254740991",
    "9007199254740992", "9007199254740993", "9007199254740993.0", "18446744073709551615",
    "18446744073709551616", "123456789012345678901234567890", "1e-400", "12345678901.2345", "NaN",
    "[]", "{}", '[""]', '["x","x "]', '{"":""}', '{"a":"x"}', '{"a ":"x","a":"y"}', '{"Mon":null}',
    '{"a":true}', '{"a":1.5}', '{"1":"x"}', "[null]", "[[]]", "[{}]", '"\\ud800"',
    '"\\u0041\\u0009"', '"2026-03-02T18:20:00.12345\\u00367Z"', "[1,2]", "[" * 210 + "]" * 210,
    json.dumps(["x"] * 21), json.dumps(["x"] * 501), json.dumps({f"k{n}": "x" for n in range(61)}),
)  # fmt: skip
VALUES = (*(json.dumps(text, ensure_ascii=False) for text in (*TEXTS, *TIMES, *AMOUNTS)), *TOKENS)
"""As JSON: values that one notation or another takes, nearly takes, or takes in another form."""
MARK = "the-place-of-a-value"
WITH_MAPS = ("profile.updated", "store.published")
READ_BY_STRUCTS = [one for one in EVENT_MODELS if one not in WITH_MAPS]


def filled(type_name: str) -> dict[str, Any]:
    """An event of the type that gives every field there is, each as it should be."""
    filler = Filler("x")
    row = EVENT_TYPES[type_name]
    envelope = event(type_name, sent_at="2026-11-20T10:00:00Z", revision=1, realm="default")
    source = {**filler.source(), "system": "webshop"}
    return {**envelope, "source": source, "from_public_key": False} | {
        "body": filler.body(row.body, type_name)
    }


def places(plain: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document, as what holds it and its key."""
    for key in list(plain) if isinstance(plain, dict) else range(len(plain)):
        yield plain, key
        if isinstance(plain[key], dict | list):
            yield from places(plain[key])


def written(value: str) -> bytes:
    """The JSON of a value; a broken character stays one."""
    return value.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("type_name", READ_BY_STRUCTS)
def test_each_event_type_has_a_struct(type_name: str) -> None:
    """A full event of each type without a map is read without pydantic, and alike."""
    sent = line(filled(type_name))
    found: Any = read_event(orjson.loads(sent), sent)
    assert type(found) is struct_of(EVENT_MODELS[type_name])
    assert not list(differences(found, EVENT_MODELS[type_name].model_validate_json(sent)))


@cache
def first_types() -> dict[Any, str]:
    """The first event type with each field of each contract; lists by their length."""
    found: dict[Any, str] = {}
    for type_name in EVENT_MODELS:
        for holder, key in places(filled(type_name)):
            found.setdefault(field_of(holder, key), type_name)
    return found


def field_of(holder: Any, key: Any) -> Any:
    """What tells the fields of different contracts apart."""
    return (frozenset(holder) if isinstance(holder, dict) else len(holder)), key


@pytest.mark.parametrize("type_name", EVENT_MODELS)
def test_each_value_of_each_field_is_read_alike(type_name: str) -> None:
    """Field by field: whatever stands there, the event is the one that pydantic reads, or the
    reject has the same reason, path and words. Of a contract that several types share, every value
    is tried in one of them, and some in the others."""
    plain = filled(type_name)
    for number, (holder, key) in enumerate(list(places(plain))):
        is_first = first_types()[field_of(holder, key)] == type_name
        before, holder[key] = holder[key], MARK
        begin, end = orjson.dumps(plain).split(f'"{MARK}"'.encode())
        for value in VALUES if is_first else VALUES[number % 40 :: 40]:
            assert_decoded_alike(begin + written(value) + end)
        holder[key] = before


@pytest.mark.parametrize("type_name", EVENT_MODELS)
def test_each_field_may_be_left_out(type_name: str) -> None:
    """Without a field there is its default, or the same reject; an unknown field is ignored."""
    plain = filled(type_name)
    for holder, key in list(places(plain)):
        before = holder.pop(key)
        assert_decoded_alike(line(plain))
        if isinstance(holder, dict):
            holder["unknown"] = before
            assert_decoded_alike(line(plain))
            del holder["unknown"]
            holder[key] = before
        else:
            holder.insert(key, before)


@pytest.mark.parametrize("type_name", EXAMPLES)
def test_each_example_has_the_same_outcome(type_name: str) -> None:
    """Row, edges, claims, hints and all else that follows from an event are the same, from every
    intake, in every format of the JSON."""
    plain = EXAMPLES[type_name]
    for intake in Intake:
        for sent in (
            line(plain),
            json.dumps(plain, indent=1).encode(),
            line(plain)[:-1] + PUBLIC_MARK,
        ):
            assert_processed_alike(PROCESSOR, sent, intake)


@pytest.mark.parametrize(
    "more",
    [
        '"type":"order.placed"', '"type":["page.viewed"]', '"type":5', '"event_id":"other"',
        '"event_id":5', '"body":{"title":"other"}', '"body":null', '"source":{"store":"1"}',
        '"unknown":' + "[" * 199 + "]" * 199, '"unknown":' + "[" * 201 + "]" * 201,
        '"unknown":' + '{"a":' * 220 + "1" + "}" * 220, '"unknown":1e400', '"unknown":"\\ud800"',
        '"unknown":' + "9" * 5_000, '"unknown":NaN', '"":1', '"TYPE":"order.placed"',
        '"received_at":5', '"realm":"default","realm":"Other"', '"identifiers":null',
    ],
)  # fmt: skip
def test_a_name_that_is_there_twice_is_read_alike(more: str) -> None:
    """Of two values of one name the last one counts, for both; unknown fields have the same bounds
    of depth and of numbers."""
    assert_decoded_alike(line(event(body={"url": "u"}))[:-1] + b"," + more.encode() + b"}")


@pytest.mark.parametrize(
    ("type_name", "map_name"),
    [
        ("profile.updated", "attributes"),
        ("store.published", "opening_hours"),
        ("store.published", "holiday_hours"),
    ],
)
@pytest.mark.parametrize("wrong", [b'["Rome"]', b"{}", b'"' + b"x" * 501 + b'"'])
def test_each_value_of_a_name_in_a_map_is_read(type_name: str, map_name: str, wrong: bytes) -> None:
    """A map is refused for a value that a later one of the same name would replace."""
    whole = orjson.loads(line(filled(type_name)))
    name, right = next(iter(whole["body"][map_name].items()))
    pair = orjson.dumps({name: right})[1:-1]
    twice = orjson.dumps({name: None})[1:-1].replace(b"null", wrong) + b"," + pair
    sent = orjson.dumps(whole).replace(pair, twice, 1)
    assert_decoded_alike(sent)
    assert isinstance(decode(sent), Reject)


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"{}", b"[]", b"null", b'"text"', b"5", b"[" * 2_000, b"\xef\xbb\xbf" + line(event()),
        b" \t\r\n" + line(event()) + b" \r\n", line(event()) + b"\x00", line(event()) + b"{}",
        line(event()).decode().encode("utf-16"), line(event()).replace(b"shop", b"sh\xf6p"),
        line(event(body={"url": "x" * 33_000})),
    ],
)  # fmt: skip
def test_what_is_no_event_is_read_alike(sent: bytes) -> None:
    """Bytes that are no event are rejected in the words of pydantic."""
    assert_decoded_alike(sent)
    assert isinstance(decode(sent), Reject) or sent.strip() != sent


def test_a_struct_stands_for_its_model() -> None:
    """`isinstance` and `match` see the model; methods and properties are its own; an event under
    another id stays the same otherwise."""
    decoded = decode(line(event("email.opened", body={"user_agent": "Mozilla/5.0"})))
    assert not isinstance(decoded, Reject)
    found = decoded[0]
    assert isinstance(found, Touchpoint)
    assert isinstance(found, EVENT_MODELS["email.opened"])
    assert not isinstance(found, EVENT_MODELS["email.clicked"])
    assert found.body.is_automated
    again = structs.renamed(found, "other")
    assert again.event_id == "other"
    assert again.body is found.body
    of_model = EVENT_MODELS["page.viewed"].model_validate(event())
    assert structs.renamed(of_model, "other") == of_model.model_copy(update={"event_id": "other"})


def test_a_struct_has_what_its_model_has() -> None:
    """Nothing that a contract offers beyond pydantic's own is missing in its struct."""
    of_bodies = [EVENT_TYPES[one].body for one in READ_BY_STRUCTS]
    for model in (*(EVENT_MODELS[one] for one in READ_BY_STRUCTS), *of_bodies):
        own = set(dir(model)) - set(dir(Contract)) - {"__signature__"} | set(model.model_fields)
        assert own <= set(dir(struct_of(model)))


class _Blue(StrEnum):
    BLUE = "blue"


@pytest.mark.parametrize(
    "field",
    [
        (Annotated[str, StringConstraints(pattern=r"^\w+$")], "x"),
        (Annotated[str, StringConstraints(strip_whitespace=True)], "x"),
        (Annotated[str, StringConstraints(to_lower=True)], "x"),
        (Annotated[str, Written(5), Field(max_length=3)], "x"),
        (Annotated[int, Field(ge=1)], 1),
        (int, 1),
        (float, 1.0),
        (Decimal, 1),
        (datetime, "x"),
        (Literal[1], 1),
        (list[int], []),
        (dict[str, int], {}),
        (dict[str, str], {}),
        (str | int, "x"),
        (tuple[str, str], ("a", "b")),
        (Annotated[str, Field(alias="other")], "x"),
        (Annotated[str, Field(validation_alias="other")], ...),
        (Annotated[str, Field(default_factory=lambda: "x")], ...),
        (Annotated[list[Money], Field(validate_default=True)], []),
    ],
)  # fmt: skip
def test_what_has_no_twin_is_left_to_pydantic(field: tuple[Any, Any]) -> None:
    """Where it is not known that a struct reads a field alike, there is none."""
    kind, default = field
    space = {"__annotations__": {"name": kind}, "__module__": __name__}
    space |= {} if default is ... else {"name": default}
    model: Any = new_class("Made", (Contract,), exec_body=lambda made: made.update(space))
    with pytest.raises(NotCovered):
        struct_of(model)


def test_settings_and_validators_without_a_twin_are_left_to_pydantic() -> None:
    """The same for settings of a model, and for validators of single fields."""

    class _Stripped(Contract):
        model_config = ConfigDict(str_strip_whitespace=True)
        name: str = ""

    class _Open(Contract):
        model_config = ConfigDict(extra="allow")

    class _Checked(Contract):
        name: str = ""

        @field_validator("name")
        @classmethod
        def _as_it_is(cls, value: str) -> str:
            return value

    class _Plain(BaseModel):
        at: Annotated[datetime, Rfc3339()] | None = None
        colour: _Blue = _Blue.BLUE

    for model in (_Stripped, _Open, _Checked, _Plain):
        with pytest.raises(NotCovered):
            struct_of(model)
