"""`c360 config`: the effective settings."""

from __future__ import annotations

import typer

from services.cli.output import print_json, print_table
from services.cli.state import AsJson, state_of


def config(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the effective settings, with secrets hidden. docs/settings.md explains each."""
    values = state_of(context).settings().model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    rows = [{"variable": f"C360_{name.upper()}", "value": value} for name, value in values.items()]
    print_table("Effective settings", rows, ("variable", "value"))
