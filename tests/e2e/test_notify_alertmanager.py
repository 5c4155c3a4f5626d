"""`c360 notify` and a real Alertmanager: alerts begin, last and end as incidents do."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.child import end_all
from devtools.ports import HOST, free_port
from devtools.prometheus import program
from tests.e2e.runs import wait_for
from tests.e2e.test_notify import Both, NotifyProcess, record
from tests.e2e.test_notify import both as both

TEMPLATES = "/usr/share/prometheus/alertmanager"
STOP_GRACE_S = 10
CONFIGURATION = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


def _unpacked(directory: Path) -> str:
    """A copy of Debian's program that finds its templates in its directory, as it is not installed.

    The path is compiled in; the one that replaces it is as long.
    """
    original = Path(program("prometheus-alertmanager"))
    templates = original.parents[2] / TEMPLATES[1:]
    shutil.copy(templates / "default.tmpl", directory)
    shutil.copy(templates / "email.tmpl", directory)
    copy = directory / original.name
    here = "./" * (len(TEMPLATES) // 2)
    copy.write_bytes(original.read_bytes().replace(TEMPLATES.encode(), here.encode()))
    copy.chmod(0o700)
    return str(copy)


class AlertmanagerProcess:
    """One on the loopback, without peers; its memory is its directory."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}/prefix"
        self._log = directory / "alertmanager.log"
        file = directory / "alertmanager.yml"
        file.write_text(CONFIGURATION, "utf-8")
        self._directory = directory
        self._command = [
            _unpacked(directory), f"--config.file={file}",
            f"--storage.path={directory / 'alerts'}", f"--web.listen-address={HOST}:{self.port}",
            "--web.route-prefix=/prefix", "--cluster.listen-address=",
        ]  # fmt: skip

    def __enter__(self) -> AlertmanagerProcess:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._directory, stdout=log, stderr=log
            )
        wait_for(self._is_ready)
        return self

    def __exit__(self, *_: object) -> None:
        end_all([self._process], STOP_GRACE_S)

    def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/-/ready").is_success
        return False

    def firing(self) -> dict[str, str]:
        """The severity of the alerts that it holds as active, by incident."""
        return {one["labels"]["incident"]: one["labels"]["severity"] for one in self.alerts()}

    def alerts(self) -> list[Any]:
        """The alerts that it holds as active."""
        answer = httpx.get(f"{self.url}/api/v2/alerts", params={"active": "true"})
        found: list[Any] = json.loads(answer.raise_for_status().content)
        return found


@pytest.fixture
def manager(tmp_path: Path) -> AlertmanagerProcess:
    """One that is not started."""
    return AlertmanagerProcess(tmp_path)


def measured(url: str, name: str) -> float:
    """A value of the page of metrics."""
    page = httpx.get(url).raise_for_status().text
    [value] = re.findall(rf"^c360_notify_{re.escape(name)} (\S+)$", page, re.M)
    return float(value)


def test_alerts_begin_last_and_end(
    both: Both, manager: AlertmanagerProcess, tmp_path: Path
) -> None:
    """Also those open before, through an Alertmanager that is away and a kill of the process."""
    target = f'[[alertmanager]]\nname = "am"\nurl = "{manager.url}"\nrepeat_s = 1\nexpires_s = 8\n'
    notify = NotifyProcess(both, tmp_path, "hook", more=target)
    one, two, three = (record(number)["incident_id"] for number in (1, 2, 3))
    both.told += [record(1), record(3), record(3, "muted")]
    with notify as process:
        wait_for(lambda: both.events("hook"))  # Webhooks do not wait for an Alertmanager.
        metrics = notify.metrics_url()
        wait_for(lambda: measured(metrics, 'deliveries_total{outcome="failed"}') >= 2)
        wait_for(lambda: measured(metrics, "oldest_due_seconds") > 1)
        assert measured(metrics, "waiting") == 1
        assert measured(metrics, 'deliveries_total{outcome="delivered"}') == 1
        with manager:
            wait_for(lambda: manager.firing() == {one: "critical"})
            [alert] = manager.alerts()
            assert alert["labels"] == {
                "alertname": "C360Incident", "kind": "price_mismatch", "severity": "critical",
                "cause": "wrong_price", "channel": "pos", "location": "12", "realm": "default",
                "route": "page", "incident": one,
            }  # fmt: skip
            wait_for(lambda: measured(metrics, "waiting") == 0)
            assert measured(metrics, 'deliveries_total{outcome="delivered"}') > 1
            assert alert["startsAt"] == "2026-03-02T00:00:00.000Z"
            assert '"sku":"1"' in alert["annotations"]["subject"]
            both.told += [record(2), record(1, severity="high"), record(3, "acknowledged")]
            wait_for(lambda: manager.firing() == {one: "high", two: "critical"})
            ends = {each["labels"]["incident"]: each["endsAt"] for each in manager.alerts()}
            wait_for(
                lambda: all(
                    each["endsAt"] > ends[each["labels"]["incident"]] for each in manager.alerts()
                )
            )
            process.send_signal(signal.SIGKILL)
            process.wait()
        both.told.append(record(1, "resolved"))
    with manager, notify:
        wait_for(lambda: manager.firing() == {two: "critical"})
        both.told += [record(2, "acknowledged"), record(3)]
        wait_for(lambda: manager.firing() == {two: "critical", three: "critical"})
        both.told += [record(2, "resolved"), record(3, "retracted")]
        wait_for(lambda: manager.firing() == {})


def test_an_alert_that_nobody_repeats_expires(
    both: Both, manager: AlertmanagerProcess, tmp_path: Path
) -> None:
    """Alertmanager ends it at the time that it was given."""
    target = f'[[alertmanager]]\nname = "am"\nurl = "{manager.url}"\nrepeat_s = 1\nexpires_s = 3\n'
    both.told.append(record(1))
    with manager:
        with NotifyProcess(both, tmp_path, more=target):
            wait_for(manager.firing)
        wait_for(lambda: not manager.firing())
