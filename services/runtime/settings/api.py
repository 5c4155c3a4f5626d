"""The query API: read connections, time limits, rates, origins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from services.runtime.settings.part import Part

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]


class ApiSettings(Part):
    """Limits of requests that read."""

    api_connections: Annotated[int, Field(ge=1, le=64)] = 4
    """Connections to the store on which requests read, each used by one request at a time."""
    api_waiting_max: Annotated[int, Field(ge=0, le=10_000)] = 64
    """Requests that may wait for such a connection; beyond it, they are answered with 503."""
    api_wait_s: Annotated[float, Field(gt=0, le=60)] = 2
    """Seconds that a request waits for a connection before it is answered with 503."""
    api_limit_s: Annotated[int, Field(ge=1, le=600)] = 10
    """Seconds that a request may read; beyond it, it is answered with 503."""
    insight_limit_s: Annotated[int, Field(ge=1, le=3_600)] = 300
    """Seconds that a measure may take to compute, on a connection of its own; beyond it, its
    request is answered with 503."""
    api_rate_per_s: Annotated[float, Field(gt=0, le=100_000)] = 100
    """Requests a second of an API key that has no rate of its own, on average, per process. Twice
    as many may come at once."""
    api_cache_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024
    """Memory for profiles that were read already and have not changed; 0 for none."""
    api_cors_origins: list[Origin] = Field(default=[])
    """Origins whose web pages may call the API, as JSON list: `["https://desk.example"]`."""
    api_purpose_required: bool = False
    """Whether a request for profiles must say why, in the header X-Purpose."""
    api_consistent_wait_s: Annotated[float, Field(gt=0, le=30)] = 5
    """Seconds that a request with `consistent_after` waits for the event to become visible."""
    api_streams_max: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    """Streams of server-sent events that are open at once; each holds a connection."""
    api_streams_per_key_max: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Of these, those of one API key."""
