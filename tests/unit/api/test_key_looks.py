"""Looking for keys that nobody knows: at once for a new key, and no more often for many of them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from services.api.auth import Principal
from services.api.key_looks import KeyLooks
from services.runtime.errors import Retry

KEYS = [f"c360_{number:012d}_" + "x" * 43 for number in range(100)]


class Store:
    """Counts looks; one can be held, and one fail."""

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.fault: Exception | None = None

    def principal(self, credential: str) -> Principal | None:
        return None

    def refresh(self, credential: str) -> None:
        self.looks.append(credential)
        self.began.set()
        self.gate.wait(10)
        if self.fault:
            raise self.fault


async def test_many_share_a_look() -> None:
    """A hundred requests with unknown keys are one look."""
    store = Store()
    looks = KeyLooks(store)
    await asyncio.gather(*(looks.look(key) for key in KEYS))
    assert len(store.looks) == 1


async def test_whoever_comes_during_a_look_gets_another_one() -> None:
    """The look may have read before the key was created."""
    store = Store()
    store.gate.clear()
    looks = KeyLooks(store)
    first = asyncio.create_task(looks.look(KEYS[0]))
    await asyncio.to_thread(store.began.wait, 10)
    second = asyncio.create_task(looks.look(KEYS[1]))
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(first, second)
    assert len(store.looks) == 2


async def test_a_client_that_goes_away_ends_nobodys_look() -> None:
    """The others still learn what was found."""
    store = Store()
    looks = KeyLooks(store)
    gone, waits = (asyncio.create_task(looks.look(key)) for key in KEYS[:2])
    await asyncio.sleep(0)
    gone.cancel()
    await waits
    assert len(store.looks) == 1


async def test_a_fault_reaches_all_who_wait() -> None:
    """And the next request is looked up again."""
    store = Store()
    store.fault = Retry("the store is away")
    looks = KeyLooks(store)
    for _ in range(2):
        with pytest.raises(Retry):
            await looks.look(KEYS[0])
    assert len(store.looks) == 2


async def test_a_token_is_looked_up_by_itself() -> None:
    """Which key signed it depends on the token."""
    store = Store()
    looks = KeyLooks(store)
    await asyncio.gather(looks.look("eyJ.a.b"), looks.look("eyJ.c.d"))
    assert sorted(store.looks) == ["eyJ.a.b", "eyJ.c.d"]
