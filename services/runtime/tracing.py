"""Spans of requests, batches and statements, if somebody wants them; otherwise nothing at all.

All that callers know of tracing. Names and numbers are the only things that a span can be given
here: nothing of an event, a request or a statement may go into one. Off, which is the default, no
library is loaded and each call is one comparison; services/runtime/otel_spans.py is loaded when
tracing is switched on. A process traces what it serves between `traced` and its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Those that spans and labels of metrics name; a sender can make up any other."""
TRACEPARENT = "traceparent"
"""Name of the header that carries a span's identity (W3C Trace Context), over HTTP and in Kafka."""
CARRIER_BYTES = 55
LINKS_MAX = 128
"""Messages of one batch that its span is linked to."""


class OpenSpan(Protocol):
    """A span, open within its `with` block; an exception that leaves the block marks it."""

    @property
    def header(self) -> dict[str, str] | None:
        """What another system needs to go on with the trace; None if this is not recorded."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def answered(self, method: str, route: str, status: int) -> None:
        """End the span of a request: `route` is the pattern of its path, never the path."""
        ...


class Spans(Protocol):
    """Makes spans; each method is what the function of its name says. Only `request`,
    `batch` and `received` begin a trace: the others are a part of the span in which they are
    called, and nothing without one."""

    def request(self, method: str, carrier: bytes | None) -> OpenSpan: ...
    def batch(self, count: int, carriers: Iterable[bytes | None]) -> OpenSpan: ...
    def received(self, topic: str, count: int, carriers: Iterable[bytes | None]) -> OpenSpan: ...
    def step(self, name: str) -> OpenSpan: ...
    def sending(self, topics: Iterable[str], count: int) -> OpenSpan: ...
    def statement(self, operation: str, target: str, database: str) -> OpenSpan: ...
    def trace_id(self) -> str: ...
    def carrier(self) -> bytes | None: ...
    def carried(self, work: Callable[P, T]) -> Callable[P, T]: ...
    def stop(self) -> None: ...


class _NoSpan:
    """Stands for every span that is not recorded."""

    header: None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def answered(self, method: str, route: str, status: int) -> None:
        """See OpenSpan."""


NO_SPAN: OpenSpan = _NoSpan()
_spans: Spans | None = None


@contextmanager
def traced(settings: Settings, service: str) -> Iterator[None]:
    """Trace this process, if the settings want it, and send what is left at its end, for a few
    seconds at most. Raises ConfigurationError when that cannot work."""
    if not settings.tracing:
        yield
        return
    try:
        from services.runtime.otel_spans import exported_spans
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"C360_TRACING is set, but {error.name} is not installed: run "
            "pip install 'customer360[otel]'"
        ) from error
    spans = exported_spans(service, settings.worker_id)
    switch(spans)
    try:
        yield
    finally:
        switch(None)
        spans.stop()


def switch(spans: Spans | None) -> None:
    """Begin to make spans, or end it."""
    global _spans
    _spans = spans


def is_on() -> bool:
    """Whether spans are made."""
    return _spans is not None


def request(method: str, carrier: bytes | None) -> OpenSpan:
    """The span of a request over HTTP; its sender may have a span of its own."""
    return NO_SPAN if _spans is None else _spans.request(method, carrier)


def batch(count: int, carriers: Iterable[bytes | None]) -> OpenSpan:
    """The span of a batch of this process's own requests, linked to their spans; `count` is that of
    their events."""
    return NO_SPAN if _spans is None else _spans.batch(count, carriers)


def received(topic: str, count: int, carriers: Iterable[bytes | None]) -> OpenSpan:
    """The span of a batch of records, linked to the spans that they come from. `topic` is empty for
    several ones."""
    return NO_SPAN if _spans is None else _spans.received(topic, count, carriers)


def step(name: str) -> OpenSpan:
    """A part of the current span."""
    return NO_SPAN if _spans is None else _spans.step(name)


def sending(topics: Iterable[str], count: int) -> OpenSpan:
    """Records on their way to the log."""
    return NO_SPAN if _spans is None else _spans.sending(topics, count)


def statement(operation: str, target: str, database: str) -> OpenSpan:
    """A statement of the store: a word of SQL, and the name of a table or of a statement of ours;
    never its text."""
    return NO_SPAN if _spans is None else _spans.statement(operation, target, database)


def trace_id() -> str:
    """The trace that is recorded here, as logs and problems name it; empty without one."""
    return "" if _spans is None else _spans.trace_id()


def carrier() -> bytes | None:
    """The current span, as the header `traceparent` of records has it; None without one."""
    return None if _spans is None else _spans.carrier()


def carrier_of(headers: Sequence[tuple[str, bytes]]) -> bytes | None:
    """What a record's headers say of the span that it comes from, whatever that is."""
    for name, value in headers:
        if name == TRACEPARENT:
            return value
    return None


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """The work as another thread has to call it to be a part of the current span."""
    return work if _spans is None else _spans.carried(work)
