"""A client of the customer360 query API: `Client`, and the asynchronous `AsyncClient`.

This module is the public surface; modules whose names begin with `_` may change at any time.
"""

from customer360_client import models
from customer360_client._async_client import AsyncClient
from customer360_client._call import Retries
from customer360_client._stream import ServerEvent
from customer360_client._sync_client import Client
from customer360_client.errors import (
    CallError,
    Conflict,
    Erased,
    InvalidRequest,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ProblemError,
    RateLimited,
    Unavailable,
    UnreadableAnswer,
)

__all__ = [
    "AsyncClient",
    "CallError",
    "Client",
    "Conflict",
    "Erased",
    "InvalidRequest",
    "NoAnswer",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "ProblemError",
    "RateLimited",
    "Retries",
    "ServerEvent",
    "Unavailable",
    "UnreadableAnswer",
    "models",
]
