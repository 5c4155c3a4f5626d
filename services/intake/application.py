"""The HTTP application: every router, and what surrounds them, for `c360 up` and `c360 api`.

It composes and decides nothing: routes are in services/intake/http.py and services/api/http/.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from services.api.http import (
    about,
    access,
    consents,
    decisions,
    freshness,
    groups,
    identity,
    incidents,
    insights,
    local,
    orders,
    profiles,
    rejected,
    segments,
    streams,
    suggestions,
    timeline,
)
from services.api.http.body_guard import BodyGuard
from services.api.http.compression import Compression
from services.api.http.envelope import Envelope
from services.api.http.heads import HeadAsGet
from services.api.http.local import LocalChannel
from services.api.http.methods import fixed_paths
from services.api.http.parts import ApiParts
from services.api.http.problems import answer_with_problems
from services.api.http.streams import Streams
from services.intake import http as intake
from services.intake import tracking, webhooks
from services.intake.api_document import finished, with_exact_numbers
from services.intake.http import Running

ROUTERS: tuple[APIRouter, ...] = (
    freshness.router,
    intake.router,
    tracking.router,
    webhooks.router,
    streams.router,
    profiles.router,
    timeline.router,
    orders.router,
    groups.router,
    consents.router,
    identity.router,
    decisions.router,
    suggestions.router,
    incidents.router,
    insights.router,
    segments.router,
    rejected.router,
    access.router,
    about.router,
)
"""What clients may call; the order is that of the OpenAPI document. The paths of streams look like
those of single incidents and profiles, so they come first."""
INTAKE_ROUTERS: tuple[APIRouter, ...] = (
    intake.router,
    tracking.router,
    webhooks.router,
    about.router,
)
"""What a process serves that takes events and answers no questions."""
EXPOSED_HEADERS = [
    "ETag", "Merged-Into", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID",
]  # fmt: skip
"""Headers that a web page of an allowed origin may read."""
SENT_HEADERS = [
    "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer",
    "X-API-Key", "X-Purpose", "X-Request-ID", "X-Retry-Count",
]  # fmt: skip
RUDDERSTACK_HEADERS = [
    "AnonymousId", "SentAt", "Rsa-Recovered", "Rsa-Retry-Attempt",
    "Rsa-Since-First-Attempt", "Rsa-Since-Last-Attempt", "Rsa-Retry-Reason",
]  # fmt: skip
"""What RudderStack's library for browsers sends, too; nothing here reads it."""
PREFLIGHT_S = 600


class Application(FastAPI):
    """The routes, inside the envelope that even unexpected faults are answered in."""

    routers: tuple[APIRouter, ...] = ROUTERS

    def build_middleware_stack(self) -> ASGIApp:
        """See Starlette."""
        return Envelope(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            routes = (route for router in self.routers for route in router.routes)
            answers = [one.response_model for one in routes if isinstance(one, APIRoute)]
            document = with_exact_numbers(super().openapi(), filter(None, answers))
            self.openapi_schema = finished(document)
        return self.openapi_schema


def application(
    origins: list[str] | None = None, routers: tuple[APIRouter, ...] = ROUTERS
) -> Application:
    """The routes alone; they answer once `app.state` is set."""
    app = Application(
        title="customer360",
        version="1",
        description="Touchpoints in; profiles, incidents and why out.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # to where a sender's Host header says, and without TLS
        telemetry={  # it would tell paths and queries, which name customers
            "tracing": False,
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        },
    )
    app.routers = routers
    answer_with_problems(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyGuard)
    app.add_middleware(Compression)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=[*SENT_HEADERS, *RUDDERSTACK_HEADERS],
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_S,
        )
    app.router.routes.extend(fixed_paths(routers))
    for router in routers:
        app.include_router(router)
    return app


def create_app(
    running: Running,
    api: ApiParts,
    channel: LocalChannel | None = None,
    feeds: Streams | None = None,
    routers: tuple[APIRouter, ...] = ROUTERS,
) -> Application:
    """The application over its parts; `channel` is that of commands on the same machine."""
    app = application(api.settings.api_cors_origins, routers)
    app.state.running, app.state.api, app.state.metrics = running, api, api.metrics
    app.state.streams = feeds
    if channel is not None:
        app.state.local = channel
        app.include_router(local.router)
    return app
