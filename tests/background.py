"""A thread that works beside a test until it is told to end, and whose failure fails the test."""

from __future__ import annotations

import threading
from typing import Self


class Background(threading.Thread):
    """A context manager: the thread starts when it is entered and has ended when it is left.

    A subclass works in `work`, and looks at `leaving` or waits for it.
    """

    def __init__(self, name: str, join_s: float = 60) -> None:
        """`join_s` is how long its last work may take."""
        super().__init__(name=name, daemon=True)
        self.leaving = threading.Event()
        self._join_s = join_s
        self._fault: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def ended(self) -> bool:
        """Whether the thread failed; `stop` says with what."""
        return self._fault is not None

    def work(self) -> None:
        """What the thread does."""
        raise NotImplementedError

    def run(self) -> None:
        """See threading.Thread."""
        try:
            self.work()
        except BaseException as error:
            self._fault = error
            raise

    def stop(self) -> None:
        """Let it end. Fails with what ended the thread before."""
        self.leaving.set()
        self.join(self._join_s)
        assert self._fault is None, self._fault
        assert not self.is_alive(), f"the thread {self.name} does not end"
