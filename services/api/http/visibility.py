"""Waiting until one event is in the answers: `consistent_after` of every route that reads."""

from __future__ import annotations

import time
from asyncio import sleep

from schemas.api.problem import ProblemCode
from services.api.http.parts import ApiParts
from services.api.http.problems import Problem
from services.api.ports import Access

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5


async def wait_visible(parts: ApiParts, realm: str, event_id: str) -> None:
    """Return once an event is visible in a realm, and in every answer from then on.

    Raises Problem 503 when it does not become visible within the time limit of the settings: an
    event that nobody knows may still be on its way.
    """

    def is_visible(access: Access) -> bool:
        return access.reads.freshness.is_visible(realm, event_id)

    limit_s, pause_s = parts.settings.api_consistent_wait_s, FIRST_PAUSE_S
    ends_s = time.monotonic() + limit_s
    while not await parts.pool.run(is_visible):
        if time.monotonic() + pause_s > ends_s:
            detail = f"the event has not become visible within {limit_s:g} s"
            raise Problem(ProblemCode.NOT_VISIBLE_YET, detail, Retry_After="1")
        await sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    await parts.marks.latest(is_strict=True)  # no answer that was kept before
