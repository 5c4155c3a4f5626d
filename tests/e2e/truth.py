"""Compares what customer360 found with the truth files of a sample stream.

Works on the documented outputs alone: `identity export`, `profile list`, `incidents list`.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]
Identifier = tuple[str, str, str]
TOLERANCE, TOLERANCE_SHARE = Decimal("0.01"), Decimal("0.005")
"""Prices that differ by no more than the larger of the two agree (docs/consistency.md)."""


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a truth file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def identity_differences(truth: Path, exported: Iterable[Row]) -> list[str]:
    """Identifier clusters that differ: merged over persons, split, missing or not expected."""
    profile_of = {_key(row): row["profile_id"] for row in exported}
    person_of = {_key(row): row["person"] for row in read_csv(truth / "identities.csv")}
    problems = [f"not found: {key}" for key in person_of.keys() - profile_of.keys()]
    problems += [f"not in the truth: {key}" for key in profile_of.keys() - person_of.keys()]
    persons: dict[str, set[str]] = defaultdict(set)
    profiles: dict[str, set[str]] = defaultdict(set)
    for key in person_of.keys() & profile_of.keys():
        persons[profile_of[key]].add(person_of[key])
        profiles[person_of[key]].add(profile_of[key])
    problems += [f"merged: {sorted(found)}" for found in persons.values() if len(found) > 1]
    problems += [f"split: {name} into {len(s)}" for name, s in profiles.items() if len(s) > 1]
    return problems


def _key(row: Row) -> Identifier:
    return row["type"], row["issuer"], row["value"]


def money_differences(truth: Path, exported: Iterable[Row], listed: Iterable[Row]) -> list[str]:
    """Customers whose orders, revenue or returns differ from the untouched baskets."""
    profile_of = {_key(row): row["profile_id"] for row in exported}
    person_of = {_key(row): row["person"] for row in read_csv(truth / "identities.csv")}
    profile_by_person = {person_of[key]: profile_of[key] for key in person_of if key in profile_of}
    expected: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for row in read_csv(truth / "orders.csv"):
        if row["person"]:
            sums = expected[profile_by_person[row["person"]]]
            cancelled = row["cancelled"] in ("true", "True", "1")
            returned = Decimal(row["returned"] or 0)
            sums[0] += not cancelled
            sums[1] += cancelled
            sums[2] += 0 if cancelled else Decimal(row["gross"])
            sums[3] += returned
    found = {row["profile_id"]: row for row in listed}
    problems = []
    for profile, sums in expected.items():
        row = found.get(profile, {})
        if not row:
            problems.append(f"{profile} is not listed")
            continue
        figures = [Decimal(str(row[n])) for n in ("orders", "cancellations", "revenue", "returned")]
        if figures != sums:
            problems.append(f"{profile}: expected {sums}, found {figures}")
    extra = [p for p, row in found.items() if Decimal(str(row["orders"])) and p not in expected]
    return problems + [f"{profile} has orders that nobody placed" for profile in extra]


def incident_differences(truth: Path, listed: Iterable[Row]) -> list[str]:
    """Planted errors not found, found twice, or incidents that nobody planted."""
    planted = [
        json.loads(line) for line in (truth / "errors.jsonl").read_text("utf-8").splitlines()
    ]
    wanted: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for error in planted:
        wanted[_incident_key(error)].append(error)
    problems = []
    for incident in listed:
        if incident["state"] in ("pending", "upcoming", "retracted"):
            continue
        matching = wanted.get(_incident_key(incident), [])
        if matching:
            matching.pop()
        else:
            problems.append(f"not planted or found twice: {_words(incident)}")
    missed = [error for errors in wanted.values() for error in errors]
    return problems + [f"missed: {_words(error)}" for error in missed]


def _incident_key(row: Row) -> tuple[str, ...]:
    names = ("market", "sku", "channel", "location")
    prices = (Decimal(str(row[n])).normalize() for n in ("expected", "observed"))
    return (*(str(row[n] or "") for n in names), *map(str, prices))


def _words(row: Row) -> str:
    names = ("sku", "channel", "location", "expected", "observed", "since", "until", "cause")
    return " ".join(f"{name}={row.get(name)}" for name in names)


class Sight(NamedTuple):
    """One price that one event of the raw stream showed to somebody, or charged."""

    channel: str
    location: str
    at: datetime
    price: Decimal
    quantity: Decimal
    """Zero: shown, not charged."""
    event_id: str
    order_id: str
    persons: frozenset[str]
    """The persons of the truth that the event's identifiers belong to."""


def sights(stream: Path, truth: Path) -> dict[str, list[Sight]]:
    """Every price shown or charged in the raw stream, by product; each event once."""
    person_of = {_key(row): row["person"] for row in read_csv(truth / "identities.csv")}
    found: dict[str, list[Sight]] = defaultdict(list)
    seen: set[str] = set()
    with (gzip.open if stream.suffix == ".gz" else open)(stream, "rb") as lines:
        for line in lines:
            try:
                event = json.loads(line, parse_float=Decimal)
            except ValueError:
                continue  # a line that the stream spoils on purpose
            if not isinstance(event, dict) or event.get("event_id") in seen:
                continue
            for sku, price, quantity in _prices(event):
                seen.add(event["event_id"])
                found[sku].append(_sight(event, price, quantity, person_of))
    return found


def _sight(
    event: Row, price: Decimal, quantity: Decimal, person_of: dict[Identifier, str]
) -> Sight:
    owners = (
        person_of.get((one["type"], one.get("issuer", ""), one["value"]), "")
        for one in event.get("identifiers", [])
    )
    return Sight(
        event["channel"],
        event["source"].get("store", "") if event["channel"] == "pos" else "",
        datetime.fromisoformat(event["occurred_at"]),
        price,
        quantity,
        event["event_id"],
        event["body"].get("order_id", ""),
        frozenset(one for one in owners if one.startswith(("person:", "guest:"))),
    )


def _prices(event: Row) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Product, shelf price and quantity of what one event shows or charges."""
    body, kind = event.get("body"), event.get("type")
    if not isinstance(body, dict) or event["source"].get("synthetic"):
        return
    if kind == "product.viewed" and body.get("offer"):
        yield body["sku"], Decimal(body["offer"]["price"]), Decimal(0)
    lines = (
        body["lines"]
        if kind == "order.placed" and body.get("receipt_kind", "sale") == "sale"
        else []
    )
    for line in lines:
        if "unit_price" not in line:
            continue  # a deposit or a fee
        off = [one for one in line.get("discounts", []) if one["kind"] == "promotion"]
        quantity = Decimal(str(line["quantity"]))
        reduction = sum((Decimal(one["amount"]) for one in off), Decimal(0)) / quantity
        yield line["sku"], Decimal(line["unit_price"]) - reduction, quantity


def exposure_differences(stream: Path, truth: Path, listed: Iterable[Row]) -> list[str]:
    """Incidents whose exposure is not what the raw stream says of the time they stood."""
    seen = sights(stream, truth)
    problems = []
    for incident in listed:
        wanted = _exposure(incident, seen[incident["sku"]])
        found = {n: Decimal(str(incident["exposure"][n])) for n in wanted}
        if found != wanted:
            problems.append(f"{_words(incident)}: expected {wanted}, found {found}")
    return problems


def _exposure(incident: Row, seen: Iterable[Sight]) -> dict[str, Decimal]:
    expected = Decimal(str(incident["expected"]))
    since = datetime.fromisoformat(incident["since"])
    until = datetime.fromisoformat(incident["until"]) if incident["until"] else None
    figures = dict.fromkeys(("overcharged", "undercharged"), Decimal(0))
    events, orders, persons = set[str](), set[str](), set[str]()
    for one in seen:
        if (one.channel, one.location) != (incident["channel"], incident["location"]):
            continue
        if one.at < since or (until is not None and one.at >= until):
            continue
        if abs(one.price - expected) <= max(TOLERANCE, expected * TOLERANCE_SHARE):
            continue
        events.add(one.event_id)
        persons |= one.persons
        if one.quantity:
            orders.add(one.order_id)
            side = "overcharged" if one.price > expected else "undercharged"
            figures[side] += abs(one.price - expected) * one.quantity
    counted = {"touchpoints": events, "customers": persons, "orders": orders}
    return figures | {name: Decimal(len(members)) for name, members in counted.items()}
