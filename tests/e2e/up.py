"""A `c360 up` of its own process, for tests."""

from __future__ import annotations

import json
import resource
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.runs import API_KEY, command, environment, wait_for

PUBLIC_KEY = "a-key-in-a-web-page"


class Running:
    """A `c360 up` of its own process."""

    def __init__(
        self,
        process: subprocess.Popen[str],
        url: str,
        data_dir: Path,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self.process = process
        self.data_dir = data_dir
        # Under TLS none is kept idle: tests there make the service close what waits.
        kept = None if verify is True else 0
        self.client = httpx.Client(
            base_url=url,
            timeout=60,
            trust_env=False,
            verify=verify,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=kept),
        )

    def post(self, *events: Any, key: str = API_KEY) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return self.client.post("/v1/touchpoints", json={"batch": events}, headers=headers)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(how)
        _out, self.errors = self.process.communicate(timeout=60)
        return self.process.returncode


@contextmanager
def running(
    data_dir: Path, launcher: tuple[str, ...] = (), files_max: int | None = None, **settings: str
) -> Iterator[Running]:
    """Start `c360 up` on a free port and wait until it is ready.

    `launcher` comes before the command; `files_max` is how many files it may open. With TLS, the
    client trusts the certificate of the settings alone.
    """
    env = environment(C360_PUBLIC_WRITE_KEYS=json.dumps([PUBLIC_KEY]), **settings)
    process = subprocess.Popen(
        [*launcher, *command(data_dir, "up", "--port", "0")],
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        preexec_fn=None if files_max is None else partial(_limit_files, files_max),
    )
    try:
        assert process.stderr is not None
        first_line = process.stderr.readline()
        assert "c360 is up at " in first_line, first_line + process.stderr.read()
        up = Running(process, first_line.split()[4], data_dir, trusted(settings))
        wait_for(lambda: _is_ready(up.client))
        yield up
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def trusted(settings: dict[str, str]) -> ssl.SSLContext | bool:
    """Whom a client of a service with these settings trusts."""
    certificate = settings.get("C360_HTTP_TLS_CERT_FILE")
    return ssl.create_default_context(cafile=certificate) if certificate else True


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _limit_files(files_max: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
