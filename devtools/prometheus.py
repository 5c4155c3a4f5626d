"""A real Prometheus for development and tests, on loopback, in a directory that goes away again.

The programs are those that `make .prometheus/installed` unpacked. A server runs with the
configuration that it is given, and answers queries. Nothing here knows a metric or an alert; and
nothing here is for production.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from devtools.child import end_all, spawn
from devtools.ports import HOST, free_port
from services.runtime.errors import ConfigurationError, Fatal

ROOT = Path(__file__).parents[1] / ".prometheus"
DIRECTORY_VARIABLE = "PROMETHEUS_HOME"
"""Names another directory that holds `usr/bin/prometheus`. Not `C360_…`: those are settings."""
START_TIMEOUT_S = 30
STOP_GRACE_S = 10
POLL_S = 0.05
QUERY_TIMEOUT_S = 30
LOG_LINES_SHOWN = 15


def program(name: str) -> str:
    """The full path of `prometheus` or `promtool`.

    Raises:
        ConfigurationError: it is not there; says what to do.
    """
    path = Path(os.environ.get(DIRECTORY_VARIABLE) or ROOT) / "usr" / "bin" / name
    if not path.is_file():
        raise ConfigurationError(f"no {name} at {path}: run `make .prometheus/installed` first")
    return str(path)


def promtool(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run promtool to its end, whatever its code; `given` is its input. Raises as `program`."""
    run = subprocess.run(
        [program("promtool"), *arguments], input=given, capture_output=True, check=False
    )
    told = (run.stdout.decode(), run.stderr.decode())
    return subprocess.CompletedProcess(run.args, run.returncode, *told)


def lint(page: str) -> str:
    """What `promtool check metrics` says of a page of metrics; empty if it is as it should be."""
    run = promtool("check", "metrics", given=page.encode())
    told = run.stdout + run.stderr
    return told or ("" if run.returncode == 0 else f"exit {run.returncode}")


class Prometheus:
    """A server with a configuration; a context manager. It dies with the thread that started it.

    Args:
        configuration: what prometheus.yml holds. Paths in it must be absolute.
        directory: keeps its data and log; without one it is a temporary one.
        flags: further arguments of the program.
    """

    def __init__(
        self,
        configuration: dict[str, Any],
        directory: Path | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        self._configuration = configuration
        self._wanted = directory
        self._flags = flags

    def __enter__(self) -> Self:
        self.directory = self._wanted or Path(tempfile.mkdtemp(prefix="c360-prometheus-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = self.directory / "prometheus.yml"
        settings.write_text(json.dumps(self._configuration), "utf-8")  # JSON is YAML
        self._log = self.directory / "prometheus.log"
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        self._client = httpx.Client(base_url=self.url, timeout=QUERY_TIMEOUT_S, trust_env=False)
        command = [
            program("prometheus"),
            f"--config.file={settings}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--web.enable-lifecycle",
            *self._flags,
        ]
        self._process = spawn(command, self._log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end_all([self._process], STOP_GRACE_S)
        self._client.close()
        if self._wanted is None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def get(self, path: str, **parameters: str | float) -> Any:
        """What `/api/v1/<path>` holds under `data`. Raises Fatal with Prometheus's own message."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        if answer["status"] != "success":
            raise Fatal(f"Prometheus refused {path}: {answer.get('error')}")
        return answer["data"]

    def query(self, expression: str, time_s: float | None = None) -> list[dict[str, Any]]:
        """The series of an expression, each `{"metric": labels, "value": [time, text]}`.

        A scalar is one series without labels. `time_s` is Unix time; without it, now.
        """
        at = {} if time_s is None else {"time": time_s}
        found = self.get("query", query=expression, **at)
        if found["resultType"] == "scalar":
            return [{"metric": {}, "value": found["result"]}]
        series: list[dict[str, Any]] = found["result"]
        return series

    def query_range(
        self, expression: str, start_s: float, end_s: float, step_s: float
    ) -> list[dict[str, Any]]:
        """The series of an expression over a time, each `{"metric": labels, "values": […]}`."""
        found = self.get("query_range", query=expression, start=start_s, end=end_s, step=step_s)
        series: list[dict[str, Any]] = found["result"]
        return series

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing, as Prometheus's API describes them."""
        active: list[dict[str, Any]] = self.get("alerts")["alerts"]
        return active

    def targets(self) -> list[dict[str, Any]]:
        """The addresses that are scraped, each with its `health` and `lastError`."""
        active: list[dict[str, Any]] = self.get("targets", state="active")["activeTargets"]
        return active

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if self._process.poll() is not None:
                raise Fatal(self._told(f"did not start (exit {self._process.returncode})"))
            if time.monotonic() > end:
                raise Fatal(self._told(f"was not ready within {START_TIMEOUT_S} seconds"))
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def _told(self, what: str) -> str:
        """What happened, with the last lines that it wrote."""
        shown = self._log.read_text("utf-8", "replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n  ".join([f"Prometheus {what}. Its last lines:", *shown])


def scrape_configuration(
    targets: dict[str, list[str]], interval: str = "1s", rule_files: Sequence[Path] = ()
) -> dict[str, Any]:
    """A configuration that scrapes addresses under their job names, and evaluates rules."""
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "evaluation_interval": interval,
        },
        "rule_files": [str(path.resolve()) for path in rule_files],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": addresses}]}
            for job, addresses in targets.items()
        ],
    }
