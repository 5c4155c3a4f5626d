"""Workers whose own clocks are wrong, each by another amount: the same state, and they say so.

The system calls that read the wall clock are answered by a small library in front of libc.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.conftest import Reference, Stream
from tests.e2e.distributed import Distributed, Worker
from tests.e2e.runs import wait_for
from tests.kafka import renew_catalogue
from tests.tiers import LONG

pytestmark = LONG
HOUR_S = 3_600
SKEWS_S = {"ingest": -2 * HOUR_S, "identity": 30 * 24 * HOUR_S, "consistency": 3 * 24 * HOUR_S}
LIBRARY = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew(void) { const char *s = getenv("SKEW_S"); return s ? atol(s) : 0; }

int clock_gettime(clockid_t id, struct timespec *t) {
    int done = syscall(SYS_clock_gettime, id, t);
    if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += skew();
    return done;
}
int gettimeofday(struct timeval *t, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec; t->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, compiled."""
    if shutil.which("cc") is None:
        assert not os.environ.get("CI"), "needs a C compiler; CI has one"
        pytest.skip("needs a C compiler to set the clocks of single processes")
    directory = tmp_path_factory.mktemp("clock")
    (directory / "clock.c").write_text(LIBRARY)
    made = directory / "clock.so"
    source = str(directory / "clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(made), source], check=True)
    return made


@pytest.fixture(scope="module")
def run(
    kafka: str,
    clickhouse_endpoint: ClickHouseEndpoint,
    stream: Stream,
    library: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Distributed]:
    """The sample, processed to its end by workers with wrong clocks, which still run."""
    asyncio.run(renew_catalogue(kafka))
    with Distributed(tmp_path_factory.mktemp("run"), kafka, clickhouse_endpoint) as run:
        run.prepare()
        for service, skew_s in SKEWS_S.items():
            run.add(service, LD_PRELOAD=str(library), SKEW_S=str(skew_s))
        run.publish(stream.file)
        run.wait_drained()
        run.final_tick()
        yield run
    run.drop()


def test_the_state_is_that_of_right_clocks(run: Distributed, reference: Reference) -> None:
    """Facts, identity, golden records and incidents are as if every clock had been right."""
    assert run.digest() == reference.digest


@pytest.mark.parametrize("service", SKEWS_S)
def test_a_skewed_worker_says_so(run: Distributed, service: str) -> None:
    """Not ready with the reason, a metric, a line in the log; alive, because a restart would not
    help."""
    [worker] = run.of(service)
    assert isinstance(worker, Worker)
    wait_for(lambda: "clock" in worker.get("/readyz").text)
    answer = worker.get("/readyz")
    assert answer.status_code == 503
    side = "ahead of" if SKEWS_S[service] > 0 else "behind"
    assert f"s {side} the store's" in answer.text
    [line] = [
        one
        for one in worker.get("/metrics").text.splitlines()
        if one.startswith("c360_clock_skew_seconds ")
    ]
    assert float(line.split()[1]) == pytest.approx(SKEWS_S[service], abs=60)
    assert "clock_is_wrong" in worker.said()
    assert worker.get("/livez").status_code == 200
