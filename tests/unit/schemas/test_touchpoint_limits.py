"""The touchpoint contract: every limit, exact money, zoned times, and what is let through."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.examples import EXAMPLES
from schemas.touchpoint import EVENT_MODELS, Touchpoint, TouchpointAdapter

Json = dict[str, Any]
UNSET = object()


def changed(name: str, path: str, value: Any = UNSET) -> Json:
    """The example of an event type with one field set, or removed."""
    event = copy.deepcopy(EXAMPLES[name])
    *way, last = path.split(".")
    target: Any = event
    for step in way:
        target = target[int(step)] if step.isdigit() else target[step]
    if value is UNSET:
        del target[last]
    else:
        target[last] = value
    return event


def parse(event: Json) -> Touchpoint:
    """Validate an event the way the intake does: from JSON bytes."""
    return TouchpointAdapter.validate_json(json.dumps(event))


def total(value: str) -> Decimal:
    """What the contract makes of a line total, given as a piece of JSON text."""
    text = json.dumps(changed("order.placed", "body.lines.0.total", 0))
    found: Decimal = (
        TouchpointAdapter.validate_json(text.replace('"total": 0', f'"total": {value}'))
        .body.lines[0]
        .total
    )
    return found


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_is_valid(name: str) -> None:
    """The example of each event type validates, as that type, and loses no field of its own."""
    event = parse(EXAMPLES[name])
    assert type(event) is EVENT_MODELS[name]
    kept = event.model_dump(mode="json", exclude_unset=True)
    assert kept["body"].keys() == EXAMPLES[name]["body"].keys()


AT_THE_LIMIT = [
    # event type, field, largest value that is accepted, smallest that is not
    ("page.viewed", "event_id", "e" * 100, "e" * 101),
    ("page.viewed", "source.system", "s" * 100, "s" * 101),
    ("page.viewed", "identifiers.0.value", "v" * 500, "v" * 501),
    ("page.viewed", "identifiers.0.issuer", "i" * 64, "i" * 65),
    ("page.viewed", "identifiers", [EXAMPLES["page.viewed"]["identifiers"][0]] * 20,
     [EXAMPLES["page.viewed"]["identifiers"][0]] * 21),
    ("page.viewed", "revision", 2**31 - 1, 2**31),
    ("page.viewed", "body.url", "u" * 2000, "u" * 2001),
    ("page.viewed", "body.title", "t" * 300, "t" * 301),
    ("page.viewed", "realm", "r" * 32, "r" * 33),
    ("page.viewed", "channel", "c" * 32, "c" * 33),
    ("cart.updated", "body.items", [{}] * 200, [{}] * 201),
    ("order.placed", "body.lines", [{"total": "1"}] * 500, [{"total": "1"}] * 501),
    ("order.placed", "body.lines.0.discounts", [{"amount": "1"}] * 20, [{"amount": "1"}] * 21),
    ("order.placed", "body.vouchers", ["v"] * 20, ["v"] * 21),
    ("email.sent", "body.address", "a" * 320, "a" * 321),
    ("support.answered", "body.text", "t" * 8000, "t" * 8001),
    ("survey.answered", "body.answers", [{"question": "q"}] * 60, [{"question": "q"}] * 61),
    ("profile.updated", "body.attributes", {f"a{n}": "x" for n in range(60)},
     {f"a{n}": "x" for n in range(61)}),
    ("profile.updated", "body.attributes", {"a": "x" * 500}, {"a": "x" * 501}),
    ("profile.updated", "body.attributes", {"a" * 64: "x"}, {"a" * 65: "x"}),
    ("store.published", "body.opening_hours", {f"d{n}": "9-18" for n in range(30)},
     {f"d{n}": "9-18" for n in range(31)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "most", "too_much"), AT_THE_LIMIT)
def test_strings_and_lists_are_bounded(name: str, path: str, most: Any, too_much: Any) -> None:
    """Each limit is where the contract says: its own value passes, the next one does not."""
    parse(changed(name, path, most))
    with pytest.raises(ValidationError) as caught:
        parse(changed(name, path, too_much))
    assert path.split(".")[-1] in str(caught.value) or "attributes" in str(caught.value)


@pytest.mark.parametrize("path", ["event_id", "occurred_at", "channel", "body.order_id"])
def test_required_fields_are_required(path: str) -> None:
    """An order without one of these is no event."""
    with pytest.raises(ValidationError):
        parse(changed("order.placed", path))


@pytest.mark.parametrize("value", ["", "   "])
def test_event_id_needs_a_sign(value: str) -> None:
    """An idempotency key of blanks would be everybody's."""
    with pytest.raises(ValidationError):
        parse(changed("order.placed", "event_id", value))


def test_optional_body_may_be_missing() -> None:
    """A page view says enough by having happened; an order without a body says nothing."""
    assert parse(changed("page.viewed", "body")).body.url == ""
    with pytest.raises(ValidationError):
        parse(changed("order.placed", "body"))


def test_unknown_fields_are_let_through() -> None:
    """A sender that knows more than the contract is not refused."""
    event = changed("order.placed", "body.colour_of_bag", "blue")
    assert parse(event | {"extra": {"a": 1}}).event_id == event["event_id"]


def test_unknown_type_is_refused() -> None:
    """The set of event types is closed."""
    with pytest.raises(ValidationError) as caught:
        parse(EXAMPLES["order.placed"] | {"type": "order.dreamt"})
    assert caught.value.errors()[0]["type"] == "union_tag_invalid"


def test_numbers_become_codes() -> None:
    """Many systems send their numbers as numbers; a code is text all the same."""
    assert parse(changed("order.placed", "body.order_id", 4711)).body.order_id == "4711"


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0.1", Decimal("0.1")),  # as people mean it, not as binary floats have it
        ("0.3", Decimal("0.3")),
        ('"19.99"', Decimal("19.99")),
        ('"0.10"', Decimal("0.10")),
        ("12.3456", Decimal("12.3456")),
        ('"99999999999.9999"', Decimal("99999999999.9999")),
        ("-5", Decimal(-5)),
        ("1234567890.12", Decimal("1234567890.12")),
    ],
)
def test_money_is_exact(written: str, exact: Decimal) -> None:
    """An amount arrives as the decimal that was written."""
    assert total(written) == exact


@pytest.mark.parametrize(
    "written",
    [
        str(0.1 + 0.2),  # 0.30000000000000004: a sum of floats is no amount
        "1e-5",
        '"0.12345"',
        "99999999999999.9999",  # too many digits, and as a float it would be rounded
        '"100000000000"',
        "NaN",
        "Infinity",
        '"NaN"',
        '"12,50"',
        '"twelve"',
        "null",
        "true",
    ],
)
def test_money_is_never_rounded(written: str) -> None:
    """What cannot be kept exactly is refused."""
    with pytest.raises(ValidationError):
        total(written)


def test_sums_of_amounts_are_exact() -> None:
    """Ten times ten cents are one euro."""
    assert sum([total("0.1")] * 10) == Decimal(1)


@pytest.mark.parametrize("rate", ["-0.01", "1.01", "19", "0.12345"])
def test_tax_rate_is_a_share(rate: str) -> None:
    """19 % is 0.19."""
    with pytest.raises(ValidationError):
        parse(changed("order.placed", "body.lines.0.tax_rate", rate))


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", ""])
def test_currency_is_an_iso_code(currency: str) -> None:
    """Three capitals, or none given at all."""
    with pytest.raises(ValidationError):
        parse(changed("order.placed", "body.currency", currency))


@pytest.mark.parametrize(
    "written",
    ["2026-04-03T18:00:00", "2026-04-03 18:00:00", "2026-04-03", "yesterday", "", None,
     "2026-02-30T00:00:00Z", "2026-04-03T25:00:00Z"],
)  # fmt: skip
def test_time_without_zone_is_refused(written: str | None) -> None:
    """A time that could mean several moments means none."""
    for path in ("occurred_at", "body.until"):
        event = changed("contract.started", path, written)
        if path == "body.until" and written is None:
            continue  # an optional time may be absent
        with pytest.raises(ValidationError):
            parse(event)


@pytest.mark.parametrize(
    "written",
    ["2026-04-03T16:00:00Z", "2026-04-03T18:00:00+02:00", "2026-04-03T12:00:00.000-04:00"],
)
def test_zones_name_one_moment(written: str) -> None:
    """The same moment in any zone is the same time."""
    expected = parse(EXAMPLES["order.placed"]).occurred_at
    assert parse(changed("order.placed", "occurred_at", written)).occurred_at == expected


@pytest.mark.parametrize("path", ["body.lines.0.discounts.0.amount"])
def test_discount_is_positive(path: str) -> None:
    """A discount says how much less, so it is never below zero."""
    with pytest.raises(ValidationError):
        parse(changed("order.placed", path, "-1.00"))


def test_events_cannot_be_changed() -> None:
    """What was validated stays as it was."""
    event = parse(EXAMPLES["order.placed"])
    with pytest.raises(ValidationError):
        event.event_id = "another"  # type: ignore[misc]
