"""A file that programs pick up: under its name stands a whole one, or what was there before.

It is written beside its place, under a name that begins with a dot and ends in `.part`, and renamed
when all of it is on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Annotated, Any, BinaryIO, TextIO

import typer

from services.cli.output import OutputFailed, standard_output

OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Written here when all is read, instead of to standard output.",
        readable=False,
    ),
]


def destination(output: Path | None) -> AbstractContextManager[TextIO]:
    """Standard output, or the file that is named instead."""
    return standard_output() if output is None else whole_file(output)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """The file, in UTF-8, for the time of the with block; it is there when the block has ended.

    If the block raises, nothing has changed. A file that is replaced keeps its permissions, a link
    its target's place. What is no file, as a pipe or a device, is written to directly.

    Raises:
        OutputFailed: it cannot be written, as in a directory that is not there, or on a full disk.
    """
    yield from _whole(path, "w", encoding="utf-8", newline="")


@contextmanager
def whole_bytes(path: Path) -> Iterator[BinaryIO]:
    """The same for a file of bytes."""
    yield from _whole(path, "wb")


def _whole(path: Path, mode: str, **given: Any) -> Iterator[Any]:
    try:
        if path.exists() and not path.is_file():
            with path.open(mode, **given) as stream:
                yield stream
        else:
            yield from _replaced(Path(os.path.realpath(path)), mode, **given)
    except OSError as error:
        raise OutputFailed.of(error, str(path)) from error


def _replaced(path: Path, mode: str, **given: Any) -> Iterator[IO[Any]]:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open(mode, **given) as stream:
            if path.exists():
                part.chmod(path.stat().st_mode)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:  # also Ctrl-C
        with suppress(OSError):
            part.unlink()
        raise
