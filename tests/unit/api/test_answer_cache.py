"""Kept answers: never one that has changed, never more memory than allowed, never read twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.watermark import Watermark
from services.api import answer_cache, marks
from services.api.answer_cache import (
    AGE_MAX_S,
    AnswerCache,
    ReadAnswer,
    etag_of,
    is_known,
)
from services.api.marks import MARK_AGE_S, Marks
from services.runtime.errors import ConfigurationError, NotFound, Retry
from services.runtime.metrics import Metrics
from services.store.changes import ChangedKeys, SeenTables

DEADLINE_S = 20
MOMENT_S = 2 * MARK_AGE_S
MIB = 1024 * 1024


class Store:
    """Documents by key, which tell what changed when they are asked, and a clock."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.documents: dict[str, int] = {}
        self.looks = self.reads = 0
        self.version = 0
        self.failure: Exception | None = None
        self.slow: asyncio.Event | None = None
        self._changed: set[str] = set()
        self._is_all = False

    def write(self, *keys: str) -> None:
        """Change documents."""
        for key in keys:
            self.documents[key] = self.documents.get(key, 0) + 1
        self._changed.update(keys)

    def watermarks(self) -> list[Watermark]:
        """See FreshnessSource."""
        if isinstance(self.failure, Retry):
            raise self.failure
        moment = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=self.now_s)
        return [Watermark("default", channel, moment, moment) for channel in ("shop", "app")]

    def changes(self, seen: SeenTables) -> ChangedKeys:
        """See FreshnessSource."""
        if self.failure is not None:
            raise self.failure
        found = ChangedKeys(frozenset(self._changed), self._is_all, seen)
        self._changed, self._is_all = set(), False
        return found

    def lose_track(self) -> None:
        """Say of everything that it may have changed."""
        self._is_all = True

    async def run(self, work: Callable[[Any], Any]) -> Any:
        """As a pool of connections does."""
        self.looks += 1
        if self.slow is not None:
            await self.slow.wait()
        reads = SimpleNamespace(freshness=self)
        return work(SimpleNamespace(reads=reads))

    async def read(self, *keys: str) -> ReadAnswer:
        """The documents as one answer."""
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        body = repr([self.documents.get(key, 0) for key in keys]).encode()
        await asyncio.sleep(0)
        return ReadAnswer(body, etag_of(body), (UUID(int=1),), frozenset(keys))


class Cache(AnswerCache):
    """A cache of the documents of a store."""

    def __init__(self, bytes_max: int = MIB) -> None:
        self.store = Store()
        self.metrics = Metrics()
        pool: Any = self.store
        self.marks = Marks(pool, lambda: self.store.version, clock_s=self.clock_s)
        super().__init__(self.marks, bytes_max, self.metrics, self.clock_s)

    def clock_s(self) -> float:
        """The time of the store."""
        return self.store.now_s

    async def of(self, *keys: str, is_strict: bool = False) -> bytes:
        """The answer about some documents."""
        mark = await self.marks.latest(is_strict=is_strict)
        return (await self.answer(mark.number, keys, lambda: self.store.read(*keys))).body

    def told(self, name: str, **labels: str) -> float:
        """A metric."""
        return self.metrics.registry.get_sample_value(name, labels) or 0


async def test_what_has_not_changed_is_read_once() -> None:
    """The same answer is given until the store says that it changed."""
    cache = Cache()
    for _ in range(3):
        assert await cache.of("a") == b"[0]"
        cache.store.now_s += 1
    assert (cache.store.reads, cache.store.looks) == (1, 3)
    cache.store.write("a")
    cache.store.now_s += MOMENT_S
    assert await cache.of("a") == b"[1]"
    assert cache.told("c360_api_cache_reads_total", result="hit") == 2
    assert cache.told("c360_api_cache_reads_total", result="miss") == 2


async def test_another_change_leaves_an_answer_alone() -> None:
    """Only answers that depend on what changed are read again."""
    cache = Cache()
    await cache.of("a", "b")
    await cache.of("c")
    cache.store.write("b")
    cache.store.now_s += MOMENT_S
    assert (await cache.of("a", "b"), await cache.of("c")) == (b"[0, 1]", b"[0]")
    assert cache.store.reads == 3


async def test_when_nobody_knows_what_changed_everything_is_read_again() -> None:
    """A store that lost track has every answer read anew."""
    cache = Cache()
    await cache.of("a")
    cache.store.lose_track()
    cache.store.now_s += MOMENT_S
    await cache.of("a")
    assert cache.store.reads == 2


async def test_the_store_is_not_asked_for_every_request() -> None:
    """Within a moment one look serves all; a write of this process is seen at once."""
    cache = Cache()
    await asyncio.gather(*(cache.of("a") for _ in range(20)))
    assert (cache.store.reads, cache.store.looks) == (1, 1)
    cache.store.write("a")
    assert await cache.of("a") == b"[0]"  # 50 ms have not passed
    cache.store.version += 1
    assert await cache.of("a") == b"[1]"
    assert cache.store.looks == 2


async def test_a_sole_writer_is_looked_at_when_it_has_written() -> None:
    """For as long as its version stays, a look is good for longer."""
    store = Store()
    pool: Any = store
    sole = Marks(pool, lambda: store.version, 10 * MOMENT_S, clock_s=lambda: store.now_s)
    for _ in range(5):
        await sole.latest()
        store.now_s += MOMENT_S
    assert store.looks == 1
    store.version += 1
    await sole.latest()
    assert store.looks == 2
    store.now_s += 10 * MOMENT_S
    await sole.latest()
    assert store.looks == 3


async def test_a_strict_request_has_what_is_visible_now() -> None:
    """It waits for a look that begins after it, even while another look is under way."""
    cache = Cache()
    await cache.of("a")
    cache.store.write("a")
    assert await cache.of("a", is_strict=True) == b"[1]"
    cache.store.now_s += 1
    cache.store.slow = asyncio.Event()
    early = asyncio.create_task(cache.of("b"))
    while cache.store.looks < 3:  # noqa: ASYNC110 - of another task
        await asyncio.sleep(0)
    late = asyncio.create_task(cache.of("a", is_strict=True))
    await asyncio.sleep(0)
    cache.store.slow.set()
    await asyncio.gather(early, late)
    assert cache.store.looks == 4


async def test_slow_looks_do_not_go_on_for_ever() -> None:
    """A look that takes longer than it is good for still serves those who waited for it."""
    cache = Cache()

    class SlowStore(Store):
        """Time passes while it is looked at."""

        async def run(self, work: Callable[[Any], Any]) -> Any:
            """As a pool of connections does."""
            self.now_s += 10 * MARK_AGE_S
            return await super().run(work)

    cache.store = SlowStore()
    pool: Any = cache.store
    slow = Marks(pool, clock_s=cache.clock_s)
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(slow.latest() for _ in range(5)))
        await slow.latest(is_strict=True)
    assert cache.store.looks <= 3


async def test_a_change_while_an_answer_is_read_is_not_missed() -> None:
    """An answer counts as read when its look was made, not when its data came."""
    cache = Cache()

    async def read_and_change() -> ReadAnswer:
        answer = await cache.store.read("a")
        cache.store.write("a")
        return answer

    number = (await cache.marks.latest()).number
    assert (await cache.answer(number, ("a",), read_and_change)).body == b"[0]"
    cache.store.now_s += MOMENT_S
    assert await cache.of("a") == b"[1]"


async def test_an_old_answer_is_read_again() -> None:
    """Answers say when they were read; a minute is the most."""
    cache = Cache()
    await cache.of("a")
    cache.store.now_s += AGE_MAX_S
    await cache.of("a")
    assert cache.store.reads == 2


async def test_the_memory_is_bounded() -> None:
    """Answers that were not asked for longest go first; one that is too large is not kept."""
    one = answer_cache.ENTRY_BYTES + answer_cache.KEY_BYTES + len(b"[0]")
    cache = Cache(bytes_max=2 * one)
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.of(key)
    assert cache.store.reads == 4  # a, b, c, and b again
    assert cache.told("c360_api_cache_bytes") == 2 * one
    small = Cache(bytes_max=one - 1)
    for _ in range(2):
        await small.of("a")
    assert small.store.reads == 2


async def test_nothing_is_kept_where_nothing_may_be() -> None:
    """With a size of 0 every request reads."""
    cache = Cache(bytes_max=0)
    for _ in range(2):
        await cache.of("a")
    assert cache.store.reads == 2


async def test_answers_of_unknown_keys_are_not_kept() -> None:
    """What depends on more than keys is read every time."""
    cache = Cache()

    async def read() -> ReadAnswer:
        return (await cache.store.read("a"))._replace(keys=None)

    for _ in range(2):
        await cache.answer(0, "x", read)
    assert cache.store.reads == 2


async def test_errors_are_told_and_not_kept() -> None:
    """Everybody who waits hears the error; the next one asks again."""
    cache = Cache()
    await cache.of("b")

    async def missing() -> ReadAnswer:
        cache.store.reads += 1
        raise NotFound("nobody")

    found = await asyncio.gather(
        *(cache.answer(1, "x", missing) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(one, NotFound) for one in found)
    assert cache.store.reads == 2
    with pytest.raises(NotFound):
        await cache.answer(1, "x", missing)
    assert cache.store.reads == 3


async def test_without_the_store_there_is_no_answer() -> None:
    """A kept answer is not given when nobody can say whether it is still true; then it is again."""
    cache = Cache()
    await cache.of("a")
    cache.store.now_s += MOMENT_S
    cache.store.failure = Retry("away")
    with pytest.raises(Retry):
        await cache.of("a")
    cache.store.failure = None
    assert await cache.of("a") == b"[0]"
    assert cache.store.reads == 1


async def test_a_store_that_does_not_let_us_look_is_read_every_time() -> None:
    """Without the right to see parts, the service answers and keeps nothing."""
    cache = Cache()
    cache.store.failure = ConfigurationError("no grant")

    async def read() -> ReadAnswer:
        cache.store.reads += 1
        return ReadAnswer(b"x", "", (), frozenset({"a"}))

    for _ in range(3):
        mark = await cache.marks.latest(is_strict=True)
        assert mark.watermarks
        assert (await cache.answer(mark.number, "a", read)).body == b"x"
    assert cache.store.reads == 3
    assert cache.marks.is_blind


async def test_a_client_that_goes_away_takes_no_answer_from_others() -> None:
    """A read that somebody else waits for goes on, and is kept."""
    cache = Cache()
    first = asyncio.create_task(cache.of("a"))
    second = asyncio.create_task(cache.of("a"))
    while not cache.store.reads:  # noqa: ASYNC110 - of another task
        await asyncio.sleep(0)
    first.cancel()
    assert await second == b"[0]"
    await cache.of("a")
    assert cache.store.reads == 1


async def test_forgotten_changes_count_as_changes_of_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The memory for changed keys is bounded, too; no answer gets older by it."""
    monkeypatch.setattr(marks, "CHANGED_MAX", 3)
    cache = Cache()
    await cache.of("a")
    for number in range(5):
        cache.store.write("a" if number == 0 else f"other{number}")
        cache.store.now_s += MOMENT_S
        await cache.of("z")
    assert await cache.of("a") == b"[1]"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("abc")),
        st.tuples(st.just("ask"), st.sampled_from(["a", "b", "c", "ab", "bc", "abc"])),
        st.tuples(st.just("lose"), st.just("")),
    ),
    max_size=40,
)


@given(STEPS, st.integers(0, 8_000))
@settings(deadline=None, max_examples=60)
def test_every_answer_is_that_of_the_store(
    steps: Iterable[tuple[str, str]], bytes_max: int
) -> None:
    """Whatever is written and asked in whatever order, a look later nothing is out of date."""

    async def run() -> None:
        cache = Cache(bytes_max)
        for what, keys in steps:
            if what == "write":
                cache.store.write(keys)
            elif what == "lose":
                cache.store.lose_track()
            else:
                cache.store.now_s += MOMENT_S
                assert await cache.of(*keys) == (await cache.store.read(*keys)).body

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (None, False),  # the client has none
        ("", False),
        ('W/"abc"', True),
        ('"abc"', True),  # compared weakly
        ('"x", W/"abc"', True),
        ("*", True),
        ('W/"abcd"', False),
        ("abc", False),  # no entity tag
        ('W/"x",', False),
    ],
)
def test_versions_are_compared_weakly(header: str | None, known: bool) -> None:
    """As RFC 9110 says for GET."""
    assert is_known('W/"abc"', header) is known


def test_validators_follow_the_content() -> None:
    """Equal content has one validator, other content another."""
    assert etag_of(b"x") == etag_of(b"x") != etag_of(b"y")
    assert etag_of(b"x").startswith('W/"')
