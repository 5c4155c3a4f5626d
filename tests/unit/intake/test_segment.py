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
from schemas.reject import RejectReason
from services.intake.amounts import shares
from services.intake.format import Refused
from services.intake.segment.message import Sending, part_id
from services.intake.segment.payload import parsed, translated
from services.intake.segment.refusals import REFUSALS
from services.intake.segment.tracks import NAMES, spelt

EXAMPLES = Path(__file__).parents[2] / "contract/formats/segment/refused.jsonl"
NOW = "2026-03-02T17:30:00.000Z"
RECEIVED = Sending(received_at=NOW)
TRACK: dict[str, Any] = {"type": "track", "event": "e", "userId": "1001"}
PAYLOADS = EXAMPLES.with_name("payloads.jsonl")
ODD = (
    b'"\\ud83d"', b'{"\\ud83d":1}', b"NaN", b"1e400", b"-1e400", b"9" * 25, b"9" * 5_000, b"1e308",
    b"5e-324", b"-0.0", b'"\\u0000"', b'"2026-03-02T17:20:00Z\\n"', b'"9999-12-31T23:59:59-23:59"',
    b'"0001-01-01T00:00:00+23:59"', b"[" * 250 + b"]" * 250, b"[" * 960 + b"]" * 960,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b"[]", b"{}", b"true", b'""', b"null",
)  # fmt: skip
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
        ({"type": "alias", "previousId": "c@example.com"}, ["c@example.com"]),
        ({"type": "alias", "previous_id": "c-2"}, ["c-2"]),
        ({"type": "identify", "userId": "\ud83d", "traits": {"email": "a@example.com"}},
         ["a@example.com"]),
        ({"type": "no", "traits": {"email": 1.5, "phone": "+4930"},
          "context": {"device": {"id": [], "token": "t-1"}}}, ["t-1", "+4930"]),
    ],
)  # fmt: skip
def test_a_refused_message_says_whom_it_names(message: dict[str, Any], values: list[str]) -> None:
    """As far as it can be read, for of some persons no line may be kept."""
    [refused] = read({**message, "messageId": "m-1", "timestamp": NOW})
    named = json.loads(refused.named)
    assert [one["value"] for one in named["identifiers"]] == values
    assert (named["event_id"], named["occurred_at"]) == ("m-1", NOW)


@pytest.mark.parametrize("wrong", ["\ud83d", "m" * 101])
def test_a_wrong_id_hides_nobody(wrong: str) -> None:
    """The persons of a refused message do not depend on its id."""
    [refused] = read({"type": "track", "event": "e", "userId": "1001", "messageId": wrong})
    assert [one["value"] for one in json.loads(refused.named)["identifiers"]] == ["1001"]


@pytest.mark.parametrize("message", [None, 1, "a@example.com", ["a@example.com"]])
def test_no_bytes_come_out_of_what_names_nobody_that_can_be_read(message: Any) -> None:
    """A message that is no object may be of anybody."""
    [refused] = read({"batch": [message]})
    assert (refused.content, refused.named) == (b"", b"")


def test_one_bad_character_costs_one_message() -> None:
    """Half of a character, or `NaN`, is the fault of its message."""
    good = json.dumps(TRACK)
    bad = ('{"type":"track","event":"\\ud83d","userId":"1"}', '{"type":"track","properties":NaN}')
    body = parsed(f'{{"batch":[{good},{bad[0]},{bad[1]},{good}]}}'.encode())
    assert not isinstance(body, Fault)
    found = read(body)
    assert [isinstance(one, Refused) for one in found] == [False, True, True, False]
    assert {one.fault.reason for one in found if isinstance(one, Refused)} == {"not_json"}


@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp", "sentAt", "receivedAt"])
@pytest.mark.parametrize("behind", ["\n", " ", "\r\n"])
def test_nothing_follows_a_time(name: str, behind: str) -> None:
    """Not even a line break; the message is refused, and its neighbours are not."""
    times = dict.fromkeys(("originalTimestamp", "sentAt", "receivedAt"), NOW)
    found = read({"batch": [TRACK, {**TRACK, **times, name: NOW + behind}, TRACK]})
    assert [isinstance(one, Refused) for one in found] == [False, True, False]
    assert found[1].fault.path == name


def spoilt(message: Any, odd: bytes) -> list[bytes]:
    """The message with the odd value at each place, one at a time."""
    found: list[bytes] = []

    def put(value: Any) -> None:
        for key, kept in list(value.items() if isinstance(value, dict) else enumerate(value)):
            value[key] = "the odd one"
            found.append(json.dumps(message).encode().replace(b'"the odd one"', odd))
            value[key] = kept
            if isinstance(kept, dict | list):
                put(kept)

    put(message)
    return found


@pytest.mark.parametrize("odd", ODD, ids=lambda one: one[:12].decode())
def test_an_odd_value_costs_one_message(odd: bytes) -> None:
    """Wherever it stands in a message, its neighbours are taken; it is refused for a reason, or
    taken, and never a fault of ours."""
    good = json.dumps(TRACK).encode()
    for line in PAYLOADS.read_bytes().splitlines():
        plain = json.loads(line)
        for message in plain.get("batch", [plain]):
            texts = [good, *spoilt(message, odd), good]
            body = parsed(b'{"batch":[' + b",".join(texts) + b"]}")
            assert not isinstance(body, Fault)
            first, *others, last = read(body)
            assert isinstance(first, dict)
            assert isinstance(last, dict)
            assert len(others) >= len(texts) - 2
            faults = [one.fault for one in others if isinstance(one, Refused)]
            assert RejectReason.UNPROCESSABLE not in {one.reason for one in faults}, faults


@pytest.mark.parametrize("levels", [253, 254, 255, 256, 257, 960, 1_021, 1_025, 20_000])
def test_a_deep_message_costs_no_other_and_says_whom_it_names(levels: int) -> None:
    """Neither one that can be read and not written, nor one that cannot be read."""
    for begin, end in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = begin * levels + b"1" + end * levels
        odd = b'{"type":"track","userId":"1","timestamp":"%b","properties":%b}' % (
            NOW.encode(),
            deep,
        )
        good = json.dumps(TRACK).encode()
        body = parsed(b'{"batch":[' + good + b"," + odd + b"," + good + b"]}")
        assert not isinstance(body, Fault)
        first, refused, last = read(body)
        assert [type(one) for one in (first, refused, last)] == [dict, Refused, dict]
        assert refused.fault.reason in ("not_json", "invalid_field")
        assert [one["value"] for one in json.loads(refused.named)["identifiers"]] == ["1"]
        assert json.loads(refused.content)["userId"] == "1"


@pytest.mark.parametrize(
    "context", ["x", [], {"campaign": {"name": "\ud83d"}}, {"library": {"name": float("nan")}}]
)
def test_a_wrong_context_of_a_batch_refuses_its_messages_one_by_one(context: Any) -> None:
    """So that each is judged by the persons that it names."""
    message = {"type": "identify", "traits": {"email": "a@example.com"}, "timestamp": NOW}
    found = read({"batch": [message, message], "context": context})
    assert [one.fault.path.split(".")[0] for one in found] == ["context", "context"]
    assert all(b"a@example.com" in one.named for one in found)


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


@pytest.mark.parametrize(
    ("said", "gross"),
    [(1.1 * 3, "3.3"), (0.1 + 0.2, "0.3"), (19.9 * 3, "59.7"), (1e6 * 1.1, "1100000"),
     (12_345_678.9 * 3, "37037036.7"), (0.1 + 0.2 - 0.3, "0"), (27.5, "27.5")],
)  # fmt: skip
def test_the_noise_of_binary_floats_is_no_amount(said: float, gross: str) -> None:
    """JavaScript sums prices so."""
    assert order(total=said)["body"]["gross"] == gross


@pytest.mark.parametrize("said", [0.12345, 1.00001, "3.3000000000000003"])
def test_further_decimals_are_not_rounded(said: Any) -> None:
    """What somebody means, or wrote as text, stands as it is, and is refused."""
    assert order(total=said).fault.path == "properties.total"


@pytest.mark.parametrize(
    ("currency", "price", "quantity", "paid"),
    [("EUR", 2.99, 0.337, "1.01"), ("EUR", 0.125, 1, "0.13"), ("JPY", 299, 0.337, "101"),
     ("KWD", 1.25, 0.337, "0.421"), ("EUR", 1.1, 3, "3.3")],
)  # fmt: skip
def test_weighed_goods_cost_what_a_till_takes(
    currency: str, price: float, quantity: float, paid: str
) -> None:
    """Price and quantity stay exact; the amount has whole steps of its currency."""
    product = {"sku": "cheese", "price": price, "quantity": quantity}
    for total in ({}, {"total": float(paid)}):
        [line] = order(currency=currency, products=[product], **total)["body"]["lines"]
        assert Decimal(line["total"]) == Decimal(paid)
        assert (line["unit_price"], line["quantity"]) == (str(price), str(quantity))


def test_an_amount_beyond_all_amounts_is_refused() -> None:
    """As a product of two that are not."""
    product = {"sku": "a", "price": "9" * 15, "quantity": "9" * 15}
    assert order(products=[product]).fault.path == "properties.products.0.price"


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
