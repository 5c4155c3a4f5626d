"""Walks a journey over HTTP: sends events, waits until they can be read, looks identifiers up.

One client of the public API; whatever the service answers becomes an outcome, never a crash. It
must not show the key, nor what an answer says about customers.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx

from services.probe.core.journey import JourneyStep, customer_of, journey
from services.probe.core.outcome import JourneyFinding, JourneyOutcome, judge

BETWEEN_S = 0.05
"""Between two looks for an event that is not there yet."""
REQUEST_S = 30.0
"""From the beginning of a request to the end of its answer."""
REQUESTS = 12
"""Of a journey, each event sent, looked for, and looked up at the end; looks are repeated."""
PURPOSE = "synthetic journey"


def longest_s(deadline_s: float) -> float:
    """Seconds that a journey takes at most."""
    return REQUESTS * (REQUEST_S + deadline_s)


class _Ended(Exception):
    """The journey cannot go on."""

    def __init__(self, outcome: JourneyOutcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome, self.detail = outcome, detail


class Walker:
    """Walks one journey after the other, and remembers the profile of the one before."""

    def __init__(self, client: httpx.AsyncClient, realm: str, deadline_s: float) -> None:
        """`client` has the base URL and the key; `deadline_s` is for each event to be visible."""
        self._client = client
        self._realm = realm
        self._deadline_s = deadline_s
        self._before: tuple[int, str] | None = None

    async def walk(self, customer: int | None = None) -> JourneyFinding:
        """Walk once, as the customer whose turn it is by the clock. Raises nothing of its own."""
        at = datetime.now(UTC)
        customer = customer_of(at) if customer is None else customer
        steps = journey(f"probe-{uuid.uuid4().hex}", customer, at, self._realm)
        freshness_s: dict[str, float] = {}
        try:
            for step in steps:
                freshness_s[step.channel] = await self._shown(step)
            last = steps[-1].event["event_id"]
            profiles = {one.channel: await self._profile(one, last) for one in steps}
        except _Ended as ended:
            return JourneyFinding(ended.outcome, ended.detail, freshness_s)
        outcome, detail = judge(profiles, customer, self._before)
        profile = profiles[steps[-1].channel]
        if profile is not None:
            self._before = customer, profile
        return JourneyFinding(outcome, detail, freshness_s, profile)

    async def _shown(self, step: JourneyStep) -> float:
        """Send an event; the seconds until a read has it."""
        began = time.monotonic()
        answer = await self._post("/v1/touchpoints", {"batch": [step.event]})
        status = _said(answer, "results", 0, "status")
        if status != "accepted":
            why = (_said(answer, "results", 0, name) for name in ("reason", "path"))
            detail = " ".join([f"{step.channel}: {status}", *why])
            raise _Ended(JourneyOutcome.REJECTED, detail.strip())
        await self._profile(step, step.event["event_id"])
        return time.monotonic() - began

    async def _profile(self, step: JourneyStep, event_id: str) -> str | None:
        """The profile of the step's identifier once the event is visible; None if it has none."""
        until = time.monotonic() + self._deadline_s
        path = f"/v1/profiles/lookup?fields=profile_id&consistent_after={event_id}"
        while True:
            answer = await self._post(path, {"identifiers": [step.identifier]}, reads=True)
            if answer.status_code == HTTPStatus.OK:
                return _said(answer, "profile_id")
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            if time.monotonic() > until:
                detail = f"{step.channel}: not visible within {self._deadline_s:g} s"
                raise _Ended(JourneyOutcome.NOT_VISIBLE, detail)
            await asyncio.sleep(BETWEEN_S)

    async def _post(self, path: str, body: Any, *, reads: bool = False) -> httpx.Response:
        """The answer, if it is one to go on with. A read may also be not found or not visible."""
        where = path.partition("?")[0]
        try:
            async with asyncio.timeout(REQUEST_S):
                headers = {"X-Purpose": PURPOSE}
                answer = await self._client.post(path, json=body, headers=headers, timeout=None)
        except (httpx.HTTPError, TimeoutError) as error:
            detail = f"{where}: {type(error).__name__}"
            raise _Ended(JourneyOutcome.UNREACHABLE, detail) from error
        status = answer.status_code
        if status == HTTPStatus.OK or (reads and _may_follow(answer)):
            return answer
        detail = f"{where} answered {status}"
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Ended(JourneyOutcome.UNREACHABLE, detail)
        raise _Ended(JourneyOutcome.REFUSED, detail)


def _may_follow(answer: httpx.Response) -> bool:
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return b"not-visible-yet" in answer.content
    return answer.status_code == HTTPStatus.NOT_FOUND


def _said(answer: httpx.Response, *place: str | int) -> str:
    """A word of an answer. Who answers something else is not the service."""
    try:
        found = answer.json()
        for step in place:
            found = found[step]
    except (ValueError, LookupError, TypeError) as error:
        where = answer.request.url.path
        detail = f"{where} is answered by something else than the service"
        raise _Ended(JourneyOutcome.REFUSED, detail) from error
    return str(found)
