"""Compares what customer360 found with the truth files of a sample stream.

Works on the documented outputs alone: `identity export`, `profile list`, `incidents list`.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Identifier = tuple[str, str, str]


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
