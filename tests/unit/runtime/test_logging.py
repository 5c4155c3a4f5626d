"""Logs never stop the work of which they tell."""

from __future__ import annotations

import errno
import io
import logging
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from services.runtime.logging import configure_logging
from services.runtime.settings import LogSettings


class Failing(io.StringIO):
    """Standard error on a full disk, without a reader, or closed."""

    fault: Exception | None = None

    def write(self, text: str) -> int:
        """Raises the fault, if there is one."""
        if self.fault is not None:
            raise self.fault
        return super().write(text)


@pytest.fixture
def as_before() -> Iterator[None]:
    """Logs are as before afterwards."""
    before, handlers = structlog.get_config(), logging.root.handlers[:]
    yield
    structlog.configure(**before)
    logging.root.handlers[:] = handlers


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EFBIG, "File too large"),
        BrokenPipeError(),
        BlockingIOError(),
        ValueError("I/O operation on closed file"),
    ],
)
@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.usefixtures("as_before")
def test_a_line_that_cannot_be_written_is_lost(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, log_format: Literal["console", "json"]
) -> None:
    """Whoever logs does not notice; later lines are written again."""
    stderr = Failing()
    monkeypatch.setattr(sys, "stderr", stderr)
    configure_logging(LogSettings(log_format=log_format))
    log = structlog.get_logger()
    stderr.fault = fault
    log.error("store_takes_nothing", events=1)
    logging.getLogger("a library").warning("trouble")
    stderr.fault = None
    log.error("store_is_back")
    assert "store_is_back" in stderr.getvalue()
