"""`c360 incidents`: where channels contradict each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.incident import IncidentState
from schemas.touchpoint import DEFAULT_REALM
from services.cli.output import out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of
from services.consistency.core.scenario import check_scenario
from services.ingest.lines import InputError, InputMissing

SHOWN = (
    "incident_id", "state", "severity", "cause", "sku", "channel", "location", "expected",
    "observed", "since", "until", "customers", "overcharged",
)  # fmt: skip
app = typer.Typer(help="Look at contradictions between channels.", no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        list[IncidentState] | None,
        typer.Option(help="Only these states; without it, all but retracted ones."),
    ] = None,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Incidents with their exposure, the oldest first."""
    with state_of(context).session() as session:
        states = [one.value for one in state] if state else None
        rows = list(session.call("incidents_list", realm=realm, states=states))
    if as_json:
        print_json(rows)
    else:
        print_incidents("Incidents", rows)


def print_incidents(title: str, rows: list[dict[str, object]]) -> None:
    """Incidents for people."""
    flat = []
    for row in rows:
        exposure = row["exposure"]
        assert isinstance(exposure, dict)
        flat.append({**row, **exposure, "incident_id": str(row["incident_id"])[:8]})
    print_table(title, flat, SHOWN)


@app.command()
def show(
    context: typer.Context,
    incident_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One incident with its evidence."""
    with state_of(context).session() as session:
        arguments = {"realm": realm, "incident_id": incident_id}
        row = next(session.call("incidents_show", **arguments))
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        out.print(f"{name:>14}  {value}", markup=False)


@app.command()
def check(
    scenario: Annotated[
        Path, typer.Argument(help="Scenario file (TOML); see docs/consistency.md.")
    ],
    as_json: AsJson = False,
) -> None:
    """Run one scenario of offers and ticks, and compare the incidents with what it expects."""
    try:
        report = check_scenario(scenario.read_text("utf-8"))
    except OSError as error:
        raise InputMissing(f"cannot read {scenario}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{scenario}: {error}") from error
    if as_json:
        differences = list(report.differences)
        print_json({"version": 1, "passed": report.passed, "differences": differences})
    else:
        for difference in report.differences:
            out.print(difference, markup=False)
        out.print("pass" if report.passed else "[bold red]the scenario fails[/]")
    if not report.passed:
        raise typer.Exit(1)
