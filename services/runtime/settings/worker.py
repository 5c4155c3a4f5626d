"""The workers: membership, health pages, batches, limits of rejects, ticks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.runtime.settings.ingest import BATCH_EVENTS_LIMIT
from services.runtime.settings.part import Part


class WorkerSettings(Part):
    """One worker."""

    worker_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """Stable name of a worker (its pod's), for static membership: a restart within the session
    timeout moves no partitions. Empty for dynamic membership."""
    worker_http_host: str = "127.0.0.1"
    """Address on which a worker serves `/livez`, `/readyz` and `/metrics`."""
    worker_http_port: Annotated[int, Field(ge=0, le=65535)] = 8361
    """Port of the health pages; 0 picks a free one. If it is not set, the identity worker takes the
    next one, the consistency worker the one after, `c360 probe` the third, `c360 notify`
    the fourth."""
    worker_batch_events_max: Annotated[int, Field(ge=1, le=BATCH_EVENTS_LIMIT)] = 5_000
    """Events per batch of an ingest worker."""
    worker_batch_bytes_max: Annotated[int, Field(ge=100_000)] = 32 * 1024 * 1024
    """Bytes at which a batch is full regardless of its number of events; bounds memory."""
    worker_linger_ms: Annotated[int, Field(ge=0, le=60_000)] = 500
    """Milliseconds that a batch waits to fill up."""
    worker_shutdown_grace_s: Annotated[int, Field(ge=1, le=600)] = 25
    """Seconds that a worker has after SIGTERM to finish and commit its batch."""
    worker_stalled_after_s: Annotated[int, Field(ge=5, le=3600)] = 120
    """Seconds without progress, while there is work, after which `/livez` fails."""
    worker_clock_skew_max_s: Annotated[float, Field(gt=0, le=3600)] = 30
    """Seconds that a worker's clock may differ from the store's; beyond it, `/readyz` fails. No
    result depends on it, but its logs and metrics do."""
    kafka_session_timeout_s: Annotated[int, Field(ge=6, le=300)] = 15
    """Seconds without a heartbeat after which a worker's partitions go to others."""
    rejects_consecutive_max: Annotated[int, Field(ge=1)] = 1_000
    """Consecutive rejects of one partition that stop an ingest worker: a sign of an outage."""
    rejects_ratio_max: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of rejects among the last 10,000 events that stops an ingest worker."""
    tick_interval_s: Annotated[float, Field(ge=0.1, le=3600)] = 1
    """Seconds between two ticks, which advance event time for incidents."""
    consistency_cached_claims_max: Annotated[int, Field(ge=1_000)] = 100_000
    """Claims that a consistency worker keeps in memory, one to three KiB each; what it does not
    have, it reads from the store."""

    def health_port(self, offset: int) -> int:
        """The port of the health pages that was set, else the default's neighbour."""
        return self.worker_http_port + (
            0 if "worker_http_port" in self.model_fields_set else offset
        )
