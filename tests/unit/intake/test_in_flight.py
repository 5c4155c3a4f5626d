"""Bytes in flight: bounded over all requests, half of them for public keys, all given back."""

from __future__ import annotations

from contextlib import suppress

import pytest

from services.api.http.problems import Problem
from services.ingest.core.outcome import Intake
from services.intake.in_flight import BytesInFlight
from services.runtime.metrics import Metrics


def test_public_keys_have_half() -> None:
    """What public keys hold never keeps a server out; a server may have all of it."""
    memory = BytesInFlight(100, Metrics())
    with memory.held(Intake.PUBLIC) as one, memory.held(Intake.PUBLIC) as other:
        one.take(30)
        other.take(20)
        with pytest.raises(Problem) as refused:
            other.take(1)
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
        with memory.held(Intake.SERVER) as server:
            server.take(50)
            with pytest.raises(Problem):
                server.take(1)
    with memory.held(Intake.SERVER) as server:
        server.take(100)
    assert memory.size == 0


def test_a_request_that_fails_gives_back_what_it_held() -> None:
    """Whatever ends a request, and however often it was refused more."""
    metrics = Metrics()
    memory = BytesInFlight(100, metrics)
    for _ in range(3):
        with memory.held(Intake.SERVER) as held:
            held.take(60)
            with pytest.raises(Problem):
                held.take(60)
        with suppress(ConnectionError), memory.held(Intake.SERVER) as held:
            held.take(60)
            raise ConnectionError
    assert memory.size == 0
    assert metrics.registry.get_sample_value("c360_intake_bytes_in_flight") == 0
