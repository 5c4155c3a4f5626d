"""The pool of read connections: bounded, quick to refuse, whole again when the store is back."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from services.api.pool import (
    AWAY_S,
    AWAY_TEXT,
    BUSY,
    SLOW,
    PoolLimits,
    ReadPool,
    limits_of,
    limits_of_measures,
)
from services.runtime.errors import C360Error, Fatal, InvalidInput, InvalidState, NotFound, Retry
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.store.deadline import require_time

DEADLINE_S = 20
SOON_S = 0.05
LIMITS = PoolLimits(connections=2, waiting_max=3, wait_s=DEADLINE_S, limit_s=DEADLINE_S)


class Connection:
    """A connection to a store that answers at once, or when it is let."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_closed = False


class Shelf:
    """Opens connections, and remembers them all."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.failure: C360Error | None = None
        self.asked = 0

    def open(self) -> Connection:
        """Open one, unless it has to fail."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        self.opened.append(Connection(len(self.opened)))
        return self.opened[-1]

    def close(self, connection: Connection) -> None:
        """Close one, once."""
        assert not connection.is_closed
        connection.is_closed = True


class Gate:
    """Work that waits until it is let go on."""

    def __init__(self) -> None:
        self.entered = 0
        self._open = threading.Event()

    def __call__(self, connection: Connection) -> int:
        """Wait; the number of the connection."""
        assert not connection.is_closed
        self.entered += 1
        assert self._open.wait(DEADLINE_S)
        return connection.number

    def open(self) -> None:
        """Let all go on."""
        self._open.set()


class Pool(ReadPool[Connection]):
    """A pool over a shelf, with a clock that stands still."""

    def __init__(self, limits: PoolLimits = LIMITS, advice: str = "") -> None:
        self.shelf = Shelf()
        self.metrics = Metrics()
        self.now_s = 100.0
        super().__init__(
            self.shelf.open,
            self.shelf.close,
            limits,
            self.metrics,
            lambda: self.now_s,
            advice=advice,
        )

    def waiting(self) -> float:
        """What the metric says."""
        found = self.metrics.registry.get_sample_value("c360_api_reads_waiting")
        assert found is not None
        return found


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition of this process."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - of another thread
            await asyncio.sleep(0.001)


def number_of(connection: Connection) -> int:
    """Work that answers at once."""
    assert not connection.is_closed
    return connection.number


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    """A gate that is open at the end, so that no thread stays."""
    made = Gate()
    yield made
    made.open()


async def test_connections_are_used_again() -> None:
    """Reads one after the other need one connection; it is closed with the pool."""
    pool = Pool()
    assert [await pool.run(number_of) for _ in range(5)] == [0] * 5
    pool.close()
    assert [one.is_closed for one in pool.shelf.opened] == [True]


async def test_a_connection_reads_for_one_request_at_a_time(gate: Gate) -> None:
    """So many reads run as there are connections; others wait, are counted, and get their turn."""
    pool = Pool()
    running = [asyncio.create_task(pool.run(gate)) for _ in range(5)]
    await until(lambda: gate.entered == 2 and pool.waiting() == 3)
    assert not any(one.done() for one in running)
    gate.open()
    assert set(await asyncio.gather(*running)) == {0, 1}
    assert len(pool.shelf.opened) == 2
    assert pool.waiting() == 0


async def test_more_than_may_wait_are_refused_at_once(gate: Gate) -> None:
    """A request beyond the limit hears that the service is busy, and nothing is asked for it."""
    pool = Pool()
    running = [asyncio.create_task(pool.run(gate)) for _ in range(5)]
    await until(lambda: pool.waiting() == LIMITS.waiting_max)
    for _ in range(10):
        with pytest.raises(Retry) as refused:
            await pool.run(gate)
        assert refused.value.reason == BUSY
    assert gate.entered == 2
    gate.open()
    await asyncio.gather(*running)


async def test_nobody_waits_for_long(gate: Gate) -> None:
    """A request that no connection becomes free for in time is refused, and waits no more."""
    pool = Pool(LIMITS._replace(connections=1, wait_s=SOON_S))
    running = asyncio.create_task(pool.run(gate))
    await until(lambda: gate.entered == 1)
    with pytest.raises(Retry) as refused:
        await pool.run(number_of)
    assert refused.value.reason == BUSY
    assert pool.waiting() == 0
    gate.open()
    assert await running == 0
    assert await pool.run(number_of) == 0


async def test_no_one_waits_where_nobody_may(gate: Gate) -> None:
    """Without a queue, requests are answered as long as connections are free, and refused then."""
    pool = Pool(LIMITS._replace(waiting_max=0))
    running = [asyncio.create_task(pool.run(gate)) for _ in range(2)]
    await until(lambda: gate.entered == 2)
    with pytest.raises(Retry):
        await pool.run(number_of)
    gate.open()
    assert set(await asyncio.gather(*running)) == {0, 1}


async def test_a_read_that_takes_too_long_is_given_up(gate: Gate) -> None:
    """Its request is answered in time; its connection is busy until the statement ends."""
    pool = Pool(LIMITS._replace(limit_s=SOON_S))
    with pytest.raises(Retry) as late:
        await pool.run(gate)
    assert late.value.reason == SLOW
    assert await pool.run(number_of) == 1  # on another connection
    gate.open()
    await until(lambda: len(pool._idle) == 2)
    assert await pool.run(number_of) in (0, 1)
    assert len(pool.shelf.opened) == 2


async def test_when_all_connections_wait_nobody_else_does(gate: Gate) -> None:
    """A store that lets every connection wait is asked nothing more, and answers again after."""
    pool = Pool(LIMITS._replace(limit_s=SOON_S))
    given_up = await asyncio.gather(*(pool.run(gate) for _ in range(2)), return_exceptions=True)
    assert [getattr(one, "reason", "") for one in given_up] == [SLOW, SLOW]
    begun_s = time.monotonic()
    for _ in range(100):
        with pytest.raises(Retry) as refused:
            await pool.run(gate)
        assert refused.value.reason == SLOW
    assert time.monotonic() - begun_s < LIMITS.wait_s / 2  # none of them waited
    assert gate.entered == 2
    gate.open()
    await until(lambda: len(pool._idle) == 2)
    assert await pool.run(number_of) in (0, 1)


async def test_a_read_that_was_given_up_asks_no_further_statement() -> None:
    """Statements after the limit are refused in the thread, which gives the connection back."""
    pool = Pool(LIMITS._replace(connections=1, limit_s=SOON_S))
    statements = itertools.count()

    def many_statements(_connection: Connection) -> None:
        for _ in statements:
            require_time()
            time.sleep(0.001)

    with pytest.raises(Retry):
        await pool.run(many_statements)
    await until(lambda: pool.shelf.opened[0].is_closed)
    await until(lambda: not pool._given_up)
    assert await pool.run(number_of) == 1


async def test_a_store_that_cannot_be_opened_is_not_asked_for_a_second() -> None:
    """Only one request in a second tries; the others hear at once that it is away."""
    pool = Pool()
    pool.shelf.failure = Retry("no route to http://10.0.0.7:8123")
    with capture_logs() as logged:
        for _ in range(5):
            with pytest.raises(Retry, match=AWAY_TEXT):
                await pool.run(number_of)
        assert pool.shelf.asked == 1
        pool.now_s += AWAY_S
        with pytest.raises(Retry):
            await pool.run(number_of)
    assert pool.shelf.asked == 2
    assert [one["error"] for one in logged] == ["no route to http://10.0.0.7:8123"]
    pool.shelf.failure = None
    pool.now_s += AWAY_S
    assert await pool.run(number_of) == 0


async def test_requests_do_not_hear_where_the_store_is() -> None:
    """Addresses and paths in an error of the store are for the log alone."""
    pool = Pool()

    def fail(_connection: Connection) -> None:
        raise Retry("ClickHouse at http://10.0.0.7:8123 does not answer (/var/lib/data)")

    with pytest.raises(Retry) as failed:
        await pool.run(fail)
    assert str(failed.value) == AWAY_TEXT
    assert failed.value.reason == ""


async def test_a_retry_that_names_its_reason_is_told_as_it_is() -> None:
    """Such a one is not of the store: the operation itself asks to come again."""
    pool = Pool()

    def fail(_connection: Connection) -> None:
        raise Retry("the event is not visible yet", reason="not_visible")

    with pytest.raises(Retry, match="not visible yet") as failed:
        await pool.run(fail)
    assert failed.value.reason == "not_visible"


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (NotFound("x"), True),  # these say something of the request
        (InvalidInput("x"), True),
        (InvalidState("x"), True),
        (Retry("x"), False),  # the store does not answer on it
        (Fatal("x"), False),  # nobody knows
        (KeyError("x"), False),  # nobody knows
        (MemoryError(), False),  # its answer may be half read
    ],
)
async def test_a_connection_on_which_something_failed_is_not_used_again(
    error: Exception, is_kept: bool
) -> None:
    """After answers that are errors of the request it is; the request gets its error either way."""
    pool = Pool()

    def fail(_connection: Connection) -> None:
        raise error

    with pytest.raises(type(error)):
        await pool.run(fail)
    assert pool.shelf.opened[0].is_closed is not is_kept
    assert await pool.run(number_of) == (0 if is_kept else 1)


async def test_failures_do_not_use_up_the_pool() -> None:
    """However many reads fail, in whichever way, the next one is answered."""
    pool = Pool()

    def fail(_connection: Connection) -> None:
        raise Retry("x")

    found = await asyncio.gather(*(pool.run(fail) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in found] == [Retry] * 5
    assert await pool.run(number_of) >= 0
    assert pool.waiting() == 0


async def test_a_client_that_goes_away_leaves_nothing_behind(gate: Gate) -> None:
    """Neither one that waits nor one that reads: slots, connections and the count come back."""
    pool = Pool(LIMITS._replace(connections=1))
    reading = asyncio.create_task(pool.run(gate))
    await until(lambda: gate.entered == 1)
    waiting = asyncio.create_task(pool.run(gate))
    await until(lambda: pool.waiting() == 1)
    for one in (waiting, reading):
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
    assert pool.waiting() == 0
    gate.open()
    for _ in range(3):
        assert await pool.run(number_of) == 0
    assert gate.entered == 1


async def test_clients_that_go_away_while_they_get_their_turn(gate: Gate) -> None:
    """Whatever the moment of cancelling, no slot is lost."""
    pool = Pool(LIMITS._replace(connections=1, waiting_max=100))
    gate.open()
    for pause in range(30):
        running = [asyncio.create_task(pool.run(gate)) for _ in range(4)]
        for _ in range(pause % 7):
            await asyncio.sleep(0)
        for one in running[pause % 4 :]:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    async with asyncio.timeout(DEADLINE_S):
        assert await pool.run(number_of) == 0
    assert pool.waiting() == 0


async def test_a_process_without_threads_loses_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that cannot be started fails one request, not every later one."""
    pool = Pool(LIMITS._replace(connections=1))

    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="new thread"):
                await pool.run(number_of)
    async with asyncio.timeout(DEADLINE_S):
        assert await pool.run(number_of) == 0


async def test_closing_waits_for_nobody(gate: Gate) -> None:
    """What still reads closes its connection as it ends; nothing is read after."""
    pool = Pool()
    await pool.run(number_of)
    reading = asyncio.create_task(pool.run(gate))
    await until(lambda: gate.entered == 1)
    pool.close()
    assert not reading.done()
    gate.open()
    await reading
    await until(lambda: all(one.is_closed for one in pool.shelf.opened))
    with pytest.raises(RuntimeError):
        await pool.run(number_of)


def test_limits_are_those_of_the_settings() -> None:
    """Each setting is the limit that it names."""
    settings = Settings(api_connections=3, api_waiting_max=5, api_wait_s=1.5, api_limit_s=7)
    assert limits_of(settings) == PoolLimits(3, 5, 1.5, 7)


def test_measures_have_limits_of_their_own() -> None:
    """One is computed at a time, for longer than other reads may take; the next one waits."""
    settings = Settings(api_connections=3, api_waiting_max=5, api_limit_s=7, insight_limit_s=90)
    assert limits_of_measures(settings) == PoolLimits(1, 5, 90, 90)


async def test_a_read_that_takes_too_long_says_what_to_do() -> None:
    """The advice of the pool follows the limit."""
    gate = Gate()
    pool = Pool(LIMITS._replace(limit_s=0.01), ": ask for less")
    with pytest.raises(Retry, match=r"within 0\.01 s: ask for less"):
        await pool.run(gate)
    gate.open()
