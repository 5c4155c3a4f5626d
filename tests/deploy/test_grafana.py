"""Dashboards: complete, linked, of metrics and labels that the code has, and found by Grafana."""

from __future__ import annotations

import re
from collections import Counter as Count
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from devtools.dashboards.__main__ import DIRECTORY, stale
from devtools.dashboards.board import SCHEMA_VERSION
from devtools.dashboards.panel import OPTIONS, Unit
from services.runtime.metrics import Metrics
from tests.deploy.reading import GRAFANA, boards, panels, targets
from tests.deploy.seen import RULES
from tests.unit.test_docs import fragments_of

DOCS = Path(__file__).parents[2] / "docs"
BOARDS = boards()
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
ADDED = {"job", "instance", "le"}
"""Labels that Prometheus and histograms add."""
METRIC = re.compile(r"\b(c360[_:][a-z0-9_:]+|up)\b(?:\{([^}]*)\})?")
HOW_SUMMED = re.compile(r"\bby \(([^)]*)\)")


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard in turn."""
    return BOARDS[request.param]


def test_the_files_are_what_the_code_makes() -> None:
    """`make dashboards` was run after the last change of the code."""
    assert stale(DIRECTORY) == []


def test_ids_stay() -> None:
    """Bookmarks and links name a dashboard by this id."""
    assert {name: one["uid"] for name, one in BOARDS.items()} == {
        "overview": "c360-overview",
        "ingest": "c360-ingest",
        "identity": "c360-identity",
        "consistency": "c360-consistency",
        "api": "c360-api",
        "workers": "c360-workers",
    }


def test_every_panel_is_complete(board: dict[str, Any]) -> None:
    """Title, description, known type and unit, thresholds from the lowest on, named series."""
    assert board["schemaVersion"] == SCHEMA_VERSION
    assert board["description"]
    titles = Count(panel["title"] for panel in panels(board))
    assert [title for title, count in titles.items() if count > 1] == []
    for panel in panels(board):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["type"] in OPTIONS
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in {unit.value for unit in Unit}
        steps = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert steps[0] is None
        assert steps[1:] == sorted(set(steps[1:])), panel["title"]
        assert all(target.query["legendFormat"] for target in targets(board))


def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    """Every panel has a number of its own and a place within the 24 columns."""
    every = board["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for one in every:
        place = one["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in every], 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


def test_no_source_is_named(board: dict[str, Any]) -> None:
    """Everything asks the source that the reader chose."""
    asking = [*panels(board), *(target.query for target in targets(board))]
    asking += [one for one in board["templating"]["list"] if one["type"] == "query"]
    assert {one["datasource"]["uid"] for one in asking} == {"${datasource}"}


def test_links_lead_somewhere(board: dict[str, Any]) -> None:
    """Each dashboard links to its sisters; links to the docs name pages and headings of them."""
    (sisters,) = [one for one in board["links"] if one["type"] == "dashboards"]
    assert set(sisters["tags"]) <= set(board["tags"])
    links = [one["url"] for one in board["links"] if one["type"] == "link"]
    links += [link["url"] for panel in panels(board) for link in panel["links"]]
    for link in links:
        page, _, fragment = link.removeprefix("${docs}/").partition("#")
        assert (DOCS / page).is_file(), link
        assert not fragment or fragment in fragments_of(DOCS / page), link


def test_metrics_and_labels_exist(board: dict[str, Any]) -> None:
    """Queries name metrics of the code, and labels that these have."""
    known = labels_of_metrics()
    for target in targets(board):
        promql = target.query["expr"]
        used = METRIC.findall(promql)
        assert used, promql
        labels = {label for name, _ in used for label in known[name]}
        matched = re.findall(r'(\w+)\s*[=!]~?\s*"', " ".join(one[1] for one in used))
        summed = re.findall(r"\w+", " ".join(HOW_SUMMED.findall(promql)))
        legend = re.findall(r"\{\{(\w+)\}\}", target.legend)
        assert {*matched, *summed, *legend} <= labels, target


def test_provisioning_finds_the_dashboards() -> None:
    """The source of the Compose file is a default one, and dashboards are read from files."""
    files = {
        name: yaml.safe_load((GRAFANA / "provisioning" / name).read_text("utf-8"))
        for name in ("datasources/prometheus.yaml", "dashboards/customer360.yaml")
    }
    (source,) = files["datasources/prometheus.yaml"]["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    (provider,) = files["dashboards/customer360.yaml"]["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)


def labels_of_metrics() -> dict[str, set[str]]:
    """Each series that a dashboard may name, and the labels it has."""
    found: dict[str, set[str]] = {"up": ADDED}
    for file in RULES:
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    summed = HOW_SUMMED.findall(rule["expr"])
                    found[rule["record"]] = set(re.findall(r"\w+", " ".join(summed)))
    for metric in vars(Metrics()).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            (family,) = metric.describe()
            for ending in ENDINGS[family.type]:
                found[f"{family.name}{ending}"] = {*metric._labelnames, *ADDED}
    return found
