"""Grafana dashboards as code: `python -m devtools.dashboards` writes deploy/grafana/dashboards/.

One module per dashboard says what it shows; `panel` and `board` make Grafana's JSON of it. The JSON
depends on this code alone: no dates, no random ids. Nothing here talks to Grafana or Prometheus.
"""

from devtools.dashboards.board import Board
from devtools.dashboards.catalogue import BOARDS

__all__ = ["BOARDS", "Board"]
