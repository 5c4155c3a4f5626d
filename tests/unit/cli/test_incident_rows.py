"""An incident of each kind as a row of an export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import pytest

from schemas.incident import AnyIncident, Exposure
from services.cli.incident_export import EXPORTED, incident_row
from services.cli.output import write_csv
from services.consistency import scenario
from services.consistency.kinds import KINDS
from services.consistency.views import view_of

SCENARIOS = sorted((Path(__file__).parents[3] / "docs" / "scenarios").glob("*.toml"))
FILLED = ("incident_id", "kind", "state", "severity", "cause", "realm", "subject_type", "subject",
          "contradiction", "since", "due_at", "touchpoints")  # fmt: skip


def found_in_scenarios(kind: str, monkeypatch: pytest.MonkeyPatch) -> AnyIncident:
    """The first incident of a kind that the examples of the documentation have."""
    found: list[AnyIncident] = []

    def take(_: object, incidents: Iterable[AnyIncident]) -> list[str]:
        found.extend(incidents)
        return []

    monkeypatch.setattr(scenario, "compare", take)
    for path in SCENARIOS:
        text = path.read_text("utf-8")
        if kind in text:
            scenario.check_scenario(text)
        for one in found:
            if one.kind == kind:
                return view_of(KINDS[kind], one, Exposure(), [])
        found.clear()
    raise AssertionError(f"no scenario with an incident of {kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_row(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what it is about and what is wrong, as text, whatever a kind's details are."""
    incident = found_in_scenarios(kind, monkeypatch)
    stream = io.StringIO(newline="")
    assert write_csv([incident_row(incident)], EXPORTED, stream) == 1
    stream.seek(0)
    [row] = csv.DictReader(stream)
    assert {name: row[name] for name in FILLED if not row[name]} == {}
    assert row["contradiction"].removeprefix("'") == incident.details.in_words()
    assert row["subject"] == " ".join(map(str, incident.about.parts))
    assert row["subject_type"] == KINDS[kind].subject
    assert not [cell for cell in row.values() if cell.startswith(("{", "["))]
