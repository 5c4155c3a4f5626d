"""A file of an export: whole under its name, or what was there before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from schemas.incident import AnyIncident, Exposure
from services.api.operation import plain
from services.cli.incidents import app
from services.cli.output import OutputFailed
from services.cli.whole_file import whole_file
from services.consistency.kinds import KINDS
from services.consistency.views import view_of
from services.runtime.errors import Retry
from tests.unit.consistency.market import claim, only

MANY = 3_000
FORMER = "of yesterday\n"


def a_wrong_price() -> AnyIncident:
    """An incident as lists show it."""
    claims = [claim(one, "10", 0) for one in ("app", "pos", "shop")]
    found = only([*claims, claim("shop", "12", 10)], 30)
    return view_of(KINDS[found.kind], found, Exposure(), [])


class ManyIncidents:
    """A command line on a store that gives the same incident again and again, and then fails."""

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        """`after` is called when all are given."""
        self._after = after

    def zone(self, realm: str) -> tzinfo:
        """Times are in UTC."""
        return UTC

    @contextmanager
    def session(self) -> Iterator[ManyIncidents]:
        """The session itself."""
        yield self

    def run(self, operation: Any, request: Any) -> Iterator[BaseModel]:
        """See Session."""
        found = a_wrong_price()
        for _ in range(MANY):
            yield found
        self._after()


def export(state: ManyIncidents, path: Path, *arguments: str) -> Result:
    """The command, to a file."""
    return CliRunner().invoke(app, ["export", "--output", str(path), *arguments], obj=state)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of a former export, alone in its directory."""
    there = tmp_path / "incidents.csv"
    there.write_text(FORMER, "utf-8")
    return there


def alone(path: Path) -> bool:
    """Whether nothing else is in the directory."""
    return list(path.parent.iterdir()) == [path]


def test_the_file_changes_when_all_is_written(path: Path) -> None:
    """Until then the former one stands there; what is read is not kept in memory."""

    def look() -> None:
        [part] = set(path.parent.iterdir()) - {path}
        assert part.stat().st_size > 500_000
        assert path.read_text("utf-8") == FORMER

    result = export(ManyIncidents(look), path, "--format", "jsonl")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"exported {MANY} incidents to {path}\n"
    assert alone(path)
    lines = path.read_text("utf-8").split("\n")
    assert lines.pop() == ""
    assert len(lines) == MANY
    assert json.loads(lines[0]) == plain(a_wrong_price())


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), Retry("the store is away"), SystemExit(1)])
@pytest.mark.parametrize("is_there", [True, False])
def test_an_export_that_is_cut_short(path: Path, fault: BaseException, is_there: bool) -> None:
    """It leaves the former file, or none, and nothing beside it."""
    if not is_there:
        path.unlink()

    def fail() -> None:
        raise fault

    assert export(ManyIncidents(fail), path).exit_code != 0
    assert list(path.parent.iterdir()) == ([path] if is_there else [])
    assert not is_there or path.read_text("utf-8") == FORMER


FULL_DISK = """
import resource, sys
from pathlib import Path
from services.cli.output import OutputFailed
from services.cli.whole_file import whole_file
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    with whole_file(Path(sys.argv[1])) as stream:
        for _ in range(200_000):
            stream.write("a line\\n")
except OutputFailed as error:
    print(error)
"""


def test_a_full_disk(path: Path) -> None:
    """One sentence names the file; here a limit to the size of files stands for the disk's."""
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path} cannot be written: File too large\n"
    assert alone(path)
    assert path.read_text("utf-8") == FORMER


def test_places_that_take_no_file(tmp_path: Path) -> None:
    """A directory, one that is not there, and a device without room, which stays a device."""
    for place, why in (
        (tmp_path, "Is a directory"),
        (tmp_path / "no" / "x.csv", "No such file or directory"),
        (tmp_path / ("x" * 300), "File name too long"),
        (Path("/dev/full"), "No space left on device"),
    ):
        result = export(ManyIncidents(), place)
        assert isinstance(result.exception, OutputFailed)
        assert str(result.exception) == f"{place} cannot be written: {why}"
        assert result.exception.exit_code == 74
    assert Path("/dev/full").is_char_device()
    assert list(tmp_path.iterdir()) == []


def test_permissions_and_links_stay(path: Path) -> None:
    """Who may read the file may read its successor, and nobody else; a link still leads there."""
    path.chmod(0o640)
    link = path.with_name("latest.csv")
    link.symlink_to(path.name)
    with whole_file(link) as stream:
        stream.write("of today\n")
    assert os.readlink(link) == path.name
    assert path.read_text("utf-8") == "of today\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_line_ends_are_written_as_they_are(tmp_path: Path) -> None:
    """On every system, so that the bytes of a file and of standard output are the same."""
    with whole_file(tmp_path / "x") as stream:
        stream.write("a\r\nb\nä\n")
    assert (tmp_path / "x").read_bytes() == "a\r\nb\nä\n".encode()
