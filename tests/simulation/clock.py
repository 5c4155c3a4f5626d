"""An event loop whose time passes only when everybody waits: no sockets, no threads, no clock."""

from __future__ import annotations

import asyncio
from typing import Any

TURNS_MAX = 500_000
"""Of the loop in one run; more of them means that somebody spins."""


class Standstill(AssertionError):
    """Nothing will ever happen any more, or nothing but turning round."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order of their times; a wait costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._turns = 0
        self._selector = self
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def select(self, timeout: float | None) -> list[Any]:
        """Let the time pass until the next timer; stands in for waiting on sockets."""
        self._turns += 1
        if timeout is None:
            raise Standstill("everybody waits for somebody else")
        if self._turns > TURNS_MAX:
            raise Standstill(f"{TURNS_MAX:,} turns at {self._now_s:.3f} s: somebody spins")
        self._now_s += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a system call."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Any, *args: Any
    ) -> Any:
        """Refused: threads are not deterministic."""
        raise AssertionError("a thread in a simulation")
