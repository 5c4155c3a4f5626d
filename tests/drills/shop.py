"""A shop in good order: four channels that always have events, and readers of profiles.

What it sends is accepted and what it asks is answered, unless a fault of the game says otherwise.
Answers are counted; an API that is away is asked again.
"""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.background import Background
from tests.deploy.live import LiveSystem
from tests.e2e.runs import API_KEY
from tests.events import event, identifier

CHANNELS = ("shop", "app", "pos", "email")
WAVE_S = 0.5
VISITORS = 50


class Shop(Background):
    """Sends and asks until its context ends."""

    def __init__(self, system: LiveSystem) -> None:
        super().__init__("shop")
        self.silent: set[str] = set()
        """Channels that send nothing now."""
        self.bad_of_ten = 0
        """So many of ten events are garbage now."""
        self.answers: Counter[int] = Counter()
        self._system = system
        self._numbers = itertools.count(1)
        self._readers = itertools.count(1)

    def work(self) -> None:
        """See Background."""
        with self._system.client() as reader, self._system.client(API_KEY) as sender:
            while not self.leaving.wait(WAVE_S):
                with suppress(httpx.TransportError):
                    self._send(sender)
                    self._ask(reader)

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
