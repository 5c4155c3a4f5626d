"""All dashboards, in the order in which a reader meets them."""

from __future__ import annotations

from devtools.dashboards.api import API
from devtools.dashboards.board import Board
from devtools.dashboards.consistency import CONSISTENCY
from devtools.dashboards.identity import IDENTITY
from devtools.dashboards.ingest import INGEST
from devtools.dashboards.overview import OVERVIEW
from devtools.dashboards.workers import WORKERS

BOARDS: tuple[Board, ...] = (OVERVIEW, INGEST, IDENTITY, CONSISTENCY, API, WORKERS)
