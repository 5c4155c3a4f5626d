"""What an error of ClickHouse means: the driver's errors become our families, with advice.

What lacks for a while (memory, files, threads, room on the disk) is a Retry that says what to do:
a command gives up after a while, a service waits. A directory that may not be written is not.
"""

from __future__ import annotations

import errno
import re
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, OperationalError
from urllib3.exceptions import HTTPError

from services.runtime.errors import C360Error, ConfigurationError, Fatal, Retry, StoreUnavailable

BAD_VALUES = (struct.error, OverflowError, ValueError, TypeError, ArithmeticError, DataError)
BAD_VALUE_CODES = frozenset({6, 27, 53, 69, 70, 407})
"""Cannot parse, type mismatch, out of bounds, cannot convert, decimal overflow."""
TRANSIENT_CODES = frozenset({159, 202, 236, 252, 341})
LACKS: dict[str, tuple[frozenset[int], frozenset[int], tuple[str, ...]]] = {
    "files": (frozenset({errno.EMFILE, errno.ENFILE}), frozenset(), ("Too many open files",)),
    "memory": (
        frozenset({errno.ENOMEM}),
        frozenset({173, 241}),
        ("not enough memory", "Cannot allocate memory", "bad_alloc"),
    ),
    "threads": (
        frozenset({errno.EAGAIN}),
        frozenset({439}),
        ("no free thread", "start thread", "thread constructor failed"),
    ),
    "room in one file": (frozenset({errno.EFBIG}), frozenset(), ("File too large",)),
}
"""What a process may be out of: numbers of the system, codes of the engine, words of both. The
engine has no code of its own for most ways to find out."""
NO_ROOM_CODES = frozenset({243})
NO_ROOM_WORDS = ("No space left", "NOT_ENOUGH_SPACE")
"""Also within an error of another code, as that of a refreshed view."""
FILE_CODES = frozenset({75, 76})
"""The engine cannot write or open a file; the text says why."""
TRANSIENT_STATUSES = frozenset({408, 429, 502, 503, 504})
ADVICE_BY_CODES = (
    ((159, 160, 209), "it took too long: look at the server's load, or raise the time limit "
     "(C360_CLICKHOUSE_TIMEOUT_S)"),
    ((202, 203, 745), "it has too many queries to answer: look at who else uses it "
     "(system.processes)"),
    ((241,), "its memory is used up: look at system.processes and its memory limits"),
    ((243,), "its disk is full: free some space on the server (system.disks)"),
    ((252,), "parts come faster than it merges them: look at system.parts and system.merges"),
    ((242, 225, 244, 999), "it has lost its Keeper and takes no writes until it is back: look at "
     "system.replicas and at the Keepers"),
    ((285, 286, 289, 319), "the quorum of replicas is not there, or another insert still waits for "
     "its own: look at system.replicas"),
    ((254, 255, 279, 416), "its replicas cannot be reached: look at system.replicas"),
    ((198, 210), "it has trouble with its network: look at its log"),
    ((236, 394, 735), "the statement was stopped, perhaps because the server shuts down"),
    ((341,), "a change of parts was not completed, perhaps because somebody stopped it: look at "
     "system.mutations"),
    ((3, 32, 425, 439, 473, 499, 1000), "it has trouble with its system: look at its log"),
)  # fmt: skip
LACK_ADVICE = {
    "files": "let it open more (ulimit -n), or fewer connections (C360_HTTP_CONNECTIONS_MAX)",
    "memory": "give it more, or smaller batches (C360_BATCH_EVENTS_MAX)",
    "threads": "let it start more (ulimit -u, or the pids limit of its container)",
    "room in one file": "let its files be larger (ulimit -f)",
}
SERVER_ADVICE = {code: advice for codes, advice in ADVICE_BY_CODES for code in codes}
_CODE = re.compile(r"\bCode:\s*(\d+)")
_STATUS = re.compile(r"HTTP status (\d{3})")


class NoRoom(Retry):
    """The disk of the data directory is full."""

    exit_code = StoreUnavailable.exit_code


class Unstorable(Fatal):
    """A row that the store refuses on every attempt."""


class Server(NamedTuple):
    """A ClickHouse server, as messages name it."""

    url: str
    user: str
    database: str


@contextmanager
def translated(server: Server | None) -> Iterator[None]:
    """Translates errors of the driver into ours. `server` is None for the embedded engine."""
    try:
        yield
    except RuntimeError as error:
        if server is None and "can't start new thread" in str(error):
            raise _lacking(error, "threads") from error
        raise
    except (ClickHouseError, HTTPError, OSError, MemoryError, *BAD_VALUES) as error:
        raise (_embedded(error) if server is None else _at(server, error)) from error


def _embedded(error: Exception) -> C360Error:
    code, text = _code_of(error), first_line(str(error))
    number = error.errno if isinstance(error, OSError) else None
    for what, (numbers, codes, words) in LACKS.items():
        if number in numbers or code in codes or any(word in text for word in words):
            return _lacking(error, what)
    if isinstance(error, MemoryError):
        return _lacking(error, "memory")
    if (
        number in (errno.ENOSPC, errno.EDQUOT)
        or code in NO_ROOM_CODES
        or any(one in text for one in NO_ROOM_WORDS)
    ):
        return NoRoom(
            f"the data directory cannot be written: {text}. Free some space, then run the same "
            "command again (a running service goes on by itself): what was acknowledged is kept, "
            "the rest is read again."
        )
    if number is not None or code in FILE_CODES or "Read-only file system" in text:
        return StoreUnavailable(
            f"the data directory cannot be written: {text}. Make it writable, then run the same "
            "command again: what was acknowledged is kept, the rest is read again."
        )
    if code in TRANSIENT_CODES:
        return Retry(f"ClickHouse cannot answer now: {text}")
    return _refused(error, code)


def _lacking(error: Exception, what: str) -> Retry:
    return Retry(f"the process is out of {what}; {LACK_ADVICE[what]}: {first_line(str(error))}")


def _at(server: Server, error: Exception) -> C360Error:
    code, text = _code_of(error), first_line(str(error))
    if code is None:
        return _unanswered(server, error)
    if code in SERVER_ADVICE:
        return Retry(f"ClickHouse at {server.url} cannot do it now, {SERVER_ADVICE[code]}: {text}")
    return _misconfigured(server, code) or _refused(error, code)


def _unanswered(server: Server, error: Exception) -> C360Error:
    """An error that does not come from ClickHouse itself but from the network or a proxy."""
    found = _STATUS.search(str(error))
    if found:
        text = f"{server.url} answers HTTP {found[1]}, not as ClickHouse does"
        if int(found[1]) in TRANSIENT_STATUSES:
            return Retry(f"{text}: look at the server and the proxy before it")
        return ConfigurationError(f"{text}. Is C360_CLICKHOUSE_URL its HTTP interface?")
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return ConfigurationError(
            f"the certificate of {server.url} is not trusted ({first_line(str(causes[-1]))}). Set "
            "C360_CLICKHOUSE_CA_FILE to the certificates it is signed with."
        )
    if isinstance(error, OSError | HTTPError | OperationalError):
        # Only the innermost cause: the outer ones quote the address with all its parameters.
        return Retry(
            f"ClickHouse at {server.url} does not answer ({first_line(str(causes[-1]))}): look "
            "whether it runs, and at C360_CLICKHOUSE_URL"
        )
    return _refused(error, None)


def _misconfigured(server: Server, code: int) -> ConfigurationError | None:
    if code in (192, 193, 194, 516):
        return ConfigurationError(
            f"ClickHouse at {server.url} refuses user {server.user!r}: check C360_CLICKHOUSE_USER "
            "and C360_CLICKHOUSE_PASSWORD"
        )
    if code in (60, 81):
        return ConfigurationError(
            f"ClickHouse at {server.url} has no database {server.database!r}, or not all of its "
            "tables; make them with 'c360 migrate', or check C360_CLICKHOUSE_DATABASE"
        )
    if code in (164, 497):
        return ConfigurationError(
            f"user {server.user!r} may not do this on ClickHouse at {server.url}; "
            "docs/clickhouse.md lists the grants that are needed"
        )
    if code in (139, 701):
        return ConfigurationError(
            f"ClickHouse at {server.url} lacks the cluster or a macro: check "
            "C360_CLICKHOUSE_CLUSTER against system.clusters, and that system.macros has 'shard' "
            "and 'replica'"
        )
    return None


def _refused(error: Exception, code: int | None) -> C360Error:
    text = first_line(str(error))
    if isinstance(error, BAD_VALUES) or code in BAD_VALUE_CODES:
        return Unstorable(f"a value does not fit its column: {text}")
    return Fatal(f"ClickHouse refused a statement: {text}")


def _code_of(error: Exception) -> int | None:
    """The code that the driver has, else the one in the text (errors in the middle of a result)."""
    code: int | None = getattr(error, "code", None)
    if isinstance(code, int) or not isinstance(error, ClickHouseError):
        return code if isinstance(code, int) else None
    found = _CODE.search(str(error))
    return int(found[1]) if found else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, the innermost last."""
    current: BaseException | None = error
    for _ in range(20):
        if current is None:
            return
        yield current
        reason = getattr(current, "reason", None)  # urllib3 keeps the cause there
        inner = reason if isinstance(reason, BaseException) else None
        current = inner or current.__cause__ or current.__context__


def first_line(text: str) -> str:
    """The first line of an error, bounded."""
    text = text.strip().partition(", Stack trace")[0]
    return text.splitlines()[0][:500] if text else "no reason given"
