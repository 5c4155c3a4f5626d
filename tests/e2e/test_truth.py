"""What customer360 finds in a stream equals the truth that the stream was composed from."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from schemas.reject import RejectReason
from tests.e2e.conftest import Demo, Stream
from tests.e2e.runs import c360, c360_json
from tests.e2e.truth import (
    exposure_differences,
    identity_differences,
    incident_differences,
    money_differences,
)
from tests.tiers import always

COUNT = re.compile(r"([\d,]+) +(accepted|\w+(?=:))")
"""A number with what it counts, in the report of an ingest for people."""
REASONS = frozenset(map(str, RejectReason))


@pytest.fixture(scope="module", params=always({"150-households"}, ["150-households", "60-others"]))
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Stream]:
    """A data directory with a stream of so many households ingested: the demo's, and another."""
    if request.param == "150-households":
        demo: Demo = request.getfixturevalue("demo")
        stream = Stream(demo.data_dir / "sample.jsonl", demo.data_dir / "truth")
        counts = {name: int(n.replace(",", "")) for n, name in COUNT.findall(demo.printed)}
        accepted = counts.pop("accepted")
        _require(stream, accepted, {name: counts[name] for name in counts if name in REASONS})
        return demo.data_dir, stream
    directory = tmp_path_factory.mktemp("truth")
    stream = Stream(directory / "sample.jsonl.gz", directory / "truth")
    c360(
        None, "sample", "build", "--households", "60", "--seed", "42",
        "--out", str(stream.file), "--truth", str(stream.truth),
    )  # fmt: skip
    ingested = c360(
        directory / "data", "ingest", "--json", str(stream.file),
        C360_CONSISTENCY_RULES=str(directory / "sample.rules.toml"),
    )  # fmt: skip
    report = json.loads(ingested.stdout)
    assert report["id_conflicts"] == 0
    _require(stream, report["accepted"], report["rejected_by_reason"])
    return directory / "data", stream


def _require(stream: Stream, accepted: int, rejects: dict[str, int]) -> None:
    summary = json.loads((stream.truth / "summary.json").read_text())
    assert accepted == summary["events"]
    assert rejects == summary["rejects"]


def test_every_identity_cluster_equals_the_truth(found: tuple[Path, Stream]) -> None:
    """No over-merge through tablet, terminal or family phone, and no split."""
    data_dir, stream = found
    exported = csv.DictReader(io.StringIO(c360(data_dir, "identity", "export").stdout))
    assert identity_differences(stream.truth, exported) == []


def test_money_equals_the_untouched_baskets(found: tuple[Path, Stream]) -> None:
    """Orders, cancellations, revenue and returns per customer, to the cent."""
    data_dir, stream = found
    exported = c360_json(data_dir, "identity", "export", "--format", "json")
    listed = list(
        csv.DictReader(io.StringIO(c360(data_dir, "profile", "list", "--format", "csv").stdout))
    )
    assert money_differences(stream.truth, exported, listed) == []


def test_every_planted_error_is_found_once_and_nothing_else(found: tuple[Path, Stream]) -> None:
    """Wrong prices are found; lawful store differences and late lists in their grace are not."""
    data_dir, stream = found
    lawful = (stream.truth / "lawful.jsonl").read_text().splitlines()
    assert len(lawful) > 100
    assert (
        incident_differences(stream.truth, c360_json(data_dir, "incidents", "list", "--json")) == []
    )


def test_exposure_equals_the_raw_stream(found: tuple[Path, Stream]) -> None:
    """Who saw or paid a wrong price, and what it cost them, as counted from the raw lines."""
    data_dir, stream = found
    incidents = c360_json(data_dir, "incidents", "list", "--json")
    assert exposure_differences(stream.file, stream.truth, incidents) == []
    exposures = [one["exposure"] for one in incidents]
    for figure in ("touchpoints", "customers", "orders", "overcharged"):
        assert sum(float(one[figure]) for one in exposures) > 0, figure


def test_one_profile_equals_its_row_in_the_list(found: tuple[Path, Stream]) -> None:
    """A profile read by itself and the refreshed totals agree on every figure."""
    data_dir, _stream = found
    listed = c360_json(data_dir, "profile", "list", "--format", "json")
    for row in sorted(listed, key=lambda one: -float(one["revenue"]))[:5]:
        single = c360_json(data_dir, "profile", "get", "--json", "--id", row["profile_id"])
        assert row.pop("name") is None  # only with --names
        assert {name: single[name] for name in row} == row
