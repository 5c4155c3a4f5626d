"""Rules of Prometheus: valid, tested, documented, and about metrics that exist."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from devtools.prometheus import promtool
from schemas.incident import IncidentState, Severity
from schemas.topics import CATALOGUE
from services.api.store_gauges import NOT_ENDED
from services.cli import notify, probe
from services.cli.worker import OFFSETS
from services.consistency.kinds import KINDS
from services.docs.openapi import openapi_document
from services.ingest.stage import Status
from services.notify.core.messages import DeliveryOutcome
from services.probe.core.outcome import JourneyOutcome
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from tests.e2e.distributed import SERVICES
from tests.unit.test_docs import fragments_of

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DOCS = ROOT / "docs"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
JOBS = {
    "c360-api",
    "c360-up",
    "c360-probe",
    "c360-notify",
    *(f"c360-{service}" for service in SERVICES),
}
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
CLOSED = {"kind", "le", "route", "severity", "since", "state", "status", "topic"}
"""Labels whose values tests of rules may not invent."""
HEADINGS = ["meaning", "first-look", "likely-causes", "fix", "silence"]
SERIES = re.compile(r"\b(c360[_:][a-zA-Z0-9_:]+|up)\b(?:\{([^}]*(?:\{[^}]*\}[^}]*)*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")


def rules() -> list[dict[str, Any]]:
    """Every rule, in the order of evaluation within its file."""
    files = [yaml.safe_load(file.read_text("utf-8")) for file in RULE_FILES]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def test_prometheus_takes_the_configuration() -> None:
    """And the rules that it names are all there are."""
    done = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULE_FILES)} rule files found" in done.stdout


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_alerts_fire_and_stay_silent(file: Path, tmp_path: Path) -> None:
    """Against invented series, as the file says."""
    done = promtool("test", "rules", *map(str, without_idle_rules(file, tmp_path)))
    assert done.returncode == 0, done.stdout + done.stderr


def without_idle_rules(file: Path, directory: Path) -> list[Path]:
    """A file for each test of a file, with the rules that its alerts depend on and no others:
    promtool evaluates every rule at every step."""
    content = yaml.safe_load(file.read_text("utf-8"))
    known = [
        group
        for rule_file in content["rule_files"]
        for group in yaml.safe_load((file.parent / rule_file).read_text("utf-8"))["groups"]
    ]
    written = []
    for number, test in enumerate(content["tests"]):
        needed = with_what_they_read({one["alertname"] for one in test["alert_rule_test"]})
        groups = [
            {**group, "rules": rules}
            for group in known
            if (rules := [one for one in group["rules"] if name_of(one) in needed])
        ]
        rule_file, test_file = (directory / f"{kind}-{number}.yaml" for kind in ("rules", "test"))
        rule_file.write_text(yaml.safe_dump({"groups": groups}), "utf-8")
        kept = {group["name"] for group in groups}
        order = [name for name in content["group_eval_order"] if name in kept]
        own = {"rule_files": [rule_file.name], "group_eval_order": order, "tests": [test]}
        test_file.write_text(yaml.safe_dump({**content, **own}), "utf-8")
        written.append(test_file)
    return written


def with_what_they_read(names: set[str]) -> set[str]:
    """Rules, and the recorded series of their expressions, and those of theirs."""
    found, left = set[str](), list(names)
    expressions = {name_of(rule): rule["expr"] for rule in rules()}
    while left:
        found.add(name := left.pop())
        read = {series for series, _ in SERIES.findall(expressions[name])}
        left += [one for one in read if one in RECORDED and one not in found]
    return found


def name_of(rule: dict[str, Any]) -> str:
    """Of an alert or of what is recorded."""
    return str(rule.get("alert") or rule["record"])


def test_every_alert_has_tests_of_both_kinds() -> None:
    """One at least that fires, and one in which nothing does; the files know all groups."""
    fires, silent = set[str](), set[str]()
    for file in TEST_FILES:
        content = yaml.safe_load(file.read_text("utf-8"))
        known = [
            group["name"]
            for rule_file in content["rule_files"]
            for group in yaml.safe_load((file.parent / rule_file).read_text("utf-8"))["groups"]
        ]
        assert content["group_eval_order"] == known
        for one in chain.from_iterable(test["alert_rule_test"] for test in content["tests"]):
            (fires if one["exp_alerts"] else silent).add(one["alertname"])
    assert fires == silent == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do(name: str) -> None:
    """Severity, summary, description, and a page of its own with the five parts."""
    rule = ALERTS[name]
    assert re.fullmatch(r"C360([A-Z][a-z]+)+", name)
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert not rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["runbook_url"].endswith(f"/docs/alerts/{name}.md")
    page = DOCS / "alerts" / f"{name}.md"
    assert page.read_text("utf-8").startswith(f"# {name}\n")
    assert [one for one in HEADINGS if one not in fragments_of(page)] == []


def test_every_page_is_of_an_alert_and_listed() -> None:
    """The index has a row for each alert, with its severity and its summary in words."""
    pages = {page.stem for page in (DOCS / "alerts").glob("*.md")}
    assert pages == {*ALERTS, "README"}
    index = (DOCS / "alerts" / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (page|ticket) \| .+ \|$", index, re.M))
    assert rows == {name: rule["labels"]["severity"] for name, rule in ALERTS.items()}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_metrics_labels_and_values_exist(rule: dict[str, Any]) -> None:
    """An expression names metrics of the code or recorded ones, and labels and values they have."""
    known = labels_of_series()
    used = SERIES.findall(rule["expr"])
    assert used
    labels = set().union(*(known[name] for name, _ in used))
    assert set(re.findall(r"\w+", " ".join(GROUPED.findall(rule["expr"])))) <= labels
    texts = " ".join(rule.get("annotations", {}).values())
    assert set(re.findall(r"\$labels\.(\w+)", texts)) <= labels
    for name, matchers in used:
        for label, how, value in MATCHER.findall(matchers):
            assert label in known[name], (name, label)
            values = values_of(name, label)
            matching = [one for one in values if re.fullmatch(value, one)]
            assert matching if "~" in how else value in values, (name, label, value)


def test_series_of_the_tests_exist() -> None:
    """A test of series that nobody exposes would prove nothing."""
    known = labels_of_series()
    for file in TEST_FILES:
        for test in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            for one in test["input_series"]:
                (name, matchers), *_ = SERIES.findall(one["series"])
                assert {label for label, _, _ in MATCHER.findall(matchers)} <= known[name]
                for label, _, value in MATCHER.findall(matchers):
                    if label in CLOSED:
                        assert value in values_of(name, label), one


def test_jobs_are_the_workloads() -> None:
    """One scrape configuration for each workload of Compose, at the port that it listens on."""
    content = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    compose = yaml.safe_load((PROMETHEUS.parent / "compose.yaml").read_text("utf-8"))
    settings = Settings.model_fields
    ports = {f"c360-{name}": settings["worker_http_port"].default + OFFSETS[name]
             for name in SERVICES}  # fmt: skip
    ports["c360-probe"] = settings["worker_http_port"].default + probe.PORT_OFFSET
    ports["c360-notify"] = settings["worker_http_port"].default + notify.PORT_OFFSET
    ports["c360-api"] = settings["http_port"].default
    for one in content["scrape_configs"]:
        (names,) = one["dns_sd_configs"]
        assert names == {"names": [one["job_name"]], "type": "A", "port": ports[one["job_name"]]}
        assert one["job_name"] in compose["services"]
    assert {one["job_name"] for one in content["scrape_configs"]} == JOBS - {"c360-up"}


@cache
def labels_of_series() -> dict[str, set[str]]:
    """Each series that a rule may name, and the labels it has."""
    target = {"job", "instance"}
    found: dict[str, set[str]] = {"up": target}
    for metric in metrics():
        (family,) = metric.describe()
        for ending in ENDINGS[family.type]:
            added = {"le"} if ending == "_bucket" else set()
            found[f"{family.name}{ending}"] = {*metric._labelnames, *target, *added}
    for name, expression in RECORDED.items():
        grouped = GROUPED.findall(expression)
        found[name] = set(re.findall(r"\w+", grouped[0])) - {"le"} if grouped else set()
    return found


@cache
def metrics() -> list[Counter | Gauge | Histogram]:
    """The catalogue."""
    every = vars(Metrics()).values()
    return [one for one in every if isinstance(one, Counter | Gauge | Histogram)]


@cache
def values_of(name: str, label: str) -> set[str]:
    """The values of a label that are a closed set."""
    if label == "job":
        return {*JOBS, "node"}
    if label == "le":
        (bounds,) = {
            tuple(metric._kwargs["buckets"])
            for metric in metrics()
            if isinstance(metric, Histogram) and name.startswith(metric._name)
        }
        return {"+Inf", *(str(float(bound)) for bound in bounds)}
    if label == "severity":
        return set(Severity)
    if label == "state":
        return set(IncidentState) if name == "c360_incident_changes_total" else set(NOT_ENDED)
    if label == "kind":
        return set(KINDS)
    if label == "since":
        return {"received", "occurred"}
    if label == "outcome":
        return set(DeliveryOutcome if name.startswith("c360_notify") else JourneyOutcome)
    if label == "topic":
        return {topic.name for topic in CATALOGUE.topics}
    if label == "route":
        return set(openapi_document()["paths"])
    if label == "status" and name.startswith("c360_http"):
        return {str(code) for code in range(200, 600)}
    if label == "status":
        return set(Status)
    raise AssertionError(f"{name}: {label} is no closed set; add it here")
