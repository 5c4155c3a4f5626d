"""Sends changes of segments to one target, in their order, each before the next is read.

The stream is read from where the target is done, so nothing is kept here but that place: a target
that fails is left alone for a while, and then the stream is read from there again. At least once.
"""

from __future__ import annotations

import asyncio
import time

import httpx
import orjson
import structlog

from services.notify.core.messages import DeliveryOutcome, Message, reset_message, segment_message
from services.notify.posting import client_of, is_refused, is_taken, post
from services.notify.segment_positions import SegmentPositions
from services.notify.server_sent import server_sent
from services.notify.targets import NotifySource, SegmentWebhookTarget
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.runtime.retry import pauses

STREAM_PATH = "/v1/segments/stream"
SILENT_S = 60.0
"""The stream has a heartbeat every 15 seconds."""
FAILED_READS_MAX = 3
DENIED = frozenset({401, 403})
log = structlog.get_logger()


class NotDelivered(Exception):
    """The target has not taken what is next."""


class SegmentFeed:
    """One target."""

    def __init__(
        self,
        target: SegmentWebhookTarget,
        source: NotifySource,
        positions: SegmentPositions,
        metrics: Metrics,
    ) -> None:
        self._target, self._source, self._positions = target, source, positions
        self._metrics = metrics
        self._heard_at, self._is_reading = time.monotonic(), False
        self._fails_since: float | None = None
        self._failed_reads = 0
        """In a row, without coming further."""

    def against(self) -> list[str]:
        """Why it is of no use now; an empty list if changes are read."""
        if not self._is_reading:
            return [f"changes of segments have not been read yet for {self._target.name}"]
        about, silent = f"changes of segments for {self._target.name}", self.silent_s()
        if silent > SILENT_S:
            return [f"{about} were last heard of {silent:.0f} s ago"]
        if self._failed_reads >= FAILED_READS_MAX:
            return [f"{about} cannot be read: {self._failed_reads} times in a row"]
        return []

    def silent_s(self) -> float:
        """Seconds since the stream said anything. It is opened again and again while the target
        fails."""
        return time.monotonic() - self._heard_at

    def overdue_s(self) -> float | None:
        """For how long the target has not taken what is next; None if it has."""
        return None if self._fails_since is None else time.monotonic() - self._fails_since

    async def run(self) -> None:
        """Work until cancelled. Raises ConfigurationError if the key may not read changes."""
        waits = pauses()
        headers = {"Authorization": f"Bearer {self._source.key.get_secret_value()}"}
        async with (
            httpx.AsyncClient(
                base_url=self._source.url, headers=headers, timeout=SILENT_S
            ) as reader,
            client_of(self._target) as sender,
        ):
            while True:
                before = self._positions.last_id(self._target.name)
                try:
                    await self._follow(reader, sender)
                except NotDelivered:
                    pass
                except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                    log.warning("segments_not_read", error=type(error).__name__)
                    self._failed_reads += 1
                if self._positions.last_id(self._target.name) != before:
                    waits, self._failed_reads = pauses(), 0
                await asyncio.sleep(next(waits))

    async def _follow(self, reader: httpx.AsyncClient, sender: httpx.AsyncClient) -> None:
        """Read the stream until it ends. Raises NotDelivered."""
        name = self._target.name
        last_id = self._positions.last_id(name)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        async with reader.stream("GET", STREAM_PATH, headers=headers) as answer:
            if answer.status_code in DENIED:
                raise ConfigurationError(
                    "source.key may not read who belongs to segments (segments:members)"
                )
            answer.raise_for_status()
            self._heard_at, self._is_reading = time.monotonic(), True
            is_open = False
            async for one in server_sent(answer.aiter_bytes(), last_id):
                self._heard_at = time.monotonic()
                message = self._message(one.name, one.data, one.last_id) if one.data else None
                if message is not None:
                    await self._deliver(sender, message, one.last_id)
                elif one.last_id and one.last_id != last_id:
                    self._positions.advance(name, one.last_id)
                    self._fails_since = None
                elif is_open:
                    self._fails_since, self._failed_reads = None, 0  # nothing is left to send
                is_open = True
                last_id = one.last_id

    def _message(self, name: str, data: str, last_id: str) -> Message | None:
        """What the target is to hear of an event; None for nothing."""
        if name == "reset":
            return reset_message(last_id)
        change = orjson.loads(data)
        wanted = self._target.segments
        return segment_message(change) if not wanted or change["segment"] in wanted else None

    async def _deliver(self, sender: httpx.AsyncClient, message: Message, last_id: str) -> None:
        """Returns when the target is done with the message. Raises NotDelivered otherwise."""
        target = self._target
        status = await post(sender, target, message)
        if is_taken(status):
            self._positions.advance(target.name, last_id)
            self._done(DeliveryOutcome.DELIVERED)
            return
        if is_refused(status) and self._positions.refused(
            target.name, last_id, target.give_up_after, message.message_id, status, time.time()
        ):
            self._done(DeliveryOutcome.GIVEN_UP)
            return
        outcome = DeliveryOutcome.REFUSED if is_refused(status) else DeliveryOutcome.FAILED
        self._metrics.notify_deliveries.labels(outcome).inc()
        if self._fails_since is None:
            self._fails_since = time.monotonic()
        raise NotDelivered

    def _done(self, outcome: DeliveryOutcome) -> None:
        self._metrics.notify_deliveries.labels(outcome).inc()
        self._fails_since = None
