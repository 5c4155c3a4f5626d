"""Console blocks of README and docs: the commands of each section, and what the page prints.

A command begins with `$ `; a here-document, an open quotation, and a line that ends with a pipe or
a backslash go on below. Other lines are what it prints. It never runs anything.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
CONSOLE = "console"
TOLERATED = (
    (re.compile(r"\b[0-9a-f]{8}-(([0-9a-f]{4}-){3}[0-9a-f]{12}\b|…)"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}[0-9a-f]*\b"), "HEX"),
    (re.compile(r"in [\d.]+ s \([\d,]+/s\)"), "in N s (N/s)"),
    (re.compile(r"127\.0\.0\.1:\d{5}\b"), "127.0.0.1:PORT"),
    (re.compile(r"\s+"), " "),
)
"""What differs from run to run: ids, hashes, durations, free ports, blanks that align columns."""


class Step(NamedTuple):
    """A command as pasted, and the lines that the page prints below it."""

    command: str
    printed: tuple[str, ...]


class Section(NamedTuple):
    """What stands under one heading: a person reads it, and pastes it into one shell."""

    heading: str
    steps: tuple[Step, ...]


class Fence(NamedTuple):
    """A fenced block, and the heading that it stands under."""

    heading: str
    language: str
    lines: tuple[str, ...]


def name_of(page: Path) -> str:
    """The page by its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def fences_of(text: str) -> Iterator[Fence]:
    """All fenced blocks of a page, in order."""
    heading, language, lines = "", None, list[str]()
    for line in text.splitlines():
        if line.startswith("```"):
            if language is not None:
                yield Fence(heading, language, tuple(lines))
            language, lines = (line[3:] if language is None else None), []
        elif language is not None:
            lines.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    assert language is None, f"a block under '{heading}' has no end"


def sections_of(text: str) -> list[Section]:
    """The sections of a page that have commands; blocks under one heading belong together."""
    found: dict[str, list[Step]] = {}
    for fence in fences_of(text):
        if fence.language == CONSOLE:
            found.setdefault(fence.heading, []).extend(steps_of(fence.lines))
    return [Section(heading, tuple(steps)) for heading, steps in found.items()]


def steps_of(lines: Sequence[str]) -> list[Step]:
    """The commands of a block."""
    steps: list[Step] = []
    for line in lines:
        if steps and not steps[-1].printed and _goes_on(steps[-1].command):
            steps[-1] = Step(f"{steps[-1].command}\n{line}", ())
        elif line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ "), ()))
        else:
            assert steps, f"a block begins with {line!r}, which is no command"
            steps[-1] = Step(steps[-1].command, (*steps[-1].printed, line))
    assert not [one for one in steps if _goes_on(one.command)], "a command does not end"
    return steps


def _goes_on(command: str) -> bool:
    """Whether a shell would wait for another line."""
    first, *others = command.splitlines()
    if document := re.search(r"<<'(\w+)'", first):
        return document[1] not in others
    try:
        shlex.split(command)
    except ValueError:  # a quotation that is open, or a backslash at the end
        return True
    return command.endswith("|")


def is_printed(expected: Sequence[str], output: str) -> bool:
    """Whether the output is that of the page, but for what is TOLERATED and empty lines.

    `…` stands for any text within a line, and alone for any number of lines.
    """
    return _matches(_plain(expected), _plain(output.splitlines()))


def missing_line(expected: Sequence[str], output: str) -> str:
    """The first of the lines that the output does not have, in their order; empty if it has all."""
    rest = iter(_plain(output.splitlines()))
    for line in _plain(expected):
        if not any(_is_like(line, one) for one in rest):
            return line
    return ""


def _matches(expected: Sequence[str], actual: Sequence[str]) -> bool:
    if not expected:
        return not actual
    if expected[0] == "…":
        return any(_matches(expected[1:], actual[start:]) for start in range(len(actual) + 1))
    return bool(actual) and _is_like(expected[0], actual[0]) and _matches(expected[1:], actual[1:])


def _is_like(expected: str, actual: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), actual) is not None


def _plain(lines: Sequence[str]) -> list[str]:
    found = []
    for line in lines:
        for pattern, instead in TOLERATED:
            line = pattern.sub(instead, line)
        found.append(line.strip())
    return [line for line in found if line]
