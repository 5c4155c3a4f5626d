"""Structured logs. Values of identifiers and attributes never appear in them."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import TextIO, cast

import structlog

from services.runtime import tracing
from services.runtime.settings import LogSettings


def frames(error: BaseException) -> list[str]:
    """Where an error came from, the innermost place last. Its text is omitted: it may quote
    values of an event."""
    stack = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in stack]


class _Unfailing:
    """A stream whose faults stop nobody: without room for a line, or a reader of the pipe, the line
    is lost, and the work of which it tells goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """See TextIO."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """See TextIO."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def _with_trace(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Name the trace that a line belongs to, if one is recorded."""
    if trace_id := tracing.trace_id():
        event["trace_id"] = trace_id
    return event


def configure_logging(settings: LogSettings) -> None:
    """Send all logs to standard error, as text or as one JSON object per line."""
    stream = cast(TextIO, _Unfailing(sys.stderr))
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*before, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    # Logs of libraries: one form for all lines, and never their debug lines, which quote records.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *before],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
