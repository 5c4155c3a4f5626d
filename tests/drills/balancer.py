"""Clients behind a load balancer: a request goes to a process that is ready, and is sent once.

The balancer asks /readyz as a kubelet does and learns of changes with its delay. Answers that fail
are kept; nothing is tried again.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import httpx

from tests.e2e.distributed import Api

PROBE_S = 0.5
"""How often readiness is asked for."""
JOIN_DEADLINE_S = 60
Ask = Callable[[httpx.Client], httpx.Response]


class Balancer:
    """Threads that ask in a closed loop, one after the other; a context manager."""

    def __init__(self, asks: Sequence[Ask], headers: dict[str, str]) -> None:
        self.sent = 0
        self.failed: list[str] = []
        self.slowest_s = 0.0
        self._asks = asks
        self._headers = headers
        self._backends: list[tuple[Api, httpx.Client]] = []
        self._ready: list[httpx.Client] = []
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._probe, name="probe", daemon=True),
            threading.Thread(target=self._ask_on, name="client", daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(JOIN_DEADLINE_S)
        for backend in self._backends:
            backend[1].close()

    def add(self, api: Api) -> None:
        """One more process to send to, as soon as it is ready."""
        options: dict[str, Any] = {"headers": self._headers, "timeout": 30, "trust_env": False}
        self._backends.append((api, httpx.Client(base_url=api.base_url, **options)))

    def serves(self, api: Api) -> bool:
        """Whether requests are sent to a process."""
        return any(one is api and client in self._ready for one, client in self._backends)

    def _probe(self) -> None:
        while not self._ended.is_set():
            self._ready = [client for api, client in self._backends if api.is_ready()]
            self._ended.wait(PROBE_S)

    def _ask_on(self) -> None:
        for number in itertools.count():
            if self._ended.is_set():
                return
            ready = self._ready
            if not ready:
                self._ended.wait(PROBE_S / 10)
                continue
            ask = self._asks[number % len(self._asks)]
            began = time.monotonic()
            try:
                answer = ask(ready[number // len(self._asks) % len(ready)])
                wrong = "" if answer.is_success else f"{answer.status_code} {answer.text[:200]}"
            except httpx.HTTPError as error:
                wrong = repr(error)
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self.sent += 1
            if wrong:
                self.failed.append(wrong)
