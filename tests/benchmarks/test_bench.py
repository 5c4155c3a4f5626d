"""The benchmarks run, and report what their documentation says; no figure is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench import api, consistency, identity, identity_graph, measures, startup, tracing
from bench.api_memory import slope_per_minute
from bench.percentiles import percentile
from bench.population import ISSUERS, REALM, fill
from schemas.profile import Profile
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from schemas.touchpoint import TouchpointAdapter
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.verification import Verified, differences
from services.identity.writer import IdentityWriter
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.adapters.timeline import TimelineReader
from services.runtime.settings import RealmSettings
from services.store.database import Database

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300
PERSONS = 60
RUN_FIGURES = {
    "seconds", "events_per_second", "cpu_seconds", "cpu_us_per_event", "peak_mib", "grown_mib",
}  # fmt: skip
STAGES = {"decode", "store", "identity", "consistency", "acknowledge", "tick"}
RATIOS = {
    "speed", "speed_lowest", "speed_highest", "cpu_per_event", "peak_memory", "msgspec_speed",
    "msgspec_cpu_per_event",
}  # fmt: skip
READS = {
    "round_trip", "resolve", "profile", "profile_heavy", "timeline_first", "timeline_next",
}  # fmt: skip


def bench(*arguments: str) -> Any:
    """The JSON that a benchmark prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_ingest_reports_every_contestant() -> None:
    """All read the same lines, and every documented figure is there and above zero."""
    report = bench("ingest", "--households", "3", "--rounds", "1")
    assert report["benchmark"] == "ingest"
    assert report["stream"]["households"] == 3
    assert [run["contestant"] for run in report["runs"]] == ["bare", "msgspec", "engine"]
    for run in report["runs"]:
        assert run["events"] == report["stream"]["events"] > 1000
        assert sum(run["statuses"].values()) == run["events"]
        assert all(run[name] > 0 for name in RUN_FIGURES - {"grown_mib"})
        assert run["grown_mib"] >= 0  # so few events may fit into what was held before
        assert set(report["medians"][run["contestant"]]) >= RUN_FIGURES
    engine = report["medians"]["engine"]
    assert set(engine["stage_seconds"]) == STAGES
    assert min(engine["stage_seconds"].values()) > 0
    assert set(report["ratios"]) == RATIOS
    assert min(report["ratios"].values()) > 0


def test_the_contestants_agree_on_what_is_an_event(tmp_path: Path) -> None:
    """A line that is no event is refused by all; a given file takes the sample's place."""
    good = (
        b'{"event_id":"v-%d","occurred_at":"2026-03-02T18:20:00Z","channel":"shop",'
        b'"type":"page.viewed","identifiers":[{"type":"cookie","value":"c-81f2"}],"body":{}}\n'
    )
    file = tmp_path / "events.jsonl"
    file.write_bytes(good % 1 + b"no event\n" + good % 2 + b"x" * 40_000 + b"\n" + good % 3)
    report = bench("ingest", "--file", str(file), "--rounds", "2", "--batch", "2")
    assert report["batch_events_max"] == 2
    assert len(report["runs"]) == 6
    assert all(run["statuses"] == {"accepted": 3, "rejected": 2} for run in report["runs"])


def test_profiles_report_every_kind_of_read() -> None:
    """Two stores are read, and every documented figure is there, above zero and in order."""
    report = bench("profiles", "--nodes", "4000", "--reads", "20")
    assert report["benchmark"] == "profiles"
    assert set(report["ratios"]) == READS
    assert all(ratio > 0 for pair in report["ratios"].values() for ratio in pair.values())
    assert report["stores"]["small"]["tables"]["map"]["rows"] == 2000
    full = report["stores"]["full"]
    assert full["tables"]["map"]["rows"] == 4000
    assert full["profiles"] == 800
    assert min(table["rows"] for table in full["tables"].values()) > 0
    assert set(full["latency_ms"]) == READS
    assert full["latency_ms"]["profile"]["reads"] == 20
    for figures in full["latency_ms"].values():
        assert 0 < figures["p50"] <= figures["p99"] <= figures["max"]
    facts = full["facts_per_profile"]
    assert 0 < facts["median"] <= facts["max"]
    assert facts["heavy_median"] > facts["median"]


def test_api_reports_loads_bare_statements_and_memory() -> None:
    """Every documented figure is there; no request fails; the stream of events goes on."""
    report = bench(
        "api", "--profiles", "1500", "--seconds", "1", "--connections", "2", "--rate", "50",
        "--soak-s", "4", "--streams", "20",
    )  # fmt: skip
    assert report["benchmark"] == "api"
    assert report["store"]["facts"] > 15 * 1500
    assert set(report["http"]) == set(api.KINDS)
    for kind, figures in report["http"].items():
        assert 0 < figures["p50"] <= figures["p99"] <= figures["max"]
        allowed = {"200", "304"} if kind == "profile_304" else {"200"}
        assert set(figures["statuses"]) <= allowed, (kind, figures["statuses"])
    assert "304" in report["http"]["profile_304"]["statuses"]
    assert set(report["bare"]) == {"statements_per_profile", *api.BARE}
    assert min(report["ratios"].values()) > 0
    assert set(report["stream"]["statuses"]) == {"200"}
    assert report["soak"]["rss_mib_max"] >= report["soak"]["rss_mib_first"] > 0
    assert report["streams"]["streams"] == 20
    assert "Query API" in api.tell(report)


def test_tracing_reports_every_mode_of_every_kind() -> None:
    """Spans come when they should and only then, no request fails, and each ratio is there."""
    report = bench(
        "tracing", "--rounds", "1", "--seconds", "1", "--households", "12", "--profiles", "1500",
    )  # fmt: skip
    assert report["benchmark"] == "tracing"
    for kind in tracing.KINDS:
        modes = {tracing.OFF, tracing.ALL} if kind == "batch" else set(tracing.MODES)
        assert set(report["medians"][kind]) == modes
        for ratio in report["ratios"][kind].values():
            assert 0 < ratio["speed_lowest"] <= ratio["speed"] <= ratio["speed_highest"]
    assert "each mode in turn" in tracing.tell(report)


@pytest.mark.parametrize(
    ("samples", "slope"),
    [
        ([(0, 100), (60, 100)], 0),  # flat
        ([(0, 100), (60, 102), (120, 104)], 2),  # two MiB a minute
        ([(0, 104), (30, 103)], -2),  # it shrinks
    ],
)
def test_growth_is_that_of_the_line_through_all_samples(
    samples: list[tuple[float, float]], slope: float
) -> None:
    """In MiB a minute."""
    assert slope_per_minute(samples) == slope


def test_a_file_that_is_missing_fails_the_run(tmp_path: Path) -> None:
    """The exit code is 1 and the error names what is missing, so no figure can come of nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "ingest", "--file", str(tmp_path / "none.jsonl")],
        cwd=ROOT,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 1
    assert b"none.jsonl" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("percent", "value"),
    [(50, 50), (99, 99), (100, 100), (1, 1)],  # of 1 … 100 a percentile is the number itself
)
def test_percentiles_are_measured_values(percent: int, value: int) -> None:
    """A percentile is the smallest measured value that so many do not exceed."""
    assert percentile([float(one) for one in range(1, 101)], percent) == value
    assert percentile([7.0], percent) == 7


@pytest.fixture
def populated(database: Database) -> Database:
    """A small made-up customer base in the real tables."""
    calls: list[tuple[int, int]] = []
    assert fill(database, PERSONS * len(ISSUERS), lambda *done: calls.append(done)) == PERSONS
    assert calls[-1] == (PERSONS, PERSONS)
    return database


def test_made_up_events_keep_the_contract(populated: Database) -> None:
    """Every payload is a valid touchpoint, and says what the columns beside it say."""
    rows = populated.rows(
        "SELECT payload, event_id, occurred_at, channel, type, source_system, ids.type, "
        "order_id, lines.total, attrs.name, consents.purpose FROM touchpoints"
    )
    assert len(rows) > 8 * PERSONS
    assert len({row[4] for row in rows}) == 12
    for payload, event_id, occurred_at, channel, type_name, system, types, *told in rows:
        event = TouchpointAdapter.validate_json(payload)
        assert (event.event_id, event.channel, event.type) == (event_id, channel, type_name)
        assert (event.occurred_at, event.source.system) == (occurred_at, system)
        assert [one.type for one in event.identifiers] == list(types)
        order_id, totals, names, purposes = told
        assert getattr(event.body, "order_id", "") == order_id
        assert [line.total for line in getattr(event.body, "lines", [])] == list(totals)
        assert list(getattr(event.body, "attributes", {})) == list(names)
        assert [one for one in [getattr(event.body, "text_version", "")] if one] == [
            "2025-01" for _ in purposes
        ]


def test_made_up_customers_are_whole(populated: Database) -> None:
    """Each reads as one person with five identifiers, attributes, a consent and their orders."""
    rules = identity_rules()
    reader = ProfileReader(populated, {REALM: RealmSettings()}, profile_rules(), rules)
    ids = [row[0].int for row in populated.rows("SELECT DISTINCT profile FROM map")]
    profiles: list[Profile] = reader.profiles(REALM, ids)
    assert len(profiles) == PERSONS
    for one in profiles:
        assert one.kind == "person"
        assert {held.type for held in one.identifiers} == set(ISSUERS)
        assert {"first_name", "city"} <= set(one.attributes)
        assert [state.channel for state in one.consents] == ["email"]
        handles = [held.node_id.int for held in one.identifiers]
        found = reader.resolve(REALM, handles)
        assert {found[handle].profile for handle in handles} == {one.profile_id.int}
    [(placed, returned)] = populated.rows(
        "SELECT countIf(order_action = 'placed'), countIf(order_action = 'returned') FROM orders"
    )
    assert sum(one.orders for one in profiles) == placed > PERSONS
    assert sum(one.returns for one in profiles) == returned > 0


def test_timeline_of_a_made_up_customer_has_a_sentence_for_every_entry(
    populated: Database,
) -> None:
    """Entries come newest first, all with a summary made of their payload."""
    [(profile,)] = populated.rows("SELECT profile FROM map ORDER BY profile LIMIT 1")
    reader = TimelineReader(populated, {REALM: RealmSettings()})
    entries, _ = reader.page(REALM, profile.int, 50)
    assert len(entries) >= 8
    assert all(one.summary for one in entries)
    assert all(new.occurred_at >= old.occurred_at for new, old in pairwise(entries))


def test_consistency_judges_every_store_alike() -> None:
    """Each store judges as many offers, and the wrong prices among them become incidents."""
    numbers = ("--products", "10000", "--places", "4", "--offers", "3000")
    report = bench("consistency", *numbers)
    assert [store["products"] for store in report["stores"]] == [100, 1_000, 10_000]
    assert set(report["ratios"]) == set(consistency.LOADS)
    for store in report["stores"]:
        assert store["offers_stored"] == store["products"] * 4
        assert store["loads"]["price_list"]["incidents_changed"] > 0
        assert store["loads"]["changes"]["offers"] == 3_000


def test_the_made_up_graph_is_as_the_writer_leaves_it(database: Database) -> None:
    """Edges and map are those that the writer makes of the same graph, in memory; new edges change
    both alike."""
    persons = 1_500
    identity_graph.fill(database, persons, lambda *_: None)
    store, rules = ClickHouseIdentityStore(database), identity_rules()
    assert list(differences(store, identity_graph.REALM, rules, Verified())) == []
    stored = {node.id: node for page in store.nodes(identity_graph.REALM, 5_000) for node in page}
    edges = store.edges_of(identity_graph.REALM, stored)
    own, shared = len(identity_graph.EDGES) * persons, persons // identity_graph.SHARED_ONE_IN
    assert len(edges) == own + shared + identity_graph.hub_neighbours(persons)
    kept, written = store.placements_of(identity_graph.REALM, stored), MemoryIdentityStore()
    writer = IdentityWriter(written, identity_graph.REALM, rules)
    writer.commit(writer.apply(edges), 1)
    assert kept == written.all_placements(identity_graph.REALM)
    assert written.all_refusals(identity_graph.REALM) == []
    assert {node.id for node in stored.values()} >= {
        identity_graph.hub().id,
        *(identity_graph.node(name, 7).id for name in identity_graph.IDENTIFIERS),
    }


def test_measures_are_reported() -> None:
    """Every measure is computed on the store that was filled, and says what it took."""
    report = bench("measures", "--persons", "400", "--names", "rfm", "churn_rate")
    assert report["tables"]["map"]["rows"] == 1_600
    assert report["tables"]["orders"]["rows"] > 400
    assert [one["measure"] for one in report["measures"]] == ["rfm", "churn_rate"]
    for one in report["measures"]:
        assert 100 < one["customers"] <= 400
        assert min(one["rows_read"], one["peak_mib"], one["seconds"]) > 0
    assert "churn_rate" in measures.tell(report)


def test_identity_reports_every_job() -> None:
    """Two stores: every new edge is written, every identifier looked at, and all rows are right."""
    report = bench("identity", "--identifiers", "500", "2000", "--edges", "200")
    assert set(report["ratios"]) == set(identity.JOBS)
    for store in report["stores"]:
        jobs = store["jobs"]
        assert jobs["write"]["edges"] == sum(one["edges"] for one in jobs["write"]["windows"])
        assert jobs["verify"]["identifiers"] > store["identifiers"] + 100
        for name, wrong in (("verify", "different"), ("rebuild", "written")):
            assert jobs[name][wrong] == 0, name
            assert jobs[name]["identifiers"] == jobs["verify"]["identifiers"]
        assert all(jobs[name]["rows_read_each"] > 0 for name in identity.JOBS)
        assert not any(jobs[name].get("cut") for name in identity.JOBS)
    assert "identifiers/s" in identity.tell(report)


def test_suggestions_report_time_and_memory() -> None:
    """For each number of persons; second records are found again."""
    report = bench("suggestions", "--persons", "500", "1000")
    assert report["benchmark"] == "suggestions"
    assert [run["persons"] for run in report["runs"]] == [500, 1000]
    for run in report["runs"]:
        assert 0 < run["proposed_pairs"] < run["compared_pairs"]
        assert set(run["seconds"]) == {"load", "learn", "score"}
        assert run["peak_mib"] > 0
    assert report["ratios"][0] == 1


def test_startup_reports_every_command() -> None:
    """Each has its time and processor time, as a ratio to both bare interpreters."""
    report = bench("startup", "--rounds", "1")
    assert report["benchmark"] == "startup"
    assert set(report["medians"]) == {*startup.BARE, *startup.COMMANDS}
    assert set(report["ratios"]) == set(startup.COMMANDS)
    for run in report["runs"]:
        assert run["seconds"] > 0
        assert run["cpu_seconds"] > 0
    for ratios in report["ratios"].values():
        assert set(ratios) == set(startup.BARE)


def test_real_prices_raise_few_incidents() -> None:
    """A month of real receipts against lists made of them, with what the most severe look like."""
    report = bench("prices", "--households", "120")
    assert report["households"] == 120
    assert report["receipt_lines"] >= report["list_prices"] > 1_000
    assert report["per_10000_offers"] < 15
    assert len(report["most_severe"]) == min(report["incidents"], 20)
    for one in report["most_severe"]:
        assert one["expected"] != one["observed"]
        assert one["receipts"]
