"""Customers who are planted for measures are found by the service as the truth says."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stream
from tests.e2e.runs import c360, c360_json
from tests.e2e.truth import identity_differences, incident_differences, money_differences

Row = dict[str, Any]
HANDED_OVER, COMPLAINTS = 60, 5


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Stream]:
    """A data directory with a few households and all that is said for measures."""
    directory = tmp_path_factory.mktemp("measures")
    stream = Stream(directory / "sample.jsonl", directory / "truth")
    c360(
        None, "sample", "build", "--households", "3", "--seed", "5", "--insights",
        "--out", str(stream.file), "--truth", str(stream.truth),
    )  # fmt: skip
    ingested = c360(
        directory / "data", "ingest", "--json", str(stream.file),
        C360_CONSISTENCY_RULES=str(directory / "sample.rules.toml"),
    )  # fmt: skip
    report, summary = (
        json.loads(ingested.stdout),
        json.loads((stream.truth / "summary.json").read_text()),
    )
    assert report["accepted"] == summary["events"]
    assert report["rejected_by_reason"] == summary["rejects"]
    return directory / "data", stream


@pytest.fixture(scope="module")
def incidents(found: tuple[Path, Stream]) -> list[Row]:
    """All incidents of it."""
    listed: list[Row] = c360_json(found[0], "incidents", "list", "--limit", "10000", "--json")
    return listed


def planted(stream: Stream, *roles: str) -> list[Row]:
    """The planted persons with one of some roles."""
    lines = (stream.truth / "planted_persons.jsonl").read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["role"] in roles]


def test_everybody_is_one_profile_with_the_orders_of_the_truth(found: tuple[Path, Stream]) -> None:
    """Referrals, visits and control groups join nobody, and what goods cost is no revenue."""
    data_dir, stream = found
    text = c360(data_dir, "identity", "export").stdout
    assert identity_differences(stream.truth, csv.DictReader(io.StringIO(text))) == []
    exported = c360_json(data_dir, "identity", "export", "--format", "json")
    listed = csv.DictReader(
        io.StringIO(c360(data_dir, "profile", "list", "--format", "csv").stdout)
    )
    assert money_differences(stream.truth, exported, list(listed)) == []


def test_prices_are_judged_as_ever(found: tuple[Path, Stream], incidents: list[Row]) -> None:
    """Neither costs of campaigns nor orders without unit prices claim a price."""
    prices = [one for one in incidents if one["kind"] == "price_mismatch"]
    assert incident_differences(found[1].truth, prices) == []


def test_whom_it_concerns_is_found_and_nobody_else(
    found: tuple[Path, Stream], incidents: list[Row]
) -> None:
    """Who explained a case again, got too many contacts or waits; by the ids of the evidence."""
    _, stream = found
    kinds = Counter((one["kind"], one["cause"]) for one in incidents)
    assert {kind for kind, _ in kinds} == {
        "price_mismatch", "told_twice", "contact_pressure", "reply_overdue",
    }  # fmt: skip
    served = [row for row in planted(stream, "churner") if row["reason"] == "service"]
    again = {row["evidence"][1] for row in [*planted(stream, "told_twice"), *served]}
    assert {one["evidence"][0][0] for one in incidents if one["kind"] == "told_twice"} == again
    pressed = [one for one in incidents if one["kind"] == "contact_pressure"]
    truth = planted(stream, "over_pressed")
    assert sorted(one["details"]["contacts"] for one in pressed) == [6] * len(truth)
    assert kinds["reply_overdue", "hand_over_unanswered"] == HANDED_OVER
    assert kinds["reply_overdue", "complaint_unanswered"] == COMPLAINTS
    waiting = {
        one["evidence"][0][0]
        for one in incidents
        if one["cause"] == "question_unanswered" and not one["evidence"][1]
    }
    assert {row["evidence"][0] for row in planted(stream, "never_answered")} <= waiting
