"""`c360 incidents simulate` as a process: text, JSON, through `c360 up`, wrong files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.api.queries.simulation import SimulationReport
from tests.e2e.runs import c360, wait_for
from tests.e2e.test_incident_actions import WRONG
from tests.e2e.up import running

PATIENT = "version = 'patient'\n[price_mismatch]\ngrace_start_hours = { default = 48 }\n"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one open incident, and a rules file under which it is pending."""
    c360(tmp_path / "data", "ingest", "-", stdin=WRONG)
    (tmp_path / "patient.toml").write_text(PATIENT, "utf-8")
    return tmp_path / "data"


def simulated(data_dir: Path, *arguments: str) -> SimulationReport:
    """The document that is printed."""
    file = str(data_dir.parent / "patient.toml")
    printed = c360(data_dir, "incidents", "simulate", file, "--json", *arguments).stdout
    return SimulationReport.model_validate_json(printed)


def test_an_incident_that_would_still_be_pending(data_dir: Path) -> None:
    """As JSON, as text and through the service that holds the directory; nothing changes."""
    before = c360(data_dir, "state", "digest").stdout
    told = simulated(data_dir)
    [change] = told.changes
    sides = [one and one.state for one in (change.present, change.simulated)]
    assert sides == ["open", "pending"]
    assert change.changed == ["state"]
    [numbers] = told.summary.by_kind
    assert (numbers.present_open, numbers.simulated_open, numbers.changes) == (1, 0, 1)
    assert told.summary.simulated_rules == "patient"

    file = str(data_dir.parent / "patient.toml")
    text = c360(data_dir, "incidents", "simulate", file).stdout
    assert "price_mismatch: changes, for example" in text
    assert f"{told.summary.books} books judged as of 2026-03-03" in text
    assert c360(data_dir, "state", "digest").stdout == before
    with running(data_dir) as up:  # its tick follows the clock: the longer grace is over, too
        wait_for(lambda: simulated(data_dir).changes == [])
        assert simulated(data_dir).summary.books == told.summary.books
        assert up.stop() == 0


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("grace = 4", 65, "grace: neither a kind"),
        ("grace_end_hours = { pos = 1 }", 65, "grace_end_hours needs a row `default`"),
        ("version = ", 65, "Invalid value"),
        (None, 66, "No such file"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str | None, code: int, told: str) -> None:
    """The message names the file and the rule; the store is not needed for it."""
    file = tmp_path / "rules.toml"
    if text is not None:
        file.write_text(text, "utf-8")
    failed = c360(tmp_path / "data", "incidents", "simulate", str(file), code=code)
    assert f"rules file {file}" in failed.stderr.replace("\n", "")
    assert told in failed.stderr.replace("\n", " ")


def test_no_difference(data_dir: Path, tmp_path: Path) -> None:
    """An empty file is the defaults."""
    (tmp_path / "none.toml").write_text("", "utf-8")
    text = c360(data_dir, "incidents", "simulate", str(tmp_path / "none.toml")).stdout
    assert "no difference" in text
    printed = c360(data_dir, "incidents", "simulate", str(tmp_path / "none.toml"), "--json").stdout
    assert json.loads(printed)["changes"] == []
