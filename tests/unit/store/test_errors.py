"""Faults of the embedded engine: what lacks for a while is a Retry that names it."""

from __future__ import annotations

import errno

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from services.runtime.errors import C360Error, Fatal, Retry, StoreUnavailable
from services.store.errors import Server, translated


def judged(error: Exception, server: Server | None = None) -> C360Error:
    """What the error becomes."""
    with pytest.raises(C360Error) as raised, translated(server):
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "out of files"),
        (OSError(errno.ENFILE, "Too many open files in system"), "out of files"),
        (
            DatabaseError("Code: 76. Cannot open file x, errno: 24, strerror: Too many open files"),
            "out of files",
        ),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory"),
        (MemoryError(), "out of memory"),
        (DatabaseError("Code: 241. DB::Exception: memory limit exceeded"), "out of memory"),
        (DatabaseError("Code: 173. DB::Exception: Cannot allocate memory"), "out of memory"),
        (
            DatabaseError(
                "Code: 270. Cannot compress with ZSTD: Allocation error : not enough memory"
            ),
            "out of memory",
        ),
        (
            DatabaseError("Code: 1001. std::exception. Code: 1001, type: std::bad_alloc"),
            "out of memory",
        ),
        (DatabaseError("Code: 1001. thread constructor failed: EAGAIN"), "out of threads"),
        (RuntimeError("can't start new thread"), "out of threads"),
        (DatabaseError("Code: 439. Cannot schedule a task"), "out of threads"),
        (OSError(errno.EFBIG, "File too large"), "ulimit -f"),
        (DatabaseError("Code: 75. Cannot write to file, errno: 27, File too large"), "ulimit -f"),
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space"),
        (DatabaseError("Code: 243. Cannot reserve 1.00 MiB, not enough space"), "Free some space"),
        (DatabaseError("Code: 75. Cannot write: No space left on device"), "Free some space"),
        (
            DatabaseError(
                "Code: 730. DB::Exception: Refresh failed: Code: 243. DB::Exception: Cannot "
                "reserve 1.00 MiB. (NOT_ENOUGH_SPACE), Stack trace (when copying this message …"
            ),
            "Free some space",
        ),
    ],
)
def test_what_lacks_for_a_while(error: Exception, words: str) -> None:
    """It may be tried again, and the text says what lacks; only a full disk speaks of space."""
    found = judged(error)
    assert isinstance(found, Retry)
    assert words in str(found)
    assert ("space" in words) == ("Free some space" in str(found))


@pytest.mark.parametrize("server", [None, Server("http://store", "worker", "c360")])
@pytest.mark.parametrize("code", [236, 341])
def test_a_removal_that_was_stopped_is_tried_again(code: int, server: Server | None) -> None:
    """As by somebody who drops a partition of the table or ends its mutations."""
    error = DatabaseError(f"Code: {code}. DB::Exception: stopped")
    assert isinstance(judged(error, server), Retry)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EROFS, "Read-only file system"),
        OSError(errno.EACCES, "Permission denied"),
        DatabaseError("Code: 76. Cannot open file: Read-only file system"),
    ],
)
def test_a_directory_that_may_not_be_written(error: Exception) -> None:
    """Waiting does not help; it is no question of space."""
    found = judged(error)
    assert isinstance(found, StoreUnavailable)
    assert "Make it writable" in str(found)


def test_a_full_disk_has_its_own_exit_code() -> None:
    """A command that gives up on a full disk ends as with every other unusable directory."""
    assert judged(OSError(errno.ENOSPC, "full")).exit_code == StoreUnavailable.exit_code


def test_other_faults() -> None:
    """A statement that the engine refuses is no lack of anything; foreign errors pass."""
    found = judged(DatabaseError("Code: 62. Syntax error"))
    assert isinstance(found, Fatal)
    with pytest.raises(RuntimeError, match="something else"), translated(None):
        raise RuntimeError("something else")
