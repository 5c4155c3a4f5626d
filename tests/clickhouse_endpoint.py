"""`c360 dev clickhouse` as a process of its own, for tests: start, stop, kill, start again.

`clickhouse_endpoint` is one for the whole session; a test that kills one, or wants faults that
others must not see, makes its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client

from devtools.ports import free_port
from services.store.database import WRITE_SETTINGS

START_DEADLINE_S = 60
STOP_DEADLINE_S = 30


class ClickHouseEndpoint:
    """One endpoint on a data directory and a port that outlive its process.

    As a context it runs inside, and is killed at the end if it still runs.
    """

    launcher: tuple[str, ...] = ()
    """A command that runs the endpoint, as one that changes its file systems first."""

    def __init__(self, data_dir: Path, *arguments: str, password: str = "") -> None:
        self.data_dir = data_dir
        self.password = password
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_faulty = False
        """Whether a fault was ordered since it was healed."""
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process and wait until it answers."""
        code = "from services.cli import main; main()"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("C360_")}
        log = (self.data_dir.parent / f"{self.data_dir.name}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *self.launcher,
                    *(sys.executable, "-c", code, "dev", "clickhouse"),
                    *("--data-dir", str(self.data_dir), "--port", str(self.port)),
                    *self._arguments,
                ],
                env={**environment, "C360_CLICKHOUSE_PASSWORD": self.password},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_DEADLINE_S
        while not self.answers():
            assert self._process.poll() is None, Path(log.name).read_text("utf-8")
            assert time.monotonic() < deadline, "the endpoint does not answer"
            time.sleep(0.05)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def answers(self) -> bool:
        """Whether /ping is answered now."""
        try:
            return httpx.get(f"{self.url}/ping", timeout=2).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, no client is notified."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        assert self._end(signal.SIGTERM) == 0

    def client(self, **options: Any) -> Client:
        """A sync client on our database, with our settings for writes."""
        return clickhouse_connect.get_client(**{**self._options(), **options})

    async def async_client(self, **options: Any) -> AsyncClient:
        """An async client on our database."""
        return await clickhouse_connect.get_async_client(**{**self._options(), **options})

    def fault(self, *, password: str | None = None, **order: Any) -> None:
        """Order a fault."""
        key = self.password if password is None else password
        answer = httpx.post(f"{self.url}/dev/faults", json=order, auth=("default", key))
        assert answer.is_success, answer.text
        self.is_faulty = True

    def heal(self) -> dict[str, Any]:
        """Order no faults any more; returns what was left and what was injected."""
        answer = httpx.delete(f"{self.url}/dev/faults", auth=("default", self.password))
        told: dict[str, Any] = answer.raise_for_status().json()
        self.is_faulty = False
        return told

    def _options(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "password": self.password,
            "database": "c360",
            "settings": dict(WRITE_SETTINGS),
            "tz_mode": "aware",
        }

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(STOP_DEADLINE_S)


@pytest.fixture(scope="session")
def clickhouse_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """One endpoint for the whole session."""
    endpoint = ClickHouseEndpoint(tmp_path_factory.mktemp("clickhouse") / "data").start()
    yield endpoint
    endpoint.stop()


@pytest.fixture(autouse=True)
def no_fault_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails with a fault ordered fails no other test of the shared endpoint."""
    yield
    if "clickhouse_endpoint" in request.fixturenames:
        endpoint: ClickHouseEndpoint = request.getfixturevalue("clickhouse_endpoint")
        if endpoint.is_faulty:
            endpoint.heal()
