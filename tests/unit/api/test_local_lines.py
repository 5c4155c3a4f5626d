"""Lines reach a running service as a command read them."""

from __future__ import annotations

import pytest

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.api.http.local import _sized_line
from services.cli.remote_session import _written
from services.ingest.lines import Line


@pytest.mark.parametrize(
    "line",
    [
        Line(b'{"event_id": "e"}', 17),
        Line(b"tab\tand [more]", 14),
        Line(b"x" * 10, 5_000_000),  # truncated
        Line(b"{}", 2, None, "tab\tline\n.jsonl, line 3"),
        Line(b"no json", 7, Fault(RejectReason.INVALID_FIELD, "batch", "not\ta list\n")),
    ],
)
def test_a_line_survives_the_local_channel(line: Line) -> None:
    """Content, size and fault come out as they went in."""
    sent = _written(line)
    assert sent.endswith(b"\n")
    assert sent.count(b"\n") == 1
    assert _sized_line(sent[:-1]) == line
