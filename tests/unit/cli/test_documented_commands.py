"""Commands that prose names exist, with their options.

Commands of console blocks are run by tests/e2e/test_docs_run.py. Nothing is run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.app import app
from tests.unit.test_docs import ALL_PAGES, name_of, prose_of

NAMED = re.compile(r"`c360 ([^`]*)`")


def unknown_words(command: str) -> Iterator[str]:
    """Words of a command line that are no command, and no option of those before it; `a|b` are two
    commands, words behind a command are its arguments."""
    at: list[Any] = [typer.main.get_command(app)]
    options = {"--help"}
    for word in command.split():
        options |= {name for one in at for option in one.params for name in option.opts}
        if word.startswith(("-", "[")):
            yield from (name for name in re.findall(r"--[\w-]+", word) if name not in options)
            continue
        groups = [one.commands for one in at if hasattr(one, "commands")]
        names = re.findall(r"[\w-]+", word) if word[0].islower() else []
        if groups:
            yield from (name for name in names if not any(name in one for one in groups))
            at = [one[name] for one in groups for name in names if name in one] or at


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_commands_named_in_prose_exist(page: Path) -> None:
    """Every `c360 …` of a page names commands and options that there are."""
    for command in NAMED.findall(prose_of(page)):
        assert list(unknown_words(command)) == [], command


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("profile get anna@example.com", []),
        ("rejected list --limit 3", []),
        ("events list|export --since DAY", []),
        ("incidents mute ID [--until TIME]", []),
        ("profiles get", ["profiles"]),
        ("profile find", ["find"]),
        ("profile get --limit 3", ["--limit"]),
    ],
)
def test_unknown_words_are_found(command: str, unknown: list[str]) -> None:
    """A mistyped group, command or option is named; arguments are not."""
    assert list(unknown_words(command))[:1] == unknown
