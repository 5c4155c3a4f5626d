"""Transport noise: repetition, disorder, delay, and lines that are not events.

The send time decides the place in the file. Noise never changes the content of an event; `sent_at`
is written where the delay is long enough for a source to know it.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import orjson

from devtools.sample.calendar_de import DAY, HOUR, MINUTE, written
from devtools.sample.spool import Spool

EVENT_BYTES_MAX = 32 * 1024
REPEATED, REPEATED_AS_SENT = 0.02, 0.5
LATE, DISORDERED = 0.01, 0.03
DELAY_MAX = 21 * DAY


class Noise:
    """Sends events into the spool with seeded faults, and counts every fault."""

    def __init__(self, seed: int, spool: Spool) -> None:
        self.counts: Counter[str] = Counter()
        self._rng = random.Random(f"{seed}/noise")
        self._spool = spool

    def send(self, event: dict[str, Any], at: int, *, punctual: bool, delay: int) -> None:
        """Send one event that happened `at`, with its faults.

        Raises:
            ValueError: the event is larger than an event may be.
        """
        delay = delay or self._delay(punctual)
        if delay >= HOUR:
            event["sent_at"] = written(at + delay)
            self.counts["late"] += 1
        line = orjson.dumps(event)
        if len(line) > EVENT_BYTES_MAX:
            raise ValueError(f"event {event['event_id']} has {len(line)} bytes")
        self._spool.put(at + delay, line)
        if self._rng.random() < REPEATED:
            self._repeat(event, line, at + delay)

    def _delay(self, punctual: bool) -> int:
        roll = self._rng.random()
        if roll < LATE and not punctual:
            return int(HOUR * (DELAY_MAX / HOUR) ** self._rng.random())
        if roll < LATE + DISORDERED:
            self.counts["out_of_order"] += 1
            return self._rng.randint(MINUTE, 10 * MINUTE)
        return self._rng.randint(0, 3)

    def _repeat(self, event: dict[str, Any], line: bytes, sent_at: int) -> None:
        again_at = sent_at + self._rng.choice((2, MINUTE, HOUR, 3 * DAY))
        if self._rng.random() < REPEATED_AS_SENT:
            self.counts["repeated"] += 1
        else:
            self.counts["repeated_with_new_sent_at"] += 1
            line = orjson.dumps(event | {"sent_at": written(again_at)})
        self._spool.put(again_at, line)


class Garbage:
    """Lines that must be rejected, one list of forms for each reason, spread over the stream."""

    def __init__(self, seed: int, spool: Spool) -> None:
        self.counts: Counter[str] = Counter()
        self._rng = random.Random(f"{seed}/garbage")
        self._spool = spool

    def plant(self, each: int, start: int, end: int) -> None:
        """Plant `each` lines of every reason between two epoch seconds."""
        for reason, forms in _FORMS.items():
            for number in range(each):
                at = self._rng.randrange(start, end)
                form = forms[number % len(forms)]
                self._spool.put(at, form(f"{reason}-{number:04d}", at))
                self.counts[reason] += 1


def _event(event_id: str, at: str, **changed: Any) -> bytes:
    """A page view that would be good without what is `changed`."""
    good = {
        "event_id": f"bad-{event_id}",
        "occurred_at": at,
        "channel": "shop",
        "type": "page.viewed",
        "identifiers": [{"type": "cookie", "issuer": "shop", "value": f"refused{event_id}"}],
        "source": {"system": "webshop"},
        "body": {"url": "https://shop.example/"},
    }
    return orjson.dumps(good | changed)


def _who(kind: str, value: str) -> list[dict[str, str]]:
    return [{"type": kind, "value": value}]


def _order_with(total: str) -> dict[str, Any]:
    return {"type": "order.placed", "body": {"order_id": "1", "lines": [{"total": total}]}}


_FORMS = {
    "not_json": (
        lambda name, at: _event(name, written(at))[:-9],
        lambda name, at: f"504 Gateway Time-out ({name})".encode(),
        lambda name, at: b"\xff\xfe\x00" + name.encode("utf-16-le").replace(b"\n", b""),
    ),
    "too_large": (
        lambda name, at: _event(name, written(at), body={"title": "x" * (EVENT_BYTES_MAX + 1)}),
    ),
    "unknown_type": (
        lambda name, at: _event(name, written(at), type="order.teleported"),
        lambda name, at: _event(name, written(at), type="PageViewed"),
    ),
    "invalid_field": (
        lambda name, at: _event(name, written(at)[:-6]),
        lambda name, at: _event(name, written(at), **_order_with("12,50")),
        lambda name, at: _event(name, written(at), body={"url": ["not", "text"]}),
    ),
    "no_usable_identifier": (
        lambda name, at: _event(name, written(at), identifiers=[]),
        lambda name, at: _event(name, written(at), identifiers=_who("email", "no address")),
    ),
    "all_identifiers_blocked": (
        lambda name, at: _event(name, written(at), identifiers=_who("cookie", "null")),
        lambda name, at: _event(name, written(at), identifiers=_who("customer_number", "0")),
        lambda name, at: _event(name, written(at), identifiers=_who("email", "test@post.example")),
    ),
    "from_the_future": (lambda name, at: _event(name, "2999-01-01T00:00:00+01:00"),),
    "before_time_floor": (lambda name, at: _event(name, "1970-01-01T00:00:00Z"),),
}
