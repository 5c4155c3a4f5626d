"""Definitions of segments: what is accepted, and how everything else is refused."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.rules.profile import profile_rules
from schemas.rules.segment_conditions import HOURS, ms_of
from schemas.rules.segment_fields import FieldKind, fields_of
from schemas.rules.segments import (
    DEPTH_MAX,
    LEAVES_MAX,
    SEGMENTS_MAX,
    SegmentFile,
    SegmentScope,
    checked_segments,
    read_segments,
)
from services.docs.json_schema import segments_schema

SCOPE = SegmentScope(profile_rules(), ["leaving.state"])
WORKED_EXAMPLE = """
[segment.staff]
title = "Personal"
purpose = "service"
[[segment.staff.all]]
attribute = "company"
equals = "Hausmarke"

[segment.lapsing_coffee]
title   = "Kaffeekäufer ohne Kauf seit 60 Tagen"
purpose = "marketing"
channel = "email"
[[segment.lapsing_coffee.all]]
did   = "order.placed"
where = { "lines.category" = "coffee" }
count = ">= 2"
within = "365d"
[[segment.lapsing_coffee.all]]
did_not = "order.placed"
within  = "60d"
[[segment.lapsing_coffee.all]]
attribute = "postal_code"
starts_with = "10"
[[segment.lapsing_coffee.none]]
any = [ { measure = "leaving.state", in = ["lost"] }, { in_segment = "staff" } ]
"""


def one(**conditions: Any) -> dict[str, Any]:
    """A file with one segment, which has one condition."""
    return {"segment": {"mine": {"title": "x", "all": [conditions]}}}


def test_the_worked_example_is_read_as_toml_and_as_json() -> None:
    """A file says the same in both forms, and keeps the published schema."""
    found = read_segments(WORKED_EXAMPLE, SCOPE)
    assert [len(list(one.leaves())) for one in found.values()] == [1, 5]
    as_json = {"segment": {name: one.written() for name, one in found.items()}}
    assert checked_segments(json.loads(json.dumps(as_json)), SCOPE) == found
    assert not list(Draft202012Validator(segments_schema()).iter_errors(as_json))


ACCEPTED: list[dict[str, Any]] = [
    {"did": "order.placed", "count": "= 0", "calendar": "month"},
    {"did": "order.placed", "sum": "order_value >= 500", "from": "2026-01-01"},
    {"did": "order.placed", "where": {"lines.total": {"above": 5}, "lines.quantity": ">= 2"}},
    {"did": "survey.answered", "where": {"kind": "nps", "answers.score": "0..6"}},
    {"did_not": "page.viewed", "within": "1100d", "channel": ["shop", "app"]},
    {"first": "order.placed", "after": date(2026, 1, 1)},
    {"last": "order.placed", "not_within": "60d", "store": "12"},
    {"stopped": "order.placed", "pause": "60d"},
    {"restarted": "order.placed", "pause": "60d", "within": "7d"},
    {"regularly": "order.placed", "every": "30d", "in": "3 of 4"},
    {"sequence": ["cart.updated", {"without": "order.placed", "within": "2h"}], "within": "1w"},
    {"sequence": [{"did": "quote.sent"}, {"then": "order.placed"}]},
    {"attribute": "birth_date", "anniversary_within": "14d"},
    {"attribute": "birth_date", "age": "18..30"},
    {"preference": "channel", "equals": "email"},
    {"consent": {"purpose": "marketing", "channel": "email", "allowed": True}},
    {"measure": "leaving.state", "in": ["lost"]},
    {"was_reached": "spring", "within": "30d"},
    {"reacted": "none", "campaign": "spring"},
    {"any": [{"did": "page.viewed"}], "none": [{"did": "order.placed"}]},
]


@pytest.mark.parametrize("condition", ACCEPTED, ids=str)
def test_conditions_that_are_right(condition: dict[str, Any]) -> None:
    """Each leaf in its usual form is read, and keeps the published schema."""
    checked_segments(one(**condition), SCOPE)
    written = json.loads(json.dumps(one(**condition), default=str))
    assert not list(Draft202012Validator(segments_schema()).iter_errors(written))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"did": "order.place"}, "all.0.did: there is no event type order.place; near: order.placed"),
    ({"did": "account.updated"}, "is about no customer"),
    (
        {"did": "order.placed", "where": {"lines.categry": "x"}},
        "did.where.lines.categry: order.placed has no field lines.categry; near: lines.category",
    ),
    ({"did": "order.placed", "where": {"lines.kind": "products"}}, "it is one of product"),
    ({"did": "order.placed", "where": {"lines.total": "much"}}, "write 5 or '>= 5'"),
    ({"did": "order.placed", "where": {"lines.sku": {"above": 5}}}, "lines.sku is no number"),
    ({"did": "order.placed", "where": {"lines.total": {"contains": "5"}}}, "is no text"),
    ({"did": "page.viewed", "where": {"source.synthetic": True}}, "no field source.synthetic"),
    ({"did": "email.opened", "where": {"automated": "yes"}}, "automated is true or false"),
    ({"did": "order.placed", "sum": "lines.sku >= 5"}, "lines.sku is no number"),
    ({"did": "order.placed", "sum": "worth >= 5"}, "order.placed has no field worth"),
    ({"did": "order.placed", "sum": "order_value"}, "all.0.did.sum"),
    ({"did": "order.placed", "count": "2"}, "all.0.did.count"),
    ({"did": "order.placed", "count": ">= 2", "sum": "gross > 1"}, "only one of count, sum"),
    ({"did": "order.placed", "within": "60 days"}, "all.0.did.within"),
    ({"did": "order.placed", "within": "2m"}, "all.0.did.within"),
    ({"did": "order.placed", "within": "1101d"}, "within is longer than 1100 days"),
    ({"did": "order.placed", "within": "5d", "calendar": "day"}, "give only one of within"),
    ({"did": "order.placed", "where": {f"f{n}": 1 for n in range(6)}}, "at most 5 items"),
    ({"first": "order.placed"}, "give before, after, within or not_within"),
    ({"regularly": "order.placed", "every": "30d", "in": "5 of 4"}, "so many periods"),
    ({"regularly": "order.placed", "every": "300d", "in": "3 of 4"}, "together are longer"),
    ({"sequence": ["order.placed"]}, "at least 2 items"),
    ({"sequence": [{"then": "order.placed"}, {"then": "page.viewed"}]}, "first step is an event"),
    ({"sequence": ["order.placed", "page.viewed"]}, "is a table with then or without"),
    ({"sequence": ["page.viewed", {"then": "order.place"}]}, "sequence.1: there is no event type"),
    ({"sequence": ["page.viewed", *[{"then": "page.viewed"}] * 5]}, "at most 5 items"),
    ({"attribute": "zip", "equals": "1"}, "list no attribute zip; near: postal_code"),
    ({"attribute": "city"}, "asks for nothing"),
    ({"preference": "preference.channel", "exists": True}, "leave out 'preference.'"),
    ({"measure": "leaving.stat", "equals": "lost"}, "near: leaving.state"),
    ({"in_segment": "others"}, "there is no segment others"),
    ({"in_segment": "mine"}, "segment.mine: depends on itself by in_segment"),
    ({"near": {"store": "12", "km": 5}}, "near is not offered"),
    ({"didnt": "order.placed"}, "is no condition; one has one of did, did_not"),
    ({"did": "order.placed", "colour": "red"}, "all.0.did.colour"),
    ({"all": []}, "give conditions in all, any or none"),
]


@pytest.mark.parametrize(("condition", "told"), REFUSED, ids=str)
def test_conditions_that_are_wrong(condition: dict[str, Any], told: str) -> None:
    """Each fault is refused with its place and reason, and the names that were perhaps meant."""
    with pytest.raises(ValueError, match="mine") as caught:
        checked_segments(one(**condition), SCOPE)
    assert told in str(caught.value)


def test_limits() -> None:
    """Nesting, number of conditions and of segments have limits, up to which all is accepted."""
    leaf: dict[str, Any] = {"did": "page.viewed"}

    def nested(depth: int) -> dict[str, Any]:
        found = leaf
        for _ in range(depth):
            found = {"any": [found]}
        return {"segment": {"mine": {"title": "x", "all": [found]}}}

    checked_segments(nested(DEPTH_MAX - 1), SCOPE)
    for depth in (DEPTH_MAX, 5_000):
        with pytest.raises(ValueError, match="nested deeper than 6 levels"):
            checked_segments(nested(depth), SCOPE)
    half = [leaf] * (LEAVES_MAX // 2)
    base = {"title": "x", "all": half, "any": half}
    checked_segments({"segment": {"mine": base}}, SCOPE)
    with pytest.raises(ValueError, match="51 conditions, and 50 are allowed"):
        checked_segments({"segment": {"mine": {**base, "none": [leaf]}}}, SCOPE)
    few = SegmentFile.model_validate({"segment": {"mine": base}}).segment["mine"]
    full = SegmentScope(profile_rules(), (), {f"s{n}": few for n in range(SEGMENTS_MAX - 1)})
    checked_segments({"segment": {"mine": base}}, full)
    with pytest.raises(ValueError, match="501, and 500 are allowed"):
        checked_segments({"segment": {"mine": base, "more": base}}, full)


def test_a_circle_through_several_segments_is_refused() -> None:
    """Also one that leads through a segment that exists already."""

    def through(name: str) -> dict[str, Any]:
        return {"title": "x", "any": [{"in_segment": name}]}

    known = SegmentFile.model_validate({"segment": {"b": through("c"), "c": through("a")}})
    scope = SegmentScope(profile_rules(), (), known.segment)
    with pytest.raises(ValueError, match=r"segment\.a: depends on itself"):
        checked_segments({"segment": {"a": through("b")}}, scope)


def test_a_fault_has_its_line_where_the_word_stands_once() -> None:
    """The line of a file helps to find a fault; where it is not clear, the place must do."""
    with pytest.raises(ValueError, match=r"^line 15: segment\.lapsing_coffee\.all\.0"):
        read_segments(WORKED_EXAMPLE.replace("lines.category", "lines.categry"), SCOPE)
    with pytest.raises(ValueError, match="file: "):
        read_segments("[segment", SCOPE)


def test_durations_and_fields() -> None:
    """A day has 24 hours; every event type has fields, through its lists as well."""
    assert [ms_of(f"1{unit}") for unit in HOURS] == [3_600_000, 86_400_000, 604_800_000]
    found = fields_of("order.placed")
    assert found["lines.discounts.code"].lists == 1
    assert found["order_value"].kind is FieldKind.MONEY
    assert found["lines.quantity"].kind is FieldKind.NUMBER
    assert "promised_at" not in found
