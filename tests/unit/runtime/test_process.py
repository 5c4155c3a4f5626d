"""The life of a process: when garbage is collected."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.runtime.process import BatchCollections


class Knot:
    """Names itself, so only the collector frees it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Nothing stays away from the collector of later tests."""
    yield
    gc.unfreeze()


def test_nothing_is_collected_while_a_batch_is_read() -> None:
    """What was made then is not looked at afterwards either; the collector goes on."""
    collections = BatchCollections(every=2)
    with collections.reading():
        assert not gc.isenabled()
        knot = weakref.ref(Knot())
    assert gc.isenabled()
    gc.collect()
    assert knot() is not None


def test_knots_of_some_batches_are_found() -> None:
    """Reading for ever takes no more memory than these batches."""
    collections = BatchCollections(every=2)
    knots = []
    for _ in range(4):
        with collections.reading():
            knots.append(weakref.ref(Knot()))
    assert [knot() for knot in knots] == [None] * 4


def test_a_batch_that_fails_leaves_the_collector_on() -> None:
    """Also the one that cannot be read."""
    with pytest.raises(ValueError, match="damaged"), BatchCollections().reading():
        raise ValueError("damaged")
    assert gc.isenabled()
