"""Posts a signed message to a target. Nothing of the answer is read but its status."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import httpx
import structlog
from pydantic import SecretStr

from services.notify.core.messages import Message, signed

REFUSED_FROM, FAILED_FROM = 300, 500
REPEATED = frozenset({408, 425, 429})
log = structlog.get_logger()


class SignedTarget(Protocol):
    """Where messages are posted."""

    @property
    def name(self) -> str:
        """Name in logs."""
        ...

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def secrets(self) -> list[SecretStr]:
        """What it knows messages by."""
        ...

    @property
    def timeout_s(self) -> float:
        """Seconds until the answer."""
        ...


def client_of(target: SignedTarget) -> httpx.AsyncClient:
    """A client that follows no redirect."""
    return httpx.AsyncClient(timeout=target.timeout_s, follow_redirects=False)


async def post(client: httpx.AsyncClient, target: SignedTarget, message: Message) -> int:
    """The status of the answer; 0 if there was none."""
    secrets = [one.get_secret_value() for one in target.secrets]
    headers = signed(message, secrets, int(time.time()))
    try:
        async with asyncio.timeout(target.timeout_s):
            async with client.stream(
                "POST", target.url, content=message.body, headers=headers
            ) as answer:
                status = answer.status_code
    except (httpx.HTTPError, TimeoutError, OSError) as error:
        log.warning("not_delivered", target=target.name, error=type(error).__name__)
        return 0
    if status >= REFUSED_FROM:
        log.warning("not_delivered", target=target.name, status=status)
    return status


def is_taken(status: int) -> bool:
    """Whether the target has the message."""
    return 0 < status < REFUSED_FROM


def is_refused(status: int) -> bool:
    """Whether the message is to blame, and not the target or the way to it."""
    return REFUSED_FROM <= status < FAILED_FROM and status not in REPEATED
