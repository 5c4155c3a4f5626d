"""A rolling update as Kubernetes does it, process by process, under a steady stream.

Workers with a stable name (StatefulSet): the old one ends, then the new one starts. Workers without
one (Deployment with a surge): the new one is ready, then the old one ends. The same for the API,
behind a balancer that asks /readyz.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.kafka import Cluster
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.drills.balancer import PROBE_S, Ask, Balancer
from tests.drills.steady import ProgressWatch, SteadyStream
from tests.e2e.accounts import alerts_astray, doubled, lost, profile_changes_astray
from tests.e2e.conftest import Reference, Stream
from tests.e2e.distributed import SERVICES, Api, Distributed, Worker
from tests.e2e.runs import API_KEY

PER_S = 100
STEADY_S = 15
"""How long the usual pauses are measured before."""
GOES_ON_DEADLINE_S = 60
DRAIN_S = 4 * PROBE_S
Roll = Callable[[Distributed, Worker], Worker]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Distributed]:
    """Brokers, a store and what runs on them."""
    with (
        Cluster() as cluster,
        ClickHouseEndpoint(tmp_path / "store") as store,
        Distributed(tmp_path, cluster.bootstrap_servers, store) as made,
    ):
        yield made.prepare()


def old_ends_first(run: Distributed, old: Worker) -> Worker:
    """SIGTERM, an end in order, and the same name again."""
    assert old.stop() == 0, old.told()
    new = old.start()
    run.wait_ready()
    return new


def new_starts_first(run: Distributed, old: Worker) -> Worker:
    """Another process, ready; then SIGTERM and an end in order."""
    new = run.add(old.service)
    run.wait_ready()
    assert run.stop([old]) == [0], old.told()
    return new


@pytest.mark.parametrize(("roll", "is_named"), [(old_ends_first, True), (new_starts_first, False)])
def test_workers_are_replaced_one_by_one(
    run: Distributed, stream: Stream, reference: Reference, roll: Roll, is_named: bool
) -> None:
    """Nothing lost, nothing doubled, the state of an undisturbed run; the pauses are printed."""
    for service in SERVICES:
        run.add(service, C360_WORKER_ID=f"{service}-0" if is_named else "")
    run.wait_ready()
    lines = stream.file.read_bytes().splitlines()
    with ProgressWatch(run) as watch:
        with SteadyStream(run.servers, lines, PER_S):
            began = time.monotonic()
            run.wait(lambda: time.monotonic() > began + STEADY_S, "steady", 2 * STEADY_S)
            told = [_replaced(run, watch, service, roll, began) for service in SERVICES]
        run.wait_drained()
    run.final_tick()
    assert run.digest() == reference.digest
    assert not lost(run, lines)
    assert not doubled(run)
    assert not alerts_astray(run)
    assert not profile_changes_astray(run)
    sys.stdout.write("\n" + "\n".join(told) + "\n")


def _replaced(
    run: Distributed, watch: ProgressWatch, service: str, roll: Roll, steady_since: float
) -> str:
    """Replace the worker of a service; what it cost, in words."""
    since = time.monotonic()
    usual_s = watch.usual_s(service, steady_since, since)
    roll(run, run.of(service)[0])
    done = time.monotonic()
    run.wait(lambda: watch.moved_since(service, done), "going on", GOES_ON_DEADLINE_S)
    pause_s = max(watch.pauses(service, since, done))
    return (
        f"{roll.__name__}: {service} replaced in {done - since:.1f} s; no batch finished for "
        f"{pause_s:.1f} s, usually {usual_s:.2f} s (x {pause_s / usual_s:.0f})"
    )


def api_old_ends_first(run: Distributed, balancer: Balancer, old: Api) -> Api:
    """Others serve meanwhile."""
    assert old.stop() == 0, old.told()
    old.start()
    run.wait(lambda: balancer.serves(old), "served by it again", GOES_ON_DEADLINE_S)
    return old


def api_new_starts_first(run: Distributed, balancer: Balancer, old: Api) -> Api:
    """The new one serves before the old one ends."""
    new = run.add_api(C360_HTTP_DRAIN_S=str(DRAIN_S))
    balancer.add(new)
    run.wait(lambda: balancer.serves(new), "served by it", GOES_ON_DEADLINE_S)
    assert run.stop([old]) == [0], old.told()
    return new


def test_api_is_replaced_without_a_failed_request(run: Distributed, stream: Stream) -> None:
    """/readyz turns before the listener closes, so no request meets a process that is gone."""
    known = next(line for line in stream.file.read_bytes().splitlines() if _is_event(line))
    body = {"batch": [json.loads(known)]}
    scopes = ("--scope", "incidents:read", "--scope", "profiles:read")
    made = run.c360("keys", "create", "--name", "drill", "--json", *scopes)
    key = json.loads(made.stdout)["key"]
    send = {"Authorization": f"Bearer {API_KEY}"}
    asks: tuple[Ask, ...] = (
        lambda client: client.get("/v1/incidents"),
        lambda client: client.get("/v1/freshness"),
        lambda client: client.post("/v1/touchpoints", json=body, headers=send),
    )
    served = [run.add_api(C360_HTTP_DRAIN_S=str(DRAIN_S)) for _ in range(2)]
    with Balancer(asks, {"Authorization": f"Bearer {key}"}) as balancer:
        for one in served:
            balancer.add(one)
        run.wait(lambda: all(map(balancer.serves, served)), "served", GOES_ON_DEADLINE_S)
        for roll in (api_old_ends_first, api_new_starts_first):
            before = balancer.sent
            for old in list(served):
                served.remove(old)
                served.append(roll(run, balancer, old))
            assert balancer.sent > before + 20
    assert not balancer.failed, balancer.failed[:3]
    sys.stdout.write(
        f"\n{balancer.sent} requests while 4 processes were replaced, none failed, the slowest "
        f"took {balancer.slowest_s:.1f} s\n"
    )


def _is_event(line: bytes) -> bool:
    try:
        return "event_id" in json.loads(line)
    except (ValueError, TypeError):
        return False
