"""The sample stream through real workers, brokers and a store: the same state as embedded.

One run for the whole file, looked at from all sides; its logs are searched at the end.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.prometheus import lint
from services.api.feed_positions import FeedMark, read_id
from services.consistency.kinds import KINDS, missing_on_channel
from services.runtime.metrics import Metrics
from services.stream.ports import Outgoing
from services.stream.producer import Producer
from tests import events
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.accounts import (
    alerts_astray,
    dead_letters,
    doubled,
    lost,
    profile_changes_astray,
)
from tests.e2e.conftest import Reference, Stream
from tests.e2e.distributed import SERVICES, TRY_AGAIN, Api, Distributed
from tests.e2e.runs import c360_json, command, environment, wait_for
from tests.e2e.truth import read_csv
from tests.kafka import kafka_settings, read_all, renew_catalogue
from tests.otlp import Collector
from tests.published import INCIDENTS_SQL, MAP_SQL
from tests.sse import Follower
from tests.tiers import LONG

LISTENING = "0A"
STEPS_SQL = "SELECT step FROM erasure_orders FINAL"
STAGE_SQL = "SELECT max(stage) FROM event_cutoffs FINAL"
OTHERS_SQL = "SELECT node, event_id FROM touchpoints FINAL"
CHANGES, NOT_THERE = "c360.profile-changes", 4
WRONG_CONFIGURATION, ENDING_DEADLINE_S = 78, 60
FAULTS: tuple[dict[str, Any], ...] = (
    {"code": 252, "match": "INSERT INTO .*touchpoints", "count": 2},
    {"code": 241, "match": "SELECT .*(touchpoints|edges|offers)", "count": 3},
    {"code": 159, "match": "INSERT INTO .*members", "when": "after"},
    {"drop": True, "match": "INSERT INTO .*incident_states", "when": "after"},
    {"drop": True, "match": "INSERT INTO .*node_values"},
    {"status": 503, "match": "SELECT .*incident_states"},
)
INJECTED = {"252": 2, "241": 3, "159": 1, "drop": 2, "503": 1}
"""One of each kind, where statements carry identifiers and payloads."""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """A store of our own, for it is killed."""
    endpoint = ClickHouseEndpoint(tmp_path_factory.mktemp("store") / "data").start()
    yield endpoint
    endpoint.kill()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Takes the spans of all processes."""
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def run(
    kafka: str,
    endpoint: ClickHouseEndpoint,
    collector: Collector,
    stream: Stream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Distributed]:
    """The sample, published and processed to its end by workers that still run; traced. On the way
    there are faults of the store, and poison with personal data in it."""
    asyncio.run(renew_catalogue(kafka))
    directory = tmp_path_factory.mktemp("run")
    with Distributed(directory, kafka, endpoint, **collector.settings) as run:
        run.prepare()
        for service in ("ingest", *SERVICES):
            run.add(service)
        run.wait_ready()
        asyncio.run(_send_poison(run, stream))
        for order in FAULTS:
            run.endpoint.fault(**order)
        report = run.publish(stream.file)
        assert report["acknowledged"] == stream.file.read_bytes().count(b"\n")
        run.wait_drained()
        assert Counter(run.endpoint.heal()["injected"]) == Counter(INJECTED)
        run.final_tick()
        yield run


def test_state_equals_the_embedded_run(run: Distributed, reference: Reference) -> None:
    """Four workers of three services reach the same state as one process without a broker."""
    assert run.digest() == reference.digest


def test_every_kind_has_incidents(reference: Reference) -> None:
    """So that equal states say something of each."""
    listed = c360_json(reference.data_dir, "incidents", "list", "--json")
    assert {one["kind"] for one in listed} == set(KINDS) - {missing_on_channel.NAME}, (
        "all but what is off until a rule names channels"
    )


def test_every_line_is_a_fact_or_a_dead_letter(run: Distributed, stream: Stream) -> None:
    """What is not stored under its event id lies in `c360.rejected`, byte by byte; nothing counts
    twice."""
    assert dead_letters(run), "the sample holds garbage"
    assert lost(run, stream.file.read_bytes().splitlines()) == []
    assert doubled(run) == []


def test_profile_changes_fold_to_the_map(run: Distributed) -> None:
    """The latest record of each profile id is its row of the map; every row has one."""
    assert len(run.rows(MAP_SQL)) > 100
    assert profile_changes_astray(run) == []


def test_alerts_fold_to_the_incidents(run: Distributed) -> None:
    """The latest alert of each incident is the stored one."""
    assert len(run.rows(INCIDENTS_SQL)) > 5
    assert alerts_astray(run) == []


PER_RUN = {"row_version", "map_version", "change", "previous_profile_id", "cause"}
"""What depends on the batches in which a run went."""
EMBEDDED = """
import sys
from pathlib import Path
from services.api.feed_positions import LAST_KEY, FeedMark
from services.api.store_feeds import AlertRows, ProfileRows
from services.store.database import open_embedded

rows_of = {"incidents": AlertRows, "profiles": ProfileRows}[sys.argv[2]]
rows = rows_of(open_embedded(Path(sys.argv[1])))
mark, end = FeedMark(0), FeedMark(2**47, LAST_KEY)
while mark < end:
    page = rows.page(mark, end.number)
    for entry in page.entries:
        print(entry.data.decode())
    mark = page.until
"""
"""Prints a feed of a data directory, in which no time passes meanwhile."""


@pytest.mark.parametrize(
    ("name", "field"), [("incidents", "incident_id"), ("profiles", "profile_id")]
)
def test_streams_fold_to_the_same_in_both_modes(
    name: str, field: str, run: Distributed, reference: Reference, tmp_path: Path
) -> None:
    """Read from the beginning, the last event of each incident and profile id says the same,
    whether it comes from the topics of workers or from the rows of the embedded engine."""
    data_dir = shutil.copytree(reference.data_dir, tmp_path / "data", symlinks=True)
    embedded = subprocess.run(
        [sys.executable, "-c", EMBEDDED, data_dir, name], capture_output=True, check=True
    )
    expected = _folded(map(json.loads, embedded.stdout.splitlines()), field)
    assert len(expected) > 5
    api = Api(0, tmp_path, environment(**run.env), "api")  # its log is none of the run's
    api.start()
    scopes = ("--scope", "incidents:read", "--scope", "profiles:read")
    made = run.c360("keys", "create", "--name", "desk", "--json", *scopes).stdout
    wait_for(api.is_ready)
    with _from_the_beginning(api.base_url, name, json.loads(made)["key"]) as follower:
        told = follower.reader.events
        with suppress(AssertionError):
            wait_for(lambda: _folded((one.data for one in list(told)), field) == expected, 30)
        assert _folded((one.data for one in list(told)), field) == expected
    assert api.stop() == 0


def _from_the_beginning(url: str, name: str, key: str) -> Follower:
    """A stream that resumes before everything."""
    path = f"/v1/{name}/stream"
    with Follower(url, path, key) as probe:
        found = read_id(probe.reader.last_id, name[0])
    first = tuple(FeedMark(0) for _ in found.position)
    return Follower(url, path, key, found._replace(position=first).written())


def _folded(records: Iterable[dict[str, Any]], field: str) -> dict[str, Any]:
    """The last record of each id, but for what depends on the run: also which incidents were
    suspected on the way and then retracted."""
    last = {one[field]: one for one in records}
    return {
        name: {key: value for key, value in one.items() if key not in PER_RUN}
        for name, one in last.items()
        if one.get("state") != "retracted"
    }


@pytest.mark.parametrize("service", SERVICES)
def test_health_pages(run: Distributed, service: str) -> None:
    """Alive, ready, with every metric of the catalogue; and nothing else is served."""
    for worker in run.of(service):
        assert worker.get("/livez").status_code == 200
        assert worker.get("/readyz").text == "ok\n"
        scraped = worker.get("/metrics").text
        names = {family.name for family in Metrics().registry.collect()}
        shown = {line.split()[2].removesuffix("_total") for line in scraped.splitlines()
                 if line.startswith("# TYPE")}  # fmt: skip
        assert names <= shown
        assert lint(scraped) == ""
        assert _total(scraped, "c360_rebalances_total") >= 1
        for faust_page in ("/", "/table/", "/router/", "/stats/", "/graph/", "/docs"):
            assert worker.get(faust_page).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
def test_one_port_and_no_more(run: Distributed, service: str) -> None:
    """A worker listens where its health pages are and nowhere else: no web server of Faust."""
    for worker in run.of(service):
        assert worker.url is not None
        assert _ports(worker.process.pid) == {int(worker.url.rsplit(":", 1)[1])}


def _ports(pid: int) -> set[int]:
    """The TCP ports on which a process listens."""
    mine = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            mine.add(link.readlink().name)
    found = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in mine:
                found.add(int(fields[1].rsplit(":", 1)[1], 16))
    return found


def test_metrics_tell_what_was_done(run: Distributed, stream: Stream) -> None:
    """Over the workers of a service the counters add up to what came in."""
    sums: Counter[str] = Counter()
    for worker in run.workers:
        scraped = worker.get("/metrics").text
        for name in ("c360_events", "c360_identity_edges", "c360_profile_changes",
                     "c360_incident_changes", "c360_dead_letters", "c360_lag_records"):  # fmt: skip
            sums[name] += _total(scraped, name)
    batches = [one for path in run.logs.iterdir() for one in _lines(path)
               if one["event"] == "batch"]  # fmt: skip
    assert sums["c360_events"] == sum(one["events"] for one in batches)
    assert sums["c360_events"] >= stream.file.read_bytes().count(b"\n")
    assert sums["c360_dead_letters"] == len(dead_letters(run))
    assert sums["c360_lag_records"] == 0
    for name in ("c360_identity_edges", "c360_profile_changes", "c360_incident_changes"):
        assert sums[name] > 0, name


def _total(scraped: str, name: str) -> int:
    """The sum of a metric over all its labels."""
    rows = (line for line in scraped.splitlines() if line.startswith(name))
    return sum(int(float(row.rsplit(" ", 1)[1])) for row in rows if "_created" not in row)


def test_wrong_settings_say_what_to_do(run: Distributed, tmp_path: Path) -> None:
    """Each ends with the documented exit code, and a message that names the remedy."""
    empty = f"{run.database}_empty"
    run.rows(f"CREATE DATABASE {empty} ENGINE = Atomic")
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = str(taken.getsockname()[1])
        cases = [
            ("ingest", {"C360_KAFKA_BOOTSTRAP_SERVERS": ""}, "C360_KAFKA_BOOTSTRAP_SERVERS is not"),
            ("identity", {"C360_CLICKHOUSE_URL": ""}, "C360_CLICKHOUSE_URL"),
            ("consistency", {"C360_CLICKHOUSE_DATABASE": empty}, "run 'c360 migrate' once"),
            ("identity", {"C360_IDENTITY_SECRET": "another secret of 16"}, "is not the secret"),
            ("ingest", {"C360_WORKER_HTTP_PORT": port}, f"cannot listen on 127.0.0.1:{port}"),
            ("consistency", {"C360_WORKER_HTTP_PORT": port}, "C360_WORKER_HTTP_PORT"),
        ]
        started = [_ending(run, service, wrong) for service, wrong, _ in cases]
        for process, (service, wrong, advice) in zip(started, cases, strict=True):
            _out, told = process.communicate(timeout=ENDING_DEADLINE_S)
            assert process.returncode == WRONG_CONFIGURATION, (service, wrong, told)
            assert advice in told
            assert "Traceback" not in told
    run.rows(f"DROP DATABASE {empty} SYNC")


def _ending(run: Distributed, service: str, wrong: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(None, "worker", service),
        env=environment(**{**run.env, **wrong}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@LONG
def test_replay_from_the_beginning_changes_nothing(
    run: Distributed, stream: Stream, reference: Reference
) -> None:
    """New consumer groups read every topic from offset 0; the state stays as it is."""
    assert run.stop_all() == [0, 0, 0, 0]
    before = {path.name for path in run.logs.iterdir()}
    run.prefix += "-again"
    for service in SERVICES:
        run.add(service)
    run.wait_drained()
    assert run.digest() == reference.digest
    logs = [path for path in run.logs.iterdir() if path.name not in before]
    batches = [one for path in logs for one in _lines(path) if one["event"] == "batch"]
    assert sum(one["events"] for one in batches) >= stream.file.read_bytes().count(b"\n")


def test_an_action_goes_through_the_log(run: Distributed) -> None:
    """The command sends a record, the worker of the incident's partition applies and publishes it,
    and the audit trail says who did it."""
    opened = _json(run, "incidents", "list", "--state", "open")[0]
    who = ("--by", "kim", "--reason", "known")
    _json(run, "incidents", "ack", opened["incident_id"], *who)

    def shown() -> Any:
        found = _json(run, "incidents", "show", opened["incident_id"])
        return found if found["state"] == "acknowledged" else None

    acknowledged = wait_for(shown)
    assert acknowledged["actions"][0]["by"] == "kim"
    assert {**acknowledged, "state": "open", "actions": []} == opened
    wait_for(lambda: alerts_astray(run) == [])
    letters = dead_letters(run)
    _json(run, "incidents", "unack", opened["incident_id"], *who)
    run.wait_drained()
    assert _json(run, "incidents", "list", "--state", "acknowledged") == []
    assert dead_letters(run) == letters


def test_a_decision_goes_through_the_log(run: Distributed) -> None:
    """The identity worker is killed between two decisions; its successor applies both, publishes
    the profiles, and what was withdrawn leaves no trace in the state."""
    before, letters = run.digest(), dead_letters(run)
    people = [one for one in _json(run, "identity", "export") if one["type"] == "customer_number"]
    first = people[0]
    other, third = [one for one in people if one["profile_id"] != first["profile_id"]][:2]
    pairs = [(first["node_id"], one["node_id"]) for one in (other, third)]
    said = ("--by", "kim", "--reason", "ticket 4711")
    done = _json(run, "identity", "decide", "same", *pairs[0], *said)
    assert done["is_recorded"]
    [worker] = run.of("identity")
    worker.kill()
    _json(run, "identity", "decide", "same", *pairs[1], *said)
    worker.start()

    def holder(node: str) -> str:
        found: str = _json(run, "profile", "get", "--id", node)["profile_id"]
        return found

    wait_for(lambda: len({holder(one) for pair in pairs for one in pair}) == 1, 120)
    run.wait_drained()
    assert c360_verified(run)
    assert profile_changes_astray(run) == []
    for pair in pairs:
        _json(run, "identity", "withdraw", *pair, *said)
    run.wait_drained()
    assert c360_verified(run)
    assert profile_changes_astray(run) == []
    assert run.digest() == before
    assert dead_letters(run) == letters


def test_an_erasure_goes_through_the_log(run: Distributed, tmp_path: Path) -> None:
    """Events of the customer are in flight, and the identity worker is killed on the way: the next
    one completes it. Nothing is left, and nothing comes back when everything is read again."""
    before = {tuple(row) for row in run.rows(OTHERS_SQL)}
    mail = _somebody(run)
    meant = f"email={mail['value']}"
    held = run.rows(f"SELECT node FROM map FINAL WHERE profile = '{mail['profile_id']}'")
    nodes = ", ".join(f"'{node}'" for (node,) in held)
    ingest = run.of("ingest")
    run.stop(ingest)
    late = tmp_path / "late.jsonl"
    late.write_text("".join(map(_late_event, range(20), [mail["value"]] * 20)))
    assert run.publish(late)["acknowledged"] == 20
    waiting = run.c360("profile", "erase", meant, "--yes", "--within-s", "5", code=TRY_AGAIN)
    assert "it waits until the ingest workers have read what was sent before it" in waiting.stderr
    run.add("ingest")
    [worker] = run.of("identity")
    wait_for(lambda: max((step for (step,) in run.rows(STEPS_SQL)), default=0) > 1, 120)
    worker.kill()
    worker.start()
    receipt = tmp_path / "receipt.json"
    wait_for(lambda: run.rows(STEPS_SQL) == [(3,)], 300)
    run.c360("profile", "erase", meant, "--yes", "--within-s", "9", "--output", str(receipt))
    said = json.loads(receipt.read_text())
    assert said["removed"]["touchpoints"] > 0
    assert said["topics"].keys() >= {"touchpoints.shop", "c360.edges", "c360.rejected"}
    assert "nothing of the person is left" in run.c360("profile", "erased", str(receipt)).stdout
    assert "erased" in run.c360("profile", "get", meant, code=NOT_THERE).stderr
    run.wait_drained()
    assert run.rows(f"SELECT event_id FROM touchpoints WHERE node IN ({nodes})") == []
    assert run.rows("SELECT event_id FROM touchpoints WHERE event_id LIKE 'late-%'") == []
    assert {tuple(row) for row in run.rows(OTHERS_SQL)} <= before
    assert c360_verified(run)
    assert profile_changes_astray(run) == []
    assert alerts_astray(run) == []
    folded = {one.key: one.value for one in asyncio.run(read_all(run.servers, CHANGES))}
    assert {folded[f"default\x1f{node}".encode()] for (node,) in held} == {None}


def test_events_expire_beside_the_workers(run: Distributed, tmp_path: Path) -> None:
    """Old events are in flight, and the identity worker is killed on the way: the next one
    completes it. What is published is the map, and events of today stay."""
    now = datetime.now(UTC)
    lines = tmp_path / "views.jsonl"
    lines.write_text("".join(_view(number, now) for number in range(20)))
    limits = '{"page.viewed": 30}'
    apply = ("store", "retention", "--apply", "--json", "--within-s")
    run.stop(run.of("ingest"))
    assert run.publish(lines)["acknowledged"] == 20
    waiting = run.c360(*apply, "5", code=TRY_AGAIN, C360_RETENTION_EVENTS_DAYS=limits)
    assert "it waits until the ingest workers have read what was sent before it" in waiting.stderr
    run.add("ingest")
    [worker] = run.of("identity")
    wait_for(lambda: run.rows(STAGE_SQL) != [(0,)], 120)
    worker.kill()
    worker.start()
    wait_for(lambda: run.rows(STAGE_SQL) == [(4,)], 300)
    [views] = json.loads(run.c360(*apply, "30", C360_RETENTION_EVENTS_DAYS=limits).stdout)
    assert (views["event_type"], views["removed"]) == ("page.viewed", True)
    run.wait_drained()
    left = run.rows("SELECT event_id FROM touchpoints FINAL WHERE type = 'page.viewed'")
    assert {event_id for (event_id,) in left} == {f"view-{number}" for number in range(1, 20, 2)}
    assert c360_verified(run)
    assert profile_changes_astray(run) == []
    assert alerts_astray(run) == []


@LONG
def test_replay_brings_nobody_back(run: Distributed) -> None:
    """After an erasure, and when events have expired, new groups read every topic from offset 0."""
    run.final_tick()
    before = run.digest()
    run.stop_all()
    run.prefix += "-after"
    for service in SERVICES:
        run.add(service)
    run.wait_drained()
    assert run.digest() == before
    assert run.rows("SELECT event_id FROM touchpoints WHERE event_id LIKE 'late-%'") == []


def _somebody(run: Distributed) -> dict[str, Any]:
    """An e-mail address of a person with an order."""
    for one in _json(run, "identity", "export"):
        if one["type"] != "email" or one["shared"]:
            continue
        if _json(run, "profile", "get", "--id", one["profile_id"])["orders"]:
            return dict(one)
    raise AssertionError("nobody ordered anything")


def _view(number: int, now: datetime) -> str:
    """A line of a view of today, or of one that is too old."""
    at = now - timedelta(days=number % 2 or 90)
    shown = [events.identifier("email", f"viewer-{number // 2}@mail.example", verified=True),
             events.identifier("cookie", f"viewer-{number // 4}")]  # fmt: skip
    sent = events.event(event_id=f"view-{number}", identifiers=shown, occurred_at=at.isoformat())
    return json.dumps(sent) + "\n"


def _late_event(number: int, address: str) -> str:
    """A line of somebody's event that is under way when that one is erased."""
    mail = events.identifier("email", address, verified=True)
    body = {"case_id": f"late-case-{number}", "text": "where is it?"}
    sent = events.event("support.contacted", identifiers=[mail], body=body)
    sent |= {"event_id": f"late-{number}", "occurred_at": "2026-03-02T10:00:00+01:00"}
    return json.dumps(sent) + "\n"


def c360_verified(run: Distributed) -> bool:
    """Whether the map is that of the edges and decisions; a command that fails ends with 1."""
    found = _json(run, "identity", "verify")
    return all(one["wrong_map_rows"] == one["wrong_refusals"] == 0 for one in found)


def _json(run: Distributed, *arguments: str) -> Any:
    """What a command on the run prints."""
    return json.loads(run.c360(*arguments, "--json").stdout)


async def _send_poison(run: Distributed, stream: Stream) -> None:
    """Records with personal data where none of our own records has them."""
    emails = [row["value"] for row in read_csv(stream.truth / "identities.csv")
              if row["type"] == "email"]  # fmt: skip
    outbox = Producer(kafka_settings(run.servers))
    for topic in ("c360.edges", "c360.offers"):
        for bad in (
            {"kind": "edges", "realm": emails[0]},
            {"kind": emails[1], "realm": "default"},
            {"kind": "claims", "realm": "default", "claims": [{"sku": emails[2], emails[3]: 1}]},
            {"kind": "edges", "realm": "default", "attributes": emails},
            {"kind": "tick", "realm": "default", "reached_at": emails[4]},
        ):
            await outbox.send_all([Outgoing(topic, json.dumps(bad).encode(), emails[5].encode())])
        await outbox.send_all([Outgoing(topic, emails[6].encode(), b"default")])
    await outbox.stop()


def test_readiness_follows_the_store(run: Distributed) -> None:
    """Without its store a worker is alive and not ready; with it, it is ready again."""
    run.wait_ready()
    run.endpoint.kill()
    for worker in run.workers:
        answer = worker.get("/readyz")
        assert answer.status_code == 503
        assert "the store cannot be reached" in answer.text
        assert worker.get("/livez").status_code == 200
    run.endpoint.start()
    run.wait_ready()


def test_logs_hold_nothing_personal(run: Distributed, stream: Stream) -> None:
    """No log of the run, at level debug and through all faults, holds the value of an identifier,
    an attribute, an event's id or anything else of a payload; every line of it is JSON."""
    codes = run.stop_all()
    assert len(codes) >= len(SERVICES)
    assert set(codes) == {0}
    logs = sorted(run.logs.iterdir())
    assert len(logs) >= len(SERVICES) + 1
    events = [line["event"] for path in logs for line in _lines(path)]
    assert {"waiting_to_retry", "batch", "assigned", "stopped"} <= set(events)
    text = "\n".join(path.read_text("utf-8") for path in logs)
    spoken = set(text.replace("'", '"').replace("\\", '"').split('"')) | set(text.split())
    personal = {row["value"] for row in read_csv(stream.truth / "identities.csv")}
    assert [value for value in personal if value in text] == []
    assert [value for value in _payloads(stream) if value in spoken or f" {value} " in text] == []


def test_traces_hold_nothing_personal(collector: Collector, stream: Stream) -> None:
    """Nor does anything that was sent of spans, through all faults; and links lead to spans."""
    sent = b"\n".join(collector.bodies)
    values = {row["value"] for row in read_csv(stream.truth / "identities.csv")}
    personal = values | {one for one in _payloads(stream) if len(one) > 12}
    assert [value for value in personal if value.encode() in sent] == []
    spans = collector.spans()
    known = {(one.trace_id, one.span_id) for one in spans}
    assert {one.service for one in spans} >= {f"c360-{service}" for service in SERVICES}
    for name in ("process c360.edges", "process c360.offers"):
        links = [link for one in spans if one.name == name for link in one.links]
        assert links
        assert set(links) <= known


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _payloads(stream: Stream) -> set[str]:
    """The texts in the sample's events that say anything."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for one in value.values():
                collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)
        elif isinstance(value, str) and len(value) > 5:
            found.add(value)

    for line in stream.file.read_bytes().splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                for name in ("event_id", "occurred_at", "identifiers", "body"):
                    collect(event.get(name))
    return found


def test_pages_end_with_the_worker(run: Distributed) -> None:
    """No port of the run answers any more."""
    for path in run.logs.iterdir():
        for url in {one["url"] for one in _lines(path) if one["event"] == "serving_health"}:
            with pytest.raises(httpx.TransportError):
                httpx.get(url, timeout=2, trust_env=False)
