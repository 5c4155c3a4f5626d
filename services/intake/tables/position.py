"""How far a file was imported into a data directory: a small file in it, written batch by batch.

It stands in the directory whose events it speaks of, so that a copy of the one is a copy of both.
It only saves time: events that come again change nothing. It names no customer.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.import_map import ImportMap

FOLDER = "imports"


class ImportPosition(BaseModel):
    """How far it was, and of which state of the file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str
    size: int
    mtime_ns: int
    map: str
    row: int = 0
    """Up to this row everything is stored or refused."""
    errors: str = ""
    """The file of refused rows."""
    errors_size: int = 0


class PositionFile:
    """The position of one file under one map."""

    def __init__(self, data_dir: Path, file: Path, map_: ImportMap) -> None:
        """Reads nothing yet. Raises OSError if there is no such file."""
        stat = file.stat()
        self._now = ImportPosition(
            file=str(file.resolve()),
            size=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
            map=hashlib.sha256(map_.model_dump_json().encode()).hexdigest(),
        )
        key = hashlib.sha256(f"{self._now.file}\n{self._now.map}".encode()).hexdigest()[:32]
        self._path = data_dir / FOLDER / f"{key}.json"

    def read(self) -> ImportPosition:
        """Where an import was cut off; the beginning, if none was or the file is another now."""
        try:
            found = ImportPosition.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return self._now
        is_same = found.model_copy(update={"row": 0, "errors": "", "errors_size": 0}) == self._now
        errors = Path(found.errors)
        is_there = not found.errors_size or (
            errors.is_file() and errors.stat().st_size >= found.errors_size
        )
        return found if is_same and is_there else self._now

    def write(self, row: int, errors: Path, errors_size: int) -> None:
        """Everything up to that row is done. Raises OSError."""
        update = {"row": row, "errors": str(errors.absolute()), "errors_size": errors_size}
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(orjson.dumps(self._now.model_copy(update=update).model_dump()))
        beside.replace(self._path)

    def remove(self) -> None:
        """The import is complete."""
        with suppress(OSError):
            self._path.unlink()
            self._path.parent.rmdir()
