"""Tables of pages as CSV files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import Response

from services.console.visit import PAGE_HEADERS
from services.runtime.csv_rows import write_csv_rows

MARK = "\ufeff"
"""Spreadsheets on Windows take a file without it for one of their own encodings."""


def csv_file(name: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """A file to download; no cell of it is a formula."""
    stream = io.StringIO()
    write_csv_rows(rows, names, stream)
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(MARK + stream.getvalue(), 200, headers, "text/csv; charset=utf-8")
