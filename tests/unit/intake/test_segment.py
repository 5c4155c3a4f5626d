"""Messages of the Segment protocol: ids, times, persons, exact amounts, and what is refused."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.faults import Fault
from services.intake.format import Refused
from services.intake.segment.message import Sending, part_id
from services.intake.segment.payload import parsed, translated
from services.intake.segment.purchases import shares
from services.intake.segment.refusals import REFUSALS
from services.intake.segment.tracks import NAMES, spelt

EXAMPLES = Path(__file__).parents[2] / "contract/formats/segment/refused.jsonl"
NOW = "2026-03-02T17:30:00.000Z"
RECEIVED = Sending(received_at=NOW)
TRACK: dict[str, Any] = {"type": "track", "event": "e", "userId": "1001"}
PLACE = re.compile(r"\.[0-9]+(?=\.|$)")
AMOUNTS = st.decimals(0, 10_000, places=2)


def read(body: dict[str, Any], sending: Sending = RECEIVED) -> list[Any]:
    """The touchpoints of a body; what is refused is there as it is."""
    found = translated(body, sending)
    assert not isinstance(found, Fault), found
    return [one if isinstance(one, Refused) else json.loads(one) for one in found]


def order(**properties: Any) -> Any:
    """What an order becomes."""
    said = {"order_id": "O-1", "currency": "EUR", **properties}
    [found] = read({**TRACK, "event": "Order Completed", "properties": said})
    return found


def test_the_reference_lists_what_is_refused() -> None:
    """Each field and reason of the examples is in its table, and each of the table has an
    example."""
    rows = [json.loads(one)["fault"] for one in EXAMPLES.read_text("utf-8").splitlines()]
    seen = {(PLACE.sub(".*", path), reason) for reason, path in rows}
    assert seen == {(one.path, one.reason.value) for one in REFUSALS}


def test_a_message_sent_again_is_the_same() -> None:
    """With its id, and without one as long as it says when it happened."""
    timed = {**TRACK, "timestamp": "2026-03-02T17:20:00Z"}
    first, again = read(timed), read(timed, Sending(received_at="2026-03-02T18:00:00.000Z"))
    assert first == again
    assert first[0]["event_id"] != read({**timed, "event": "f"})[0]["event_id"]
    [named] = read({**TRACK, "messageId": "m-1"})
    assert named["event_id"] == "m-1"


def test_two_clicks_without_a_time_are_two() -> None:
    """Nothing tells them apart but when they came."""
    first, second = (read(TRACK, Sending(received_at=f"2026-03-02T17:30:0{s}Z"))[0] for s in (0, 1))
    assert first["event_id"] != second["event_id"]
    assert first["occurred_at"] == "2026-03-02T17:30:00Z"


def test_further_touchpoints_have_ids_of_bounded_length() -> None:
    """Of a message whose own id is as long as one may be, too."""
    assert part_id("m-1", "account") == "m-1:account"
    long = {part_id(letter * 100, "account") for letter in "ab"}
    assert len(long) == 2
    assert all(len(one) <= 100 for one in long)


@pytest.mark.parametrize(
    ("times", "sent_at", "expected"),
    [
        # a library states the time, and the batch when it was sent
        ({"timestamp": "T1"}, "T3", ("T1", "T3")),
        ({"originalTimestamp": "T1", "timestamp": "T2"}, "T3", ("T1", "T3")),
        ({"timestamp": "T1", "sentAt": "T2"}, "T3", ("T1", "T2")),
        # nothing but the time of sending, or of receipt
        ({}, "T3", ("T3", None)),
        ({}, None, (NOW, None)),
        # another server has received and corrected it
        ({"timestamp": "T1", "originalTimestamp": "T2", "receivedAt": "T3"}, "T3", ("T1", None)),
        ({"receivedAt": "T2"}, None, ("T2", None)),
    ],
)
def test_times_are_those_of_one_clock(
    times: dict[str, str], sent_at: str | None, expected: tuple[str, str | None]
) -> None:
    """What corrects a clock is stated beside the time by this clock, and only there."""
    at = {f"T{n}": f"2026-03-02T17:0{n}:00Z" for n in (1, 2, 3)}
    message = {**TRACK, **{name: at[one] for name, one in times.items()}}
    sent = {"sentAt": at[sent_at]} if sent_at else {}
    [found] = read({"batch": [message], **sent})
    wanted = tuple(at.get(one, one) if one else one for one in expected)
    assert (found["occurred_at"], found.get("sent_at")) == wanted


def test_an_import_is_right_whenever_it_is_sent() -> None:
    """Its messages may be years old, so no clock is corrected by their sending."""
    body = {"batch": [{**TRACK, "timestamp": "2020-01-01T00:00:00Z"}], "sentAt": NOW}
    [found] = read(body, Sending(received_at=NOW, is_history=True))
    assert found["occurred_at"] == "2020-01-01T00:00:00Z"
    assert "sent_at" not in found


def test_the_context_of_a_batch_is_that_of_its_messages() -> None:
    """A message may say more, and knows better."""
    body = {
        "batch": [TRACK, {**TRACK, "context": {"channel": "kiosk"}}],
        "context": {"channel": "pos", "campaign": {"name": "spring"}},
    }
    first, second = read(body)
    assert (first["channel"], second["channel"]) == ("pos", "kiosk")
    assert first["source"]["campaign"] == second["source"]["campaign"] == "spring"


def test_the_realm_of_the_key_is_that_of_the_message() -> None:
    """Also of one that is refused, or a key of another realm would see it."""
    sending = Sending(received_at=NOW, realm="second")
    taken, refused = read({"batch": [TRACK, {"type": "no"}]}, sending)
    assert taken["realm"] == "second"
    assert json.loads(refused.content)["realm"] == "second"


@pytest.mark.parametrize(
    ("message", "values"),
    [
        ({"type": "track", "userId": 1001, "anonymousId": "c-1"}, ["1001", "c-1"]),
        ({"type": "track", "userId": 1.5, "anonymous_id": "c-1"}, ["c-1"]),
        ({"type": "no", "user_id": "1001", "traits": {"email": "a@example.com"}},
         ["1001", "a@example.com"]),
        ({"type": "track", "context": {"traits": {"phone": "+4930"}, "device": {"id": "d-1"}}},
         ["d-1", "+4930"]),
        ({"type": "track", "context": [], "properties": {"email": "b@example.com"}},
         ["b@example.com"]),
    ],
)  # fmt: skip
def test_a_refused_message_says_whom_it_names(message: dict[str, Any], values: list[str]) -> None:
    """As far as it can be read, for of some persons no line may be kept."""
    [refused] = read({**message, "messageId": "m-1", "timestamp": NOW})
    named = json.loads(refused.named)
    assert [one["value"] for one in named["identifiers"]] == values
    assert (named["event_id"], named["occurred_at"]) == ("m-1", NOW)


def test_one_bad_character_costs_one_message() -> None:
    """Half of a character, or `NaN`, is the fault of its message."""
    good = json.dumps(TRACK)
    bad = ('{"type":"track","event":"\\ud83d","userId":"1"}', '{"type":"track","properties":NaN}')
    body = parsed(f'{{"batch":[{good},{bad[0]},{bad[1]},{good}]}}'.encode())
    assert not isinstance(body, Fault)
    found = read(body)
    assert [isinstance(one, Refused) for one in found] == [False, True, True, False]
    assert {one.fault.reason for one in found if isinstance(one, Refused)} == {"not_json"}


@pytest.mark.parametrize("payload", [b"", b"[]", b"1", b'"a"', b"{", b'{"a":"\xe4"}', b"\xff\xfe{"])
def test_what_is_no_object_is_refused_whole(payload: bytes) -> None:
    """With the reason; it holds no message."""
    assert isinstance(parsed(payload), Fault)


def test_the_example_of_the_specification_adds_up() -> None:
    """Products 25.00, discount 2.50, shipping 3.00, tax 2.00 on top: the total of 27.50."""
    products = [{"sku": "a", "price": 19, "quantity": 1}, {"sku": "b", "price": 3, "quantity": 2}]
    found = order(total=27.5, discount=2.5, shipping=3, tax=2, coupon="hasbros", products=products)
    lines = found["body"]["lines"]
    assert [one["total"] for one in lines] == ["18.62", "5.88", "3"]
    assert [one["discounts"][0]["amount"] for one in lines[:2]] == ["1.90", "0.60"]
    assert sum(Decimal(one["total"]) for one in lines) == Decimal("27.50")
    assert found["body"]["tax_mode"] == "net"


def test_the_total_says_that_prices_include_the_tax() -> None:
    """The same fields in a shop whose prices are gross."""
    found = order(total=25, tax=3.99, products=[{"sku": "a", "price": 25}])
    assert found["body"]["lines"][0]["total"] == "25"
    assert "tax_mode" not in found["body"]


def test_yen_have_no_cents() -> None:
    """A discount is spread in whole steps of its currency."""
    products = [{"sku": "a", "price": 1000}, {"sku": "b", "price": 500}]
    found = order(currency="JPY", total=1400, discount=100, products=products)
    assert [one["total"] for one in found["body"]["lines"]] == ["933", "467"]


@settings(deadline=None)
@given(amount=AMOUNTS, weights=st.lists(AMOUNTS, min_size=1, max_size=20))
def test_shares_make_up_the_amount(amount: Decimal, weights: list[Decimal]) -> None:
    """Exactly, and what weighs nothing bears nothing."""
    found = shares(amount, weights, Decimal("0.01"))
    assert len(found) == len(weights)
    assert sum(found) == (amount if any(weights) else 0)
    for share, weight in zip(found, weights, strict=True):
        assert weight or not share
        exact = amount * weight / sum(weights) if any(weights) else 0
        assert abs(share - exact) <= Decimal("0.01") * len(weights)


@pytest.mark.parametrize("name", NAMES)
def test_the_spelling_of_a_name_makes_no_difference(name: str) -> None:
    """Retailers write the names of the specification in every way."""
    for written in (name.upper(), name.replace(" ", "_"), name.replace(" ", "-").lower()):
        assert spelt(written) == spelt(name)


@pytest.mark.parametrize(
    ("context", "channel"),
    [
        ({}, "shop"),
        ({"library": {"name": "analytics.js"}, "os": {"name": "Android"}}, "shop"),
        ({"library": {"name": "analytics-kotlin"}}, "app"),
        ({"device": {"type": "iOS"}}, "app"),
        ({"channel": "mobile"}, "app"),
        ({"channel": "server"}, "shop"),
        ({"channel": "field_sales"}, "field_sales"),
        ({"channel": "No Channel"}, "shop"),
    ],
)
def test_where_it_happened(context: dict[str, Any], channel: str) -> None:
    """A system says so; else its library or its device does."""
    assert read({**TRACK, "context": context})[0]["channel"] == channel


def test_only_a_customers_act_is_a_sign_of_life() -> None:
    """What a server says on its own, and what a device reports of its own accord, is none."""
    device = {"context": {"device": {"id": "d-1"}}}
    acts = [
        read(one)[0]["body"].get("by_customer", False)
        for one in (TRACK, {**TRACK, **device}, {**TRACK, **device, "event": "Application Crashed"})
    ]
    assert acts == [False, True, False]


@pytest.mark.parametrize(
    ("traits", "is_verified"),
    [({}, False), ({"email_verified": True}, True), ({"email_verified": "true"}, False)],
)
def test_an_address_is_only_stated(traits: dict[str, Any], is_verified: bool) -> None:
    """Unless the sender says that it was confirmed."""
    message = {"type": "identify", "userId": "1", "traits": {"email": "a@example.com", **traits}}
    [found] = read(message)
    [mail] = [one for one in found["identifiers"] if one["type"] == "email"]
    assert mail["verified"] is is_verified
