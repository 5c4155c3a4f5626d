"""A file that is read several times: as it stands, or as gzip holds it.

Standard input and pipes can be read once only, and are refused.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from services.ingest.lines import InputError, InputMissing
from services.intake.files import GZIP_MAGIC, named


class TableFile:
    """A file by its name; `read` opens it anew each time."""

    def __init__(self, name: str) -> None:
        """Raises InputMissing if it cannot be opened, InputError if it cannot be read twice."""
        self.name = named(name)
        self._path = Path(name)
        if name == "-" or self._path.is_fifo():
            raise InputError(f"{self.name} can be read once only; save it as a file first")
        if self._path.is_dir():
            raise InputMissing(f"cannot read {self.name}: it is a directory")
        with self._raw() as stream:
            head = stream.read(8)
        self.is_packed = head.startswith(GZIP_MAGIC)
        with self.read() as stream:
            self.head = stream.read(64 * 1024)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def _raw(self) -> IO[bytes]:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise InputMissing(f"cannot read {self.name}: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[IO[bytes]]:
        """Its bytes, unpacked. Raises InputError where it is damaged."""
        with self._raw() as raw:
            try:
                if self.is_packed:
                    with gzip.open(raw, "rb") as unpacked:
                        yield cast(IO[bytes], unpacked)
                else:
                    yield raw
            except (EOFError, OSError, zlib.error) as error:
                what = "a damaged or truncated gzip file" if self.is_packed else "not readable"
                raise InputError(f"{self.name} is {what} ({error})") from error
