"""The table of connections: bounded, fair to addresses, and safe for requests in work."""

from __future__ import annotations

import resource

import pytest

from services.runtime.connections import Connections, connections_that_fit, files_for
from services.runtime.metrics import Metrics


class Stranger:
    """A connection as the table sees it."""

    def __init__(self, address: str, since: float | None) -> None:
        self.address = address
        self.since = since
        self.is_open = True

    def waits_since(self) -> float | None:
        return self.since

    def look(self, now_s: float) -> None:
        if self.since is not None and now_s - self.since > 10:
            self.abort()

    def abort(self) -> None:
        self.is_open = False


def table(limit: int = 4) -> Connections:
    return Connections(limit, Metrics(), lambda: 100.0)


def test_the_one_that_waits_longest_makes_room() -> None:
    """A full table closes the oldest of those that wait for their senders."""
    full = table()
    held = [Stranger("a", since) for since in (3.0, 1.0, None, 2.0)]
    assert all(full.admit(one) for one in held)
    assert full.admit(Stranger("b", 5.0))
    assert [one.is_open for one in held] == [True, False, True, True]
    assert len(full) == 4


def test_the_address_with_most_connections_makes_room() -> None:
    """Who holds many cannot push out who holds one, however long that one waits."""
    full = table()
    quiet = Stranger("quiet", 0.0)
    greedy = [Stranger("greedy", since) for since in (1.0, 2.0, 3.0)]
    assert all(full.admit(one) for one in (quiet, *greedy))
    for number in range(50):
        assert full.admit(Stranger("greedy", 4.0 + number))
    assert quiet.is_open
    assert not any(one.is_open for one in greedy)


def test_requests_in_work_are_never_cut_off() -> None:
    """With nothing but requests in work, the next connection is refused."""
    full = table()
    working = [Stranger("a", None) for _ in range(4)]
    assert all(full.admit(one) for one in working)
    assert not full.admit(Stranger("b", 0.0))
    full.shed()
    assert all(one.is_open for one in working)
    full.gone(working[0])
    assert full.admit(Stranger("b", 0.0))


def test_out_of_files_all_that_wait_are_closed() -> None:
    """Their descriptors are needed by the writer."""
    some = table()
    waiting, working = Stranger("a", 1.0), Stranger("a", None)
    assert some.admit(waiting)
    assert some.admit(working)
    some.shed()
    assert (waiting.is_open, working.is_open, len(some)) == (False, True, 1)


@pytest.mark.parametrize(
    ("connections", "soft", "hard", "files"),
    [
        (500, 1024, 4096, 1024),  # enough
        (500, 256, 4096, 1000),
        (500, 256, 512, 512),
        (500, 256, resource.RLIM_INFINITY, 1000),
        (500, resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    ],
)
def test_the_limit_of_files_is_raised_as_needed(
    connections: int, soft: int, hard: int, files: int
) -> None:
    """Twice as many files as connections, if the process may; never fewer than before."""
    assert files_for(connections, soft, hard) == files


def test_connections_fit_the_files_of_this_process() -> None:
    """Never more than half of the files that the process may open."""
    fitting = connections_that_fit(10)
    assert 1 <= fitting <= 10
