"""The list of commands, which the root shows without loading them, says what their modules say."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.cli.app import app
from services.cli.commands import COMMANDS

ROOT: Any = typer.main.get_command(app)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_module_says(name: str) -> None:
    """The help of each command in the list is the first paragraph of its own."""
    loaded, listed = ROOT.commands[name], ROOT.get_command(None, name)
    first = inspect.cleandoc(loaded.help).split("\n\n")[0]
    assert listed.help == " ".join(first.split())
    assert (loaded.name, loaded.hidden) == (listed.name, listed.hidden) == (name, listed.hidden)


def test_the_help_shows_every_command() -> None:
    """Each by its name, in the order of the list."""
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.output.split("Commands", 1)[1].splitlines()]
    assert [line[1] for line in lines if len(line) > 2 and line[1] in COMMANDS] == list(COMMANDS)


def test_an_unknown_command_is_refused_with_its_neighbour() -> None:
    """As a usage error; nothing has to be loaded to know what was meant."""
    wrong = CliRunner().invoke(app, ["profil"])
    assert wrong.exit_code == 2
    assert "'profile'" in wrong.output
