"""Brings the map in line with changed identity rules while a running service takes events.

Each part is an order to the one thread that writes, so batches come in between; the writer knows
that rows may still follow from other rules. A service that is stopped meanwhile goes on at its next
start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import structlog

from services.identity.rebuild import RebuiltPart
from services.runtime.errors import C360Error, Retry
from services.runtime.retry import pauses

log = structlog.get_logger()


class RulesApplying:
    """At most one thread at a time.

    Args:
        submit: has the writing thread do something, and returns when that is done.
        parts: makes what is left to do, part by part; each is durable when it is yielded.
    """

    def __init__(
        self,
        submit: Callable[[Callable[[], None]], None],
        parts: Callable[[], Iterator[RebuiltPart]],
    ) -> None:
        self._submit = submit
        self._parts = parts
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._is_wanted = False
        self._thread: threading.Thread | None = None

    def note(self, is_wanted: bool) -> None:
        """Whether there is something to do. To be called by the writing thread."""
        self._is_wanted = self._is_wanted or is_wanted

    def start(self) -> None:
        """Begin, if there is something to do and nobody does it yet."""
        with self._lock:
            if self._is_wanted and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End after the part in hand. The rest is left to the next start."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        waits, is_given_up = pauses(), False
        while True:
            with self._lock:  # whoever wants something from here on begins anew
                if is_given_up or not self._is_wanted or self._stopping.is_set():
                    self._thread = None
                    return
            try:
                self._bring_in_line()
            except Retry as error:  # the store takes nothing now; what was done is noted
                log.warning("rules_wait", error=str(error))
                self._stopping.wait(next(waits))
            except C360Error as error:
                log.error("rules_not_applied", error=str(error))
                is_given_up = True

    def _bring_in_line(self) -> None:
        parts = self._parts()
        ended = False

        def one() -> None:
            nonlocal ended
            ended = next(parts, None) is None
            if ended:
                self._is_wanted = False

        while not ended and not self._stopping.is_set():
            self._submit(one)
        if ended:
            log.info("rules_applied")
