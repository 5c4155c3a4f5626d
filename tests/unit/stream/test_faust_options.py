"""Options of the Faust apps that differ between workers."""

from __future__ import annotations

import pytest

from services.runtime.settings import Settings
from services.stream.faust_host import build_app


@pytest.mark.parametrize(
    ("service", "seconds"),
    [
        ("identity", 86_400),  # a record of rules may take long
        ("consistency", 1_000),  # nothing there does: a worker that hangs loses its partitions
    ],
)
def test_how_long_a_worker_may_not_poll(service: str, seconds: int) -> None:
    """A day only where one record may take that long."""
    settings = Settings.model_validate({"kafka_bootstrap_servers": "localhost:9092"})
    assert build_app(settings, service).conf.broker_max_poll_interval == seconds
