"""Keeps the alerts of one Alertmanager: sent as they begin, again while they last, and as they end.

It posts at least once and reads nothing of an answer but its status. A target that fails keeps its
rows, and stops nobody else.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import structlog

from services.notify.core.alerts import alert_of
from services.notify.core.messages import DeliveryOutcome
from services.notify.firing import FiringAlert, FiringAlerts
from services.notify.targets import AlertmanagerTarget
from services.runtime.metrics import Metrics
from services.runtime.retry import pauses

ALERTS_PATH = "/api/v2/alerts"
ALERTS_MAX = 200
"""Alerts in one request."""
POLL_S = 0.5
REPEATED = frozenset({408, 425, 429})
log = structlog.get_logger()


async def keep_firing(target: AlertmanagerTarget, alerts: FiringAlerts, metrics: Metrics) -> None:
    """Send what is due, until cancelled."""
    waits, headers = pauses(), {"Content-Type": "application/json"}
    if target.authorization is not None:
        headers["Authorization"] = target.authorization.get_secret_value()
    async with httpx.AsyncClient(
        timeout=target.timeout_s, headers=headers, follow_redirects=False
    ) as client:
        while True:
            due = alerts.due(target.name, time.time(), ALERTS_MAX)
            if not due:
                await asyncio.sleep(POLL_S)
                continue
            alerts.trying(due)
            status = await _post(client, target, due)
            metrics.notify_deliveries.labels(_outcome(status)).inc()
            if _outcome(status) is not DeliveryOutcome.FAILED:
                # Of a request that is refused, the alerts that are valid were taken. One whose end
                # is refused ends by itself.
                alerts.sent(due, time.time() + target.repeat_s)
                waits = pauses()
            else:
                await asyncio.sleep(next(waits))


def _outcome(status: int) -> DeliveryOutcome:
    if 200 <= status < 300:
        return DeliveryOutcome.DELIVERED
    if 300 <= status < 500 and status not in REPEATED:
        return DeliveryOutcome.REFUSED
    return DeliveryOutcome.FAILED


async def _post(
    client: httpx.AsyncClient, target: AlertmanagerTarget, due: list[FiringAlert]
) -> int:
    """The status of the answer; 0 if there was none."""
    now = datetime.now(UTC)
    expires_at = now + timedelta(seconds=target.expires_s)
    body = [
        alert_of(
            one.record,
            orjson.loads(one.labels),
            now,
            expires_at if one.ended is None else datetime.fromtimestamp(one.ended, UTC),
        )
        for one in due
    ]
    try:
        async with asyncio.timeout(target.timeout_s):
            async with client.stream(
                "POST", target.url.rstrip("/") + ALERTS_PATH, content=orjson.dumps(body)
            ) as answer:
                status = answer.status_code
    except (httpx.HTTPError, TimeoutError, OSError) as error:
        log.warning("not_delivered", target=target.name, error=type(error).__name__)
        return 0
    if status >= httpx.codes.MULTIPLE_CHOICES:
        log.warning("not_delivered", target=target.name, status=status)
    return status
