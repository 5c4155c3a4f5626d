"""Sorts the stream by send time in bounded memory: sorted runs on disk, merged at the end.

Memory stays at one run. The order is (send time, entry number), so equal input gives equal bytes.
"""

from __future__ import annotations

import gzip
import heapq
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

RUN_BYTES_MAX = 8 * 1024 * 1024

Entry = tuple[int, int, bytes]
"""Send time in epoch seconds, entry number, line without its end."""


class Spool:
    """Takes lines in any order and writes them by send time. One writer, used once."""

    def __init__(self, run_bytes_max: int = RUN_BYTES_MAX) -> None:
        self._run_bytes_max = run_bytes_max
        self._run: list[Entry] = []
        self._run_bytes = 0
        self._spilled: list[IO[bytes]] = []
        self._stack = ExitStack()
        self.lines = 0
        self.bytes = 0

    def put(self, sent_at: int, line: bytes) -> None:
        """Keep one line; spills a run to a temporary file where memory is full."""
        self._run.append((sent_at, self.lines, line))
        self.lines += 1
        self.bytes += len(line) + 1
        self._run_bytes += len(line)
        if self._run_bytes >= self._run_bytes_max:
            self._spill()

    def write(self, out: Path) -> None:
        """Write everything to `out` (gzip where the name ends in .gz), whole or not at all."""
        self._run.sort()
        with self._stack, _replacing(out) as target:
            runs = [_read_back(spilled) for spilled in self._spilled]
            for _, _, line in heapq.merge(*runs, self._run):
                target.write(line + b"\n")

    def _spill(self) -> None:
        self._run.sort()
        spilled = tempfile.TemporaryFile()  # noqa: SIM115 - it lives until `write` has merged it
        self._spilled.append(self._stack.enter_context(spilled))
        for entry in self._run:
            pickle.dump(entry, spilled)
        spilled.seek(0)
        self._run, self._run_bytes = [], 0


def _read_back(spilled: IO[bytes]) -> Iterator[Entry]:
    while True:
        try:
            yield pickle.load(spilled)
        except EOFError:
            return


@contextmanager
def _replacing(out: Path) -> Iterator[IO[bytes]]:
    """A file beside `out` that takes its place only when everything is written."""
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as raw:
            if out.suffix == ".gz":
                # Without name and time, equal streams are equal files.
                with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield raw
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
