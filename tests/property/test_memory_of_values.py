"""What ingest remembers of values that strangers send is bounded in bytes, not only in number."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from schemas.attributes import AttributeType, read_value
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Intake
from tests.events import RECEIVED_AT, core, event, identifier, line

VALUES = 200
LONG = "\U0001f600" * 450
"""Four bytes each in memory."""


def send(processor: EventProcessor, value: str) -> None:
    """An event that names a value as several types."""
    named = [identifier(type_, value) for type_ in ("cookie", "email", "phone")]
    processor.process(line(event(identifiers=named)), RECEIVED_AT, Intake.PUBLIC)


def read(_: EventProcessor, value: str) -> None:
    """A value read as an attribute of every type."""
    for type_ in AttributeType:
        read_value(type_, value, "DE")


@pytest.mark.parametrize("take", [send, read])
def test_long_values_are_not_remembered(take: Callable[[EventProcessor, str], None]) -> None:
    """Hundreds of different long values leave less in memory than a tenth of themselves."""
    processor = core()
    take(processor, f"x{LONG}")  # loads the names of countries
    tracemalloc.start()
    try:
        for number in range(VALUES):
            take(processor, f"{number}{LONG}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < VALUES * len(LONG) * 4 / 10
