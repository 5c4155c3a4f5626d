"""Rules that are wanted while others are just being finished are not forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from services.embedded.rules_applying import RulesApplying
from services.identity.rebuild import RebuiltPart

DEADLINE_S = 30


def test_what_is_wanted_at_the_end_is_done() -> None:
    """The thread has done the last part, and is still there, when the next change is wanted; and
    once it is gone, the one after that begins anew."""
    begun, done = list[int](), threading.Semaphore(0)

    def parts() -> Iterator[RebuiltPart]:
        begun.append(len(begun))
        yield from ()

    def submit(work: Callable[[], None]) -> None:
        work()
        if len(begun) == 1:
            want()
        done.release()

    def want() -> None:
        applying.note(True)
        applying.start()

    applying = RulesApplying(submit, parts)
    want()
    for count in (1, 2):
        assert done.acquire(timeout=DEADLINE_S), f"{count - 1} of 2 changes were applied"
    for thread in [one for one in threading.enumerate() if one.name == "rules"]:
        thread.join(DEADLINE_S)
    want()
    assert done.acquire(timeout=DEADLINE_S)
    applying.stop()
    assert begun == [0, 1, 2]
