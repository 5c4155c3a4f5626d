"""What the routes work with: `app.state.api` of the application.

Routes know these parts only; whether a data directory or a server is behind them, nobody here can
tell.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from fastapi import Request

from services.api.auth import Authenticator
from services.api.pool import ReadPool
from services.api.ports import Access
from services.api.rates import RateLimits
from services.runtime.metrics import Metrics
from services.runtime.settings import ApiSettings


class ApiParts(NamedTuple):
    """The parts."""

    settings: ApiSettings
    pool: ReadPool[Access]
    authenticator: Authenticator
    rates: RateLimits
    metrics: Metrics


def api_parts(request: Request) -> ApiParts:
    """The parts of this application."""
    return cast(ApiParts, request.app.state.api)
