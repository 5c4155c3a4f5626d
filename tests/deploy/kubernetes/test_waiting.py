"""The scripts that order a release, run as they stand in the manifests against a real store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.store.migrations import RECORDS
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.deploy.kubernetes.rendering import objects_of, of_kind
from tests.e2e.runs import environment

DATABASE = "c360_waiting"
DEADLINE_S = 90
NEWER = 9999


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """A store that nobody has migrated."""
    with ClickHouseEndpoint(tmp_path_factory.mktemp("store")) as endpoint:
        yield endpoint


def _spec(kind: str, name: str) -> Any:
    found = [one for one in of_kind(objects_of("dev"), kind) if one["metadata"]["name"] == name]
    return found[0]["spec"]["template"]["spec"]


def _started(container: Any, endpoint: ClickHouseEndpoint) -> subprocess.Popen[str]:
    """The command of a container, as a process with the settings that it needs."""
    own = environment(
        C360_CLICKHOUSE_URL=endpoint.url,
        C360_CLICKHOUSE_PASSWORD=endpoint.password,
        C360_CLICKHOUSE_DATABASE=DATABASE,
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        [*container["command"], *container["args"]],
        env={**own, "PATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ended(process: subprocess.Popen[str]) -> str:
    """What it said, once it has ended well."""
    _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, said
    return said


def test_workers_wait_for_the_migration(endpoint: ClickHouseEndpoint) -> None:
    """The init container says what is missing and goes on once the job has migrated; the job does
    nothing, and waiting ends at once, where a newer version has migrated already."""
    waiting = _spec("StatefulSet", "c360-ingest")["initContainers"][0]
    job = _spec("Job", "c360-migrate")["containers"][0]

    early = _started(waiting, endpoint)
    assert early.stderr is not None
    assert "c360 migrate" in _first_advice(early)
    _ended(_started(job, endpoint))
    _ended(early)

    with_newer = endpoint.client(database=DATABASE)
    with_newer.command(
        f"INSERT INTO {RECORDS} SELECT * REPLACE ({NEWER} AS version) FROM {RECORDS} LIMIT 1"
    )
    with_newer.close()
    assert _ended(_started(job, endpoint)) == ""
    assert _ended(_started(waiting, endpoint)) == ""


def _first_advice(process: subprocess.Popen[str]) -> str:
    """What it says up to the advice, or all that it says within the deadline."""
    assert process.stderr is not None
    said, end = "", time.monotonic() + DEADLINE_S
    while "c360 migrate" not in " ".join(said.split()) and time.monotonic() < end:
        said += process.stderr.readline()
    return " ".join(said.split())
