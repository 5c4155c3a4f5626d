"""Reads the stream of incidents into the outbox, and sends what is due, each target for itself.

A target that fails stops neither the others nor the reading. At least once: a message is out of the
outbox only after the target has answered 2xx. Nothing of an answer is read but its status.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import orjson
import structlog

from schemas.incident import Severity
from schemas.rules.routing import Route
from services.consistency.rules import ConsistencyRules
from services.notify.alertmanager import keep_firing
from services.notify.core.messages import (
    DeliveryOutcome,
    Message,
    digest_message,
    incident_message,
)
from services.notify.core.routing import RoutedIncident, routing_of
from services.notify.outbox import BEFORE, ENDED, NotifyOutbox, OutboxEntry
from services.notify.posting import client_of, is_refused, is_taken, post
from services.notify.segment_feed import SegmentFeed
from services.notify.server_sent import server_sent
from services.notify.targets import NotifyTargets, PagePer, WebhookTarget
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.runtime.retry import pauses

STREAM_PATH = "/v1/incidents/stream"
SILENT_S = 60.0
"""The stream has a heartbeat every 15 seconds."""
POLL_S = 0.5
MEASURE_S = 1.0
DIGEST_MAX = 200
LASTING = ("open", "acknowledged", "muted")
DENIED = frozenset({401, 403})
Routed = tuple[Route, Any, float] | None
log = structlog.get_logger()


class Notifier:
    """One process: a reader and one sender for each target."""

    def __init__(
        self,
        targets: NotifyTargets,
        rules: ConsistencyRules,
        outbox: NotifyOutbox,
        metrics: Metrics,
    ) -> None:
        self._targets, self._rules, self._outbox = targets, rules, outbox
        self._metrics = metrics
        for outcome in DeliveryOutcome:  # 0, not unknown: alerts ask how much they grow
            metrics.notify_deliveries.labels(outcome)
        outbox.faults.begin(
            one.name for one in targets.webhook if one.one_page_per is PagePer.FAULT
        )
        self._empty = outbox.alerts.begin(one.name for one in targets.alertmanager)
        self._feeds = [
            SegmentFeed(one, targets.source, outbox.segments, metrics)
            for one in targets.segment_webhook
        ]
        self._heard_at, self._is_reading = time.monotonic(), False

    def against(self) -> list[str]:
        """Why it is of no use now; an empty list if all that targets are to hear of is read."""
        reasons = [reason for feed in self._feeds for reason in feed.against()]
        if not self._targets.of_incidents:
            return reasons
        if not self._is_reading:
            return ["incidents have not been read yet", *reasons]
        silent = time.monotonic() - self._heard_at
        late = [f"incidents were last heard of {silent:.0f} s ago"] if silent > SILENT_S else []
        return late + reasons

    def _silent_s(self) -> float:
        """For how long one of the streams has said nothing."""
        silent = [feed.silent_s() for feed in self._feeds]
        if self._targets.of_incidents:
            silent.append(time.monotonic() - self._heard_at)
        return max(silent)

    async def run(self) -> None:
        """Work until cancelled. Raises ConfigurationError if the key may not read what is sent."""
        async with asyncio.TaskGroup() as group:
            for target in self._targets.webhook:
                group.create_task(self._send_to(target))
            for manager in self._targets.alertmanager:
                group.create_task(keep_firing(manager, self._outbox.alerts, self._metrics))
            for feed in self._feeds:
                group.create_task(feed.run())
            group.create_task(self._measure())
            if self._targets.of_incidents:  # a key for segments alone may read no incidents
                group.create_task(self._read())

    async def _measure(self) -> None:
        while True:
            due, seconds = self._outbox.overdue(time.time())
            late = [feed.overdue_s() for feed in self._feeds]
            failing = [one for one in late if one is not None]
            self._metrics.notify_waiting.set(due + len(failing))
            self._metrics.notify_oldest_seconds.set(max(seconds, *failing, 0))
            self._metrics.notify_silent_seconds.set(self._silent_s())
            await asyncio.sleep(MEASURE_S)

    def _count(self, outcome: DeliveryOutcome) -> None:
        self._metrics.notify_deliveries.labels(outcome).inc()

    async def _read(self) -> None:
        source = self._targets.source
        headers = {"Authorization": f"Bearer {source.key.get_secret_value()}"}
        async with httpx.AsyncClient(
            base_url=source.url, headers=headers, timeout=SILENT_S
        ) as client:
            waits = pauses()
            while True:
                try:
                    if await self._follow(client):
                        waits = pauses()
                except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                    log.warning("incidents_not_read", error=type(error).__name__)
                await asyncio.sleep(next(waits))

    async def _follow(self, client: httpx.AsyncClient) -> bool:
        """Read the stream until it ends; whether it had begun."""
        last_id = self._outbox.last_id
        headers = {"Last-Event-ID": last_id} if last_id else {}
        async with client.stream("GET", STREAM_PATH, headers=headers) as answer:
            if answer.status_code in DENIED:
                raise ConfigurationError("source.key may not read incidents (incidents:read)")
            answer.raise_for_status()
            self._heard_at, self._is_reading = time.monotonic(), True
            async for one in server_sent(answer.aiter_bytes(), last_id):
                self._heard_at = time.monotonic()
                if one.data:
                    await self._take(client, one.name, orjson.loads(one.data), one.last_id)
                elif one.last_id:
                    self._outbox.advance(one.last_id)
                if self._empty:
                    await self._fill(client)
        return True

    async def _fill(self, client: httpx.AsyncClient) -> None:
        """Tell Alertmanagers that hold nothing yet of what is open, once the stream is open."""
        async for one, where in self._open_ones(client):
            self._outbox.take(one, {name: where[name] for name in self._empty})
        self._outbox.alerts.filled(self._empty)
        self._empty = set()

    async def _open_ones(
        self, client: httpx.AsyncClient
    ) -> AsyncIterator[tuple[Any, dict[str, Routed]]]:
        cursor = ""
        while True:
            asked: dict[str, Any] = {"state": LASTING, "limit": 500}
            if cursor:
                asked["cursor"] = cursor
            answer = await client.get("/v1/incidents", params=asked)
            page = answer.raise_for_status().json()
            for one in page["entries"]:
                yield one, await self._routed(client, one)
            cursor = page["next_cursor"]
            if not cursor:
                break

    async def _take(self, client: httpx.AsyncClient, name: str, said: Any, last_id: str) -> None:
        if name == "reset":
            await self._catch_up(client)
            self._outbox.advance(last_id)
        elif name == "incident":
            self._outbox.take(said, await self._routed(client, said), last_id)
        else:  # removed: nobody is told of what is no more
            self._outbox.forget(said["incident_id"], last_id)

    async def _catch_up(self, client: httpx.AsyncClient) -> None:
        """Changes are missing: read what lasts, and what became of what targets know."""
        rest = self._outbox.lasting()
        async for one, where in self._open_ones(client):
            rest.discard(one["incident_id"])
            self._outbox.take(one, where)
        for incident_id in sorted(rest):
            answer = await client.get(f"/v1/incidents/{incident_id}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                self._outbox.forget(incident_id)
            else:
                one = answer.raise_for_status().json()
                self._outbox.take(one, await self._routed(client, one))

    async def _routed(self, client: httpx.AsyncClient, said: Any) -> dict[str, Routed]:
        """Route, labels and due time of an incident by target."""
        exposure, rules = said.get("exposure"), self._rules.of_realm(said["realm"])
        if (
            exposure is None
            and rules.routing.needs_exposure
            and said["state"] not in (ENDED | BEFORE)
        ):
            answer = await client.get(f"/v1/incidents/{said['incident_id']}")
            exposure = answer.raise_for_status().json()["exposure"]
        found = routing_of(
            routed_incident(said, exposure or {}),
            rules.routing,
            next(iter(rules.by_kind.values())).zone_of,
            datetime.now(UTC),
        )
        where = (found.route, dict(found.labels), found.told_at.timestamp())
        return {
            one.name: where if found.route in one.routes and found.route is not Route.OFF else None
            for one in self._targets.of_incidents
        }

    async def _send_to(self, target: WebhookTarget) -> None:
        waits = pauses()
        async with client_of(target) as client:
            while True:
                entries = self._next(target)
                if not entries:
                    await asyncio.sleep(POLL_S)
                elif await self._post(client, target, entries):
                    waits = pauses()
                else:
                    await asyncio.sleep(next(waits))

    def _next(self, target: WebhookTarget) -> list[OutboxEntry]:
        """The entries of the next message: one page, or all that is in the digest."""
        due = self._outbox.due(target.name, time.time(), DIGEST_MAX)
        if due and due[0].route is Route.DIGEST:
            return [one for one in due if one.route is Route.DIGEST]
        return due[:1]

    async def _post(
        self, client: httpx.AsyncClient, target: WebhookTarget, entries: Sequence[OutboxEntry]
    ) -> bool:
        """Whether the entries are done with: delivered, or given up."""
        message = message_of(entries)
        self._outbox.trying(entries)
        status = await post(client, target, message)
        if is_taken(status):
            self._outbox.delivered(entries)
            self._count(DeliveryOutcome.DELIVERED)
            return True
        if not is_refused(status):
            self._count(DeliveryOutcome.FAILED)
            return False
        is_over = self._outbox.refused(
            entries, target.give_up_after, message.message_id, status, time.time()
        )
        self._count(DeliveryOutcome.GIVEN_UP if is_over else DeliveryOutcome.REFUSED)
        return is_over


def message_of(entries: Sequence[OutboxEntry]) -> Message:
    """The message of one page, or of a digest."""
    first = entries[0]
    if first.route is not Route.DIGEST:
        return incident_message(first.name, first.record, first.labels, first.number)
    due = datetime.fromtimestamp(first.due, UTC).isoformat()
    told = [(one.name, one.record, one.labels, one.number) for one in entries]
    return digest_message(told, due)


def routed_incident(said: Any, exposure: Any) -> RoutedIncident:
    """What decides about the route of an incident that the API prints."""
    money = [Decimal(exposure.get(name, 0)) for name in ("overcharged", "undercharged")]
    return RoutedIncident(
        said["kind"], said["cause"], said["channel"], said["location"],
        Severity(said["severity"]), int(exposure.get("customers", 0)), sum(money, Decimal(0)),
    )  # fmt: skip
