"""Reads dashboards as Grafana does: fills in the variables, asks Prometheus, keeps the answers.

It knows of a dashboard only what is in its JSON file and in the provisioned source.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from devtools.prometheus import Prometheus

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
STEP_S = 1
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
SIGNS = re.compile(r"([\\^$*+?.()|\[\]{}])")


class Series(NamedTuple):
    """One line of a panel: its labels, and (time, value) of every point that is a number."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Target(NamedTuple):
    """One query of a panel, as it is in the file."""

    panel: Mapping[str, Any]
    query: Mapping[str, Any]

    @property
    def legend(self) -> str:
        """What its series are called."""
        legend: str = self.query["legendFormat"]
        return legend

    def __str__(self) -> str:
        return f"{self.panel['title']} {self.query['refId']}"


def boards() -> dict[str, dict[str, Any]]:
    """Every dashboard in the repository, by the name of its file."""
    files = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def panels(board: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The panels that show something."""
    return [one for one in board["panels"] if one["type"] != "row"]


def targets(board: Mapping[str, Any]) -> list[Target]:
    """The queries of all panels."""
    return [Target(panel, query) for panel in panels(board) for query in panel["targets"]]


class Reading:
    """A dashboard that is open, with everything chosen that can be chosen.

    Args:
        prometheus: the chosen source.
        start, end: the time range on top of the page, in seconds since 1970.
    """

    def __init__(
        self, board: Mapping[str, Any], prometheus: Prometheus, start: float, end: float
    ) -> None:
        self._prometheus = prometheus
        self._start, self._end = start, end
        self.chosen = {"__rate_interval": f"{rate_interval_s()}s"}
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                found = self._values(variable["query"]["query"])
                self.chosen[variable["name"]] = _joined(found)

    def filled_in(self, text: str) -> str:
        """The text with every variable replaced. Raises KeyError for one that nobody defines."""
        return re.sub(r"\$(\w+)", lambda found: self.chosen[found[1]], text)

    def answer(self, target: Target) -> list[Series]:
        """The series of a query, those without any number dropped."""
        promql = self.filled_in(target.query["expr"])
        if target.query["instant"]:
            found = self._prometheus.query(promql, self._end)
        else:
            found = self._prometheus.query_range(promql, self._start, self._end, STEP_S)
        series = [_series(one) for one in found]
        return [one for one in series if one.points]

    def _values(self, query: str) -> list[str]:
        """What a variable offers."""
        asked = LABEL_VALUES.fullmatch(query)
        assert asked, query
        found = self._prometheus.get(
            f"label/{asked[2]}/values",
            **{"match[]": self.filled_in(asked[1])},
            start=self._start,
            end=self._end,
        )
        assert found, f"{query} offers nothing"
        values: list[str] = found
        return values


def named(legend: str, labels: Mapping[str, str]) -> str:
    """What a series is called. Raises KeyError for a label that it lacks."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels[found[1]], legend)


def rate_interval_s() -> int:
    """`$__rate_interval`: four times as long as the source says that scrapes take."""
    file = GRAFANA / "provisioning" / "datasources" / "prometheus.yaml"
    source = yaml.safe_load(file.read_text("utf-8"))["datasources"][0]
    return 4 * int(source["jsonData"]["timeInterval"].removesuffix("s"))


def _joined(values: Sequence[str]) -> str:
    """Several values as Grafana writes them into a regular expression within quotes."""
    escaped = [SIGNS.sub(r"\\\\\1", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _series(found: Mapping[str, Any]) -> Series:
    points = found["values"] if "values" in found else [found["value"]]
    numbers = [(float(at), float(value)) for at, value in points]
    return Series(found["metric"], [one for one in numbers if math.isfinite(one[1])])
