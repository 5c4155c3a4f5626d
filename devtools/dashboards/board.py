"""One dashboard: rows of panels in a grid, variables, and links to its sisters and to the docs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from devtools.dashboards.panel import LINE, PROMETHEUS, Panel

SCHEMA_VERSION = 42
"""The last version of dashboards in this form, which Grafana 12.3 and 13 write."""
TAG = "customer360"
DOCS_URL = "https://github.com/customer360/customer360/blob/main/docs"
"""Where links to the docs lead; the variable `docs` of each dashboard changes it."""


class Height(IntEnum):
    """Of the panels of a row, in units of the grid."""

    LOW = 4
    USUAL = 8
    HIGH = 10


class Row(NamedTuple):
    """Panels under one heading; they flow from left to right, line by line."""

    title: str
    height: Height
    panels: Sequence[Panel]


class Variable(NamedTuple):
    """What a reader chooses: values of a label, of the series that `among` selects."""

    name: str
    label: str
    among: str
    description: str

    @property
    def query(self) -> str:
        """As Grafana asks for them."""
        return f"label_values({self.among}, {self.name})"

    def json(self) -> dict[str, Any]:
        """Several can be chosen at once; first it is all."""
        everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
        return {
            "type": "query",
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "datasource": PROMETHEUS,
            "query": {"query": self.query, "refId": f"variable-{self.name}"},
            "definition": self.query,
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "current": everything,
            "hide": 0,
        }


class Board(NamedTuple):
    """One dashboard; its id, which links use, is `c360-<name>` for ever."""

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    pages: Sequence[str] = ("dashboards.md", "runbook.md")
    """Pages of the docs to link, relative to docs/."""

    @property
    def uid(self) -> str:
        """Grafana's id of the dashboard."""
        return f"c360-{self.name}"

    @property
    def file(self) -> str:
        """Name of its JSON file."""
        return f"{self.name}.json"

    def json(self) -> dict[str, Any]:
        """Grafana's JSON of the dashboard."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": "now-3h", "to": "now"},
            "refresh": "30s",
            "annotations": {"list": []},
            "templating": {"list": [_SOURCE, *(one.json() for one in self.variables), _DOCS]},
            "links": [_sisters(), *(_page(page) for page in self.pages)],
            "panels": _laid_out(self.rows),
        }

    def text(self) -> str:
        """The JSON as the file holds it."""
        return json.dumps(self.json(), indent=1, ensure_ascii=False) + "\n"


_SOURCE = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "description": "Where the metrics are",
    "query": "prometheus",
    "current": {},
    "refresh": 1,
    "hide": 0,
}
_DOCS = {
    "type": "constant",
    "name": "docs",
    "label": "Docs",
    "description": "Where links to runbook pages lead",
    "query": DOCS_URL,
    "current": {"selected": True, "text": DOCS_URL, "value": DOCS_URL},
    "hide": 2,
}


def _sisters() -> dict[str, Any]:
    """Links to all dashboards of the product, with the same time and source."""
    return {
        "type": "dashboards",
        "title": "Customer 360",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    }


def _page(page: str) -> dict[str, Any]:
    name = page.removesuffix(".md").replace("-", " ").capitalize()
    return {
        "type": "link",
        "title": name,
        "url": f"${{docs}}/{page}",
        "icon": "doc",
        "targetBlank": True,
    }


def _laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Headings and panels with numbers and places."""
    found: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": LINE, "h": 1},
                "panels": [],
            }
        )
        x, y = 0, y + 1
        for panel in row.panels:
            if x + panel.width > LINE:
                x, y = 0, y + row.height
            found.append(panel.json(len(found) + 1, x, y, row.height))
            x += panel.width
        y += row.height
    return found
