"""Writes events: assigns ids, enters identifiers into the truth, passes events to the noise.

An event is built as the plain object of the documented JSON, without empty fields. Every good
event of the stream passes through `Stream.say` exactly once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from devtools.sample.calendar_de import written
from devtools.sample.noise import Noise
from devtools.sample.truth import Ident, Truth

SYSTEMS = {
    "shop": "webshop",
    "app": "app-backend",
    "pos": "till-backend",
    "email": "mail-service",
    "phone": "service-desk",
    "letter": "letter-shop",
    "chat": "chat-bot",
    "contact_form": "service-desk",
    "field_sales": "crm",
    "sms": "message-service",
}


class Mention(NamedTuple):
    """An identifier as one event names it. `written` is its form there, if not the normal one."""

    ident: Ident
    verified: bool = False
    written: str = ""


class Placeholder(NamedTuple):
    """A placeholder such as `guest` in place of an identifier."""

    type: str
    issuer: str
    value: str


Who = Sequence[Mention | Placeholder]


class Stream:
    """The stream being composed, with its truth and the count of each case."""

    def __init__(self, noise: Noise, truth: Truth) -> None:
        self.truth = truth
        self.cases: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self._noise = noise
        self._said = 0

    def say(
        self,
        channel: str,
        kind: str,
        at: int,
        who: Who,
        body: dict[str, Any] | None = None,
        *,
        source: dict[str, Any] | None = None,
        punctual: bool = False,
        delay: int = 0,
    ) -> str:
        """Write one event that happened `at` (epoch seconds); returns its event id.

        `punctual` keeps it from being late; `delay` makes it late by that many seconds.
        """
        self._said += 1
        self.types[kind] += 1
        event: dict[str, Any] = {
            "event_id": f"{channel}-{self._said:07d}",
            "occurred_at": written(at),
            "channel": channel,
            "type": kind,
        }
        if who:
            event["identifiers"] = [self._named(mention) for mention in who]
        event["source"] = {"system": SYSTEMS[channel]} | (source or {})
        event["body"] = body or {}
        self._noise.send(event, at, punctual=punctual, delay=delay)
        return str(event["event_id"])

    @property
    def events(self) -> int:
        """Good events written so far, each counted once."""
        return self._said

    def _named(self, mention: Mention | Placeholder) -> dict[str, Any]:
        if isinstance(mention, Placeholder):
            self.cases["blocked_placeholder"] += 1
            return _identifier(mention.type, mention.issuer, mention.value)
        ident, verified, variant = mention
        self.truth.own(ident)
        named = _identifier(ident.type, ident.issuer, variant or ident.value)
        return named | {"verified": True} if verified else named


def _identifier(kind: str, issuer: str, value: str) -> dict[str, Any]:
    named = {"type": kind, "issuer": issuer, "value": value}
    return named if issuer else {"type": kind, "value": value}
