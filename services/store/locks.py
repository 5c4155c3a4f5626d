"""The lock of a data directory: one process at a time may hold it.

It is a lock of the kernel on a file that names the holder, so that a killed process leaves nothing
to clean up.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from services.runtime.errors import StoreUnavailable

LOCK_FILE = "lock"
OWNER_ONLY = 0o700
OTHERS = 0o077
"""A data directory holds names, addresses and secrets."""
DIRECTORY_IN_USE = "directory_in_use"
"""Reason of a StoreUnavailable: another process holds the directory."""


class DirectoryLock:
    """Holds a data directory for this process; the kernel releases it even after SIGKILL."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_FILE
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Raises StoreUnavailable when another process holds it or it cannot be written."""
        try:
            self._path.parent.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            # Without a buffer: what a full disk did not take would fail once more at the close.
            file = self._path.open("ab+", buffering=0)
        except OSError as error:
            raise StoreUnavailable(
                f"data directory {self._path.parent} cannot be used: {error.strerror}. Choose "
                "another with --data-dir or C360_DATA_DIR, or make it writable."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().decode("ascii", "replace").strip() or "unknown"
            file.close()
            raise StoreUnavailable(
                f"data directory {self._path.parent} is in use by process {holder}. Wait until it "
                "ends, or stop it",
                reason=DIRECTORY_IN_USE,
            ) from error
        with suppress(OSError):  # informational; on a full disk the lock holds without it
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        self._file = file

    def is_held(self) -> bool:
        """Whether a process holds the directory now."""
        try:
            self.acquire()
        except StoreUnavailable:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Release the directory."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_to_others(data_dir: Path) -> list[Path]:
    """The directory, if other users may look into it, and then its files with secrets in them."""
    if not data_dir.is_dir() or not data_dir.stat().st_mode & OTHERS:
        return []
    secrets = [one for one in data_dir.glob("*.env") if one.stat().st_mode & OTHERS]
    return [data_dir, *secrets]
