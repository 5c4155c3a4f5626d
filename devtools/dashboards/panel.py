"""One panel: what it asks, how it is drawn, from which value on it is bad, and its JSON.

Every panel has a title, a description, a unit, thresholds and a legend: the constructors ask for
them, so none can be forgotten. `$job`, `$instance` and `$__rate_interval` are Grafana's to fill in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
"""The source that the reader chose: no dashboard knows one by its id."""
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
LINE = 24
"""Grafana's columns."""


class Drawing(StrEnum):
    """The visualisations in use."""

    STAT = "stat"
    LINES = "timeseries"
    BARS = "bargauge"
    TABLE = "table"


class Unit(StrEnum):
    """Grafana's ids of the units in use."""

    NUMBER = "short"
    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    PER_SECOND = "cps"
    EVENTS_PER_SECOND = "eps"
    REQUESTS_PER_SECOND = "reqps"


class Query(NamedTuple):
    """A query in PromQL, and what its series are called; `{{label}}` stands for a label's value."""

    promql: str
    legend: str


class Steps(NamedTuple):
    """From which values on a panel warns and alarms; `falling` when low values are the bad ones.

    Without a value it is a number that is neither good nor bad.
    """

    warn: float | None = None
    alarm: float | None = None
    falling: bool = False

    def json(self) -> dict[str, Any]:
        """Grafana's steps, the lowest first."""
        if self.alarm is None:
            return {"mode": "absolute", "steps": [_step(BLUE, None)]}
        warns = self.warn is not None
        if self.falling:
            ends = [(RED, None), *([(YELLOW, self.alarm), (GREEN, self.warn)] if warns else [])]
            ends += [] if warns else [(GREEN, self.alarm)]
        else:
            ends = [(GREEN, None), *([(YELLOW, self.warn)] if warns else []), (RED, self.alarm)]
        return {"mode": "absolute", "steps": [_step(*end) for end in ends]}


NEUTRAL = Steps()
"""Neither good nor bad."""


class Panel(NamedTuple):
    """One panel, `width` of 24 columns wide.

    `pages` are pages of the docs, relative to docs/, that say what to do.
    """

    drawing: Drawing
    title: str
    description: str
    unit: Unit
    asked: Sequence[Query]
    steps: Steps
    width: int
    pages: Sequence[str] = ()
    stacked: bool = False
    columns: Mapping[str, str] = {}
    """Of a table: labels that are shown, and their headings."""

    def json(self, number: int, x: int, y: int, height: int) -> dict[str, Any]:
        """Grafana's JSON of the panel at a place of the grid."""
        return {
            "id": number,
            "type": self.drawing.value,
            "title": self.title,
            "description": self.description,
            "datasource": PROMETHEUS,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": height},
            "links": [_link(page) for page in self.pages],
            "targets": [
                self._target(one, chr(ord("A") + place)) for place, one in enumerate(self.asked)
            ],
            "fieldConfig": {"defaults": self._field(), "overrides": []},
            "options": OPTIONS[self.drawing],
            **({"transformations": self._transformations()} if self.columns else {}),
        }

    def _target(self, asked: Query, letter: str) -> dict[str, Any]:
        at_once = self.drawing in (Drawing.BARS, Drawing.TABLE)
        return {
            "refId": letter,
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "expr": asked.promql,
            "legendFormat": asked.legend,
            "instant": at_once,
            "range": not at_once,
            **({"format": "table"} if self.drawing is Drawing.TABLE else {}),
        }

    def _field(self) -> dict[str, Any]:
        field: dict[str, Any] = {
            "unit": self.unit.value,
            "min": 0,
            "thresholds": self.steps.json(),
            "color": {"mode": "thresholds"},
            "noValue": "no data",
        }
        if self.unit is Unit.NUMBER and self.drawing is not Drawing.LINES:
            field["decimals"] = 0  # a rise over a window is an estimate between two scrapes
        if self.drawing is Drawing.LINES:
            field["color"] = {"mode": "palette-classic"}
            field["custom"] = {
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 20 if self.stacked else 8,
                "showPoints": "never",
                "spanNulls": False,
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
                "thresholdsStyle": {"mode": "off" if self.steps == NEUTRAL else "dashed"},
            }
        return field

    def _transformations(self) -> list[dict[str, Any]]:
        """Only the columns asked for, under their headings."""
        shown = {**self.columns, "Value": self.title}
        return [
            {"id": "filterFieldsByName", "options": {"include": {"names": list(shown)}}},
            {
                "id": "organize",
                "options": {
                    "indexByName": {name: place for place, name in enumerate(shown)},
                    "renameByName": shown,
                },
            },
        ]


_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
OPTIONS: Mapping[Drawing, Mapping[str, Any]] = {
    Drawing.STAT: {
        "reduceOptions": _LAST,
        "colorMode": "background_solid",
        "graphMode": "area",
        "textMode": "auto",
        "orientation": "auto",
        "justifyMode": "auto",
    },
    Drawing.LINES: {
        "legend": {
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
            "calcs": ["lastNotNull", "max"],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    Drawing.BARS: {
        "reduceOptions": _LAST,
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
    },
    Drawing.TABLE: {"showHeader": True, "cellHeight": "sm"},
}
"""How each visualisation looks, the same everywhere."""


def _step(color: str, value: float | None) -> dict[str, Any]:
    return {"color": color, "value": value}


def _link(page: str) -> dict[str, Any]:
    """A link of the panel's title to a page of the docs."""
    name = page.rpartition("/")[2].partition(".md")[0]
    return {"title": f"What to do: {name}", "url": f"${{docs}}/{page}", "targetBlank": True}


def stat(
    title: str,
    unit: Unit,
    promql: str,
    description: str,
    steps: Steps = NEUTRAL,
    *,
    width: int = 4,
    pages: Sequence[str] = (),
) -> Panel:
    """One number, with its course behind it."""
    asked = (Query(promql, title),)
    return Panel(Drawing.STAT, title, description, unit, asked, steps, width, pages)


def lines(
    title: str,
    unit: Unit,
    asked: Sequence[Query],
    description: str,
    steps: Steps = NEUTRAL,
    *,
    width: int = 12,
    stacked: bool = False,
    pages: Sequence[str] = (),
) -> Panel:
    """Numbers over time."""
    return Panel(Drawing.LINES, title, description, unit, asked, steps, width, pages, stacked)


def bars(
    title: str,
    unit: Unit,
    asked: Query,
    description: str,
    steps: Steps = NEUTRAL,
    *,
    width: int = 8,
    pages: Sequence[str] = (),
) -> Panel:
    """What there is now of each kind."""
    return Panel(Drawing.BARS, title, description, unit, (asked,), steps, width, pages)


def pages_of(*alerts: str) -> tuple[str, ...]:
    """The pages of alerts."""
    return tuple(f"alerts/{alert}.md" for alert in alerts)
