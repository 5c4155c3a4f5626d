"""A shop in good order: four channels that always have events, and readers of profiles.

What it sends is accepted and what it asks is answered, unless a fault of the game says otherwise.
Answers are counted; an API that is away is asked again.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self

import httpx

from tests.deploy.live import LiveSystem
from tests.e2e.runs import API_KEY
from tests.events import event, identifier

CHANNELS = ("shop", "app", "pos", "email")
WAVE_S = 0.5
VISITORS = 50
JOIN_DEADLINE_S = 60


class Shop(threading.Thread):
    """Sends and asks until its context ends."""

    def __init__(self, system: LiveSystem) -> None:
        super().__init__(name="shop", daemon=True)
        self.silent: set[str] = set()
        """Channels that send nothing now."""
        self.bad_of_ten = 0
        """So many of ten events are garbage now."""
        self.answers: Counter[int] = Counter()
        self._system = system
        self._numbers = itertools.count(1)
        self._readers = itertools.count(1)
        self._ended = threading.Event()
        self._fault: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(JOIN_DEADLINE_S)
        assert self._fault is None, self._fault

    def run(self) -> None:
        """The loop of the thread."""
        try:
            with self._system.client() as reader, self._system.client(API_KEY) as sender:
                while not self._ended.wait(WAVE_S):
                    with suppress(httpx.TransportError):
                        self._send(sender)
                        self._ask(reader)
        except BaseException as error:
            self._fault = error
            raise

    def _send(self, client: httpx.Client) -> None:
        batch = [
            self._event(channel)
            for channel in CHANNELS
            if channel not in self.silent
            for _ in range(2)
        ]
        answer = client.post("/v1/touchpoints", json={"batch": batch})
        self.answers[answer.status_code] += 1

    def _event(self, channel: str) -> dict[str, Any]:
        number = next(self._numbers)
        email = identifier("email", f"visitor-{number % VISITORS}@example.com", verified=True)
        return event(
            "page.viewed",
            channel="nowhere" if number % 10 < self.bad_of_ten else channel,
            event_id=f"visit-{number}",
            occurred_at=datetime.now(UTC).isoformat(),
            identifiers=[identifier("cookie", f"browser-{number % (3 * VISITORS)}"), email],
            body={"url": f"https://shop.example/{number}"},
        )

    def _ask(self, client: httpx.Client) -> None:
        email = f"visitor-{next(self._readers) % VISITORS}@example.com"
        known = {"identifiers": [{"type": "email", "value": email}]}
        found = client.post("/v1/profiles/lookup", json=known)
        self.answers[found.status_code] += 1
        if found.is_success:
            answer = client.get(f"/v1/profiles/{found.json()['profile_id']}")
            self.answers[answer.status_code] += 1
