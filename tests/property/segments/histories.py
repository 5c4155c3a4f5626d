"""Random customers and definitions whose times are whole hours, so that ends of windows coincide.

The hours lie around the end of March 2026: a change of the clocks and of the month is among them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from schemas.instants import from_ms
from schemas.rules.profile import profile_rules
from schemas.rules.segment_conditions import HOUR_MS
from schemas.rules.segments import SegmentScope
from services.profiles.core.consent import ConsentRecord
from services.segments.core.compiler import SegmentSetting
from services.segments.core.facts import CustomerEvent, CustomerFacts, DatedValues

Json = dict[str, Any]
ZONE = ZoneInfo("Europe/Berlin")
SETTING = SegmentSetting(ZONE, "EUR", profile_rules().consent)
SCOPE = SegmentScope(profile_rules(), ["score"])
START_MS = 1_774_648_800_000
"""An hour before the 28 March 2026 begins in Berlin."""
HOURS = 48
"""In so many hours everything happens …"""
HORIZON = 130
"""… and so many are looked at: also the turn of the month."""
ADDRESSES = (0, 11, 12)


class Customer(NamedTuple):
    """What a test knows of somebody."""

    kind: str
    events: list[CustomerEvent]
    attributes: dict[str, list[DatedValues]]
    consents: list[ConsentRecord]
    measures: dict[str, str | Decimal]

    def facts(self, events: Sequence[CustomerEvent] | None = None) -> CustomerFacts:
        """As the core takes it."""
        chosen = self.events if events is None else events
        return CustomerFacts(self.kind, chosen, self.attributes, self.consents, self.measures)


def at(hour: float) -> int:
    """An hour of the test's calendar (Unix ms)."""
    return START_MS + int(hour * HOUR_MS)


def customer(rng: random.Random) -> Customer:
    """Anybody."""
    count = rng.choice([0, 2, 4, 8, 16])
    events = [_event(rng, number) for number in range(count)]
    for one in list(events):
        if rng.random() < 0.15:  # corrected: in time, in content, even in type
            later = _event(rng, 99)
            events.append(later._replace(event_id=one.event_id, version=one.version + 1))
    events += [part for one in list(events) for part in _cancelled(rng, one, events)]
    attributes = {
        "city": _said(rng, ["Berlin", "Bern", "Ulm"]),
        "birth_date": _said(rng, ["2000-03-29", "2008-03-30", "1999-06-01", "no day"]),
        "preference.time": _said(rng, ["morning", "evening"]),
    }
    consents = [_consent(rng, number) for number in range(rng.choice([0, 0, 1, 4]))]
    measures: dict[str, str | Decimal] = {"score": Decimal(rng.randrange(10))}
    kind = rng.choice(["person"] * 7 + ["anonymous"])
    return Customer(kind, events, attributes, consents, measures if rng.random() < 0.8 else {})


def _event(rng: random.Random, number: int) -> CustomerEvent:
    name = rng.choice(TYPES)
    return CustomerEvent(
        name,
        at(rng.randrange(HOURS)),
        f"e-{number}",
        rng.choice(["shop", "pos"]),
        rng.choice(["", "12"]),
        BODIES[name](rng),
    )


def _order(rng: random.Random) -> Json:
    lines: list[Json] = [
        {
            "category": rng.choice(["coffee", "tea", ""]),
            "sku": rng.choice("abc"),
            "quantity": Decimal(rng.randrange(1, 4)),
            "total": Decimal(rng.randrange(0, 30)),
        }
        for _ in range(rng.randrange(3))
    ]
    value = sum((one["total"] for one in lines), Decimal(0))
    return {"lines": lines, "order_value": value, "currency": rng.choice(["EUR", "EUR", "CHF"])}


def _message(rng: random.Random) -> Json:
    return {
        "campaign": rng.choice(["", "c1", "c1", "c2"]),
        "message_id": rng.choice(["", "m1", "m2"]),
    }


def _reaction(rng: random.Random) -> Json:
    agent = rng.choice(["", "", "GoogleImageProxy"])
    return _message(rng) | {"automated": rng.random() < 0.1, "user_agent": agent}


BODIES: dict[str, Callable[[random.Random], Json]] = {
    "order.placed": _order,
    "cart.updated": lambda rng: {"cart_id": rng.choice(["", "k"])},
    "email.sent": _message,
    "email.opened": _reaction,
    "email.clicked": _reaction,
    "email.bounced": _message,
}


TYPES = ["order.placed", "order.placed", "cart.updated", "email.sent", *BODIES]
"""What conditions ask for most is most frequent."""


def _cancelled(
    rng: random.Random, one: CustomerEvent, among: list[CustomerEvent]
) -> list[CustomerEvent]:
    """An order in parts of its life: it counts until it is cancelled, or with less from then on."""
    newest = max(other.version for other in among if other.event_id == one.event_id)
    if one.type != "order.placed" or one.version < newest or rng.random() < 0.7:
        return []
    among.remove(one)
    end = at(rng.randrange(HOURS + 10))
    whole = one._replace(until_ms=end)
    if rng.random() < 0.5:
        return [whole]
    less = {**one.fields, "order_value": one.fields["order_value"] / 2}
    return [whole, one._replace(known_ms=end, fields=less)]


def _said(rng: random.Random, values: Sequence[str]) -> list[DatedValues]:
    times = rng.sample(range(-20, HOURS), rng.choice([0, 1, 1, 2]))
    return [
        DatedValues(at(one), tuple(rng.sample(values, rng.choice([0, 1, 1, 2])))) for one in times
    ]


def _consent(rng: random.Random, number: int) -> ConsentRecord:
    action = rng.choice(["given", "given", "confirmed", "withdrawn", "objection"])
    return ConsentRecord(
        action,
        rng.choice(["marketing", "profiling", "service", ""]),
        rng.choice(["email", "sms", ""]) if action == "objection" else "email",
        0 if action == "objection" else rng.choice(ADDRESSES),
        "consent" if action in ("given", "confirmed") else "",
        False,
        f"c-{number}",
        from_ms(at(rng.randrange(HOURS))),
    )


def definition(rng: random.Random, others: Sequence[str] = ()) -> Json:
    """Any definition; it says nothing of everybody, so that all are allowed."""
    found: Json = {
        "title": "any",
        "everybody": True,
        "purpose": rng.choice(["service", "service", "marketing"]),
        "kinds": rng.choice([["person"], ["person", "anonymous"]]),
        **_group(rng, rng.choice([1, 1, 2, 3]), others),
    }
    if rng.random() < 0.25:
        found["for_at_least"] = f"{rng.choice([1, 2, 7])}h"
    return found


def _group(rng: random.Random, depth: int, others: Sequence[str]) -> Json:
    words = rng.sample(["all", "any", "none"], rng.choice([1, 1, 2]))
    return {
        word: [
            _group(rng, depth - 1, others)
            if depth > 1 and rng.random() < 0.4
            else leaf(rng, others)
            for _ in range(rng.choice([1, 1, 2, 3]))
        ]
        for word in words
    }


def leaf(rng: random.Random, others: Sequence[str] = ()) -> Json:
    """Any leaf."""
    makers = [one for one in LEAVES if others or one is not _in_segment]
    return rng.choice(makers)(rng, others)


def _hours(rng: random.Random, most: int = 30) -> str:
    return rng.choice([f"{rng.randrange(1, most)}h", "1d"])


def _selected(rng: random.Random) -> tuple[str, Json]:
    """A type, and what selects events of it."""
    name = rng.choice(["order.placed", "order.placed", "cart.updated"])
    more: Json = {}
    if rng.random() < 0.2:
        more["channel"] = rng.choice(["shop", ["shop", "pos"]])
    if rng.random() < 0.1:
        more["store"] = "12"
    if name == "order.placed" and rng.random() < 0.4:
        more["where"] = rng.choice(
            [
                {"lines.category": "coffee"},
                {"lines.category": "coffee", "lines.quantity": ">= 2"},
                {"lines.category": {"exists": False}},
                {"lines.sku": ["a", "b"]},
                {"order_value": {"at_least": 10}},
                {"order_value": "5..20", "lines.sku": {"starts_with": "a"}},
                {"currency": "CHF"},
            ]
        )
    return name, more


def _window(rng: random.Random) -> Json:
    first, last = sorted(rng.sample(range(HOURS), 2))
    fixed = {"from": _time(first), "until": _time(last)}
    return rng.choice(
        [{"within": _hours(rng)}] * 4
        + [{"calendar": "day"}, {"calendar": "month"}, {}, fixed, {"from": "2026-03-29"}]
    )


def _time(hour: int) -> str:
    return from_ms(at(hour)).isoformat()


def _did(rng: random.Random, _: Sequence[str]) -> Json:
    name, more = _selected(rng)
    tests = [{}, {"count": rng.choice([">= 2", "= 0", "<= 1", "1..2", "> 2", "< 2", "= 1"])}]
    if name == "order.placed":
        number = rng.randrange(40)
        tests += [
            {how: f"{field} {rng.choice(['>=', '<', '='])} {number}"}
            for how in ("sum", "avg", "min", "max")
            for field in ("order_value", "lines.total")
        ] + [{"distinct": "lines.sku >= 2"}, {"distinct": "lines.category = 0"}]
    return {"did": name, **more, **_window(rng), **rng.choice(tests)}


def _did_not(rng: random.Random, _: Sequence[str]) -> Json:
    name, more = _selected(rng)
    return {"did_not": name, **more, **_window(rng)}


def _outermost(rng: random.Random, _: Sequence[str]) -> Json:
    name, more = _selected(rng)
    when: Json = rng.choice(
        [
            {"within": _hours(rng)},
            {"not_within": _hours(rng)},
            {"before": _time(rng.randrange(HOURS))},
            {"after": _time(rng.randrange(HOURS)), "not_within": _hours(rng)},
        ]
    )
    return {rng.choice(["first", "last"]): name, **more, **when}


def _stopped(rng: random.Random, _: Sequence[str]) -> Json:
    name, more = _selected(rng)
    return {"stopped": name, **more, "pause": _hours(rng)}


def _restarted(rng: random.Random, _: Sequence[str]) -> Json:
    name, more = _selected(rng)
    return {"restarted": name, **more, "pause": _hours(rng, 12), "within": _hours(rng)}


def _regularly(rng: random.Random, _: Sequence[str]) -> Json:
    name, more = _selected(rng)
    periods = rng.randrange(1, 5)
    least = rng.randrange(1, periods + 1)
    return {"regularly": name, **more, "every": _hours(rng, 9), "in": f"{least} of {periods}"}


def _sequence(rng: random.Random, _: Sequence[str]) -> Json:
    first, more = _selected(rng)
    steps: list[Any] = [{"did": first, **more} if more else first]
    for _number in range(rng.choice([1, 1, 2, 3])):
        name, more = _selected(rng)
        length = {"within": _hours(rng, 12)} if rng.random() < 0.6 else {}
        steps.append({rng.choice(["then", "without"]): name, **more, **length})
    found: Json = {"sequence": steps}
    if rng.random() < 0.5:
        found["within"] = _hours(rng)
    return found


def _attribute(rng: random.Random, _: Sequence[str]) -> Json:
    return rng.choice(
        [
            {"attribute": "city", "equals": "Berlin"},
            {"attribute": "city", "in": ["Bern", "Ulm"]},
            {"attribute": "city", "starts_with": "Ber"},
            {"attribute": "city", "contains": "l"},
            {"attribute": "city", "exists": rng.random() < 0.5},
            {"attribute": "birth_date", "above": "2000-01-01"},
            {"attribute": "birth_date", "at_most": "2000-03-29"},
            {"attribute": "birth_date", "anniversary_within": _hours(rng)},
            {"attribute": "birth_date", "age": rng.choice(["18..25", ">= 26", "< 26", "= 17"])},
            {"preference": "time", "equals": "morning"},
        ]
    )


def _consented(rng: random.Random, _: Sequence[str]) -> Json:
    channel, allowed = rng.choice(["email", "sms"]), rng.random() < 0.5
    return {"consent": {"purpose": "marketing", "channel": channel, "allowed": allowed}}


def _measured(rng: random.Random, _: Sequence[str]) -> Json:
    return {"measure": "score", rng.choice(["at_least", "below", "equals"]): rng.randrange(10)}


def _in_segment(rng: random.Random, others: Sequence[str]) -> Json:
    return {"in_segment": rng.choice(others)}


def _message_leaf(rng: random.Random, _: Sequence[str]) -> Json:
    within = {"within": _hours(rng)} if rng.random() < 0.5 else {}
    if rng.random() < 0.3:
        return {"was_reached": "c1", **within}
    campaign = {"campaign": "c1"} if rng.random() < 0.5 else {}
    return {"reacted": rng.choice(["opened", "clicked", "none"]), **campaign, **within}


LEAVES: tuple[Callable[[random.Random, Sequence[str]], Json], ...] = (
    _did, _did, _did_not, _outermost, _stopped, _restarted, _regularly, _sequence, _sequence,
    _attribute, _consented, _measured, _message_leaf, _in_segment,
)  # fmt: skip
"""Makers of each leaf."""
