"""docs/metrics.md: every Prometheus metric, from the metric catalogue itself."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter, Gauge, Histogram

from services.docs.markdown import code, codes, page, table
from services.runtime.metrics import Metrics

INTRODUCTION = """
`c360 up` and the workers serve these at `/metrics` in the Prometheus text format. Labels are closed
sets: never an identifier, profile id or event id. A histogram has the usual `_bucket`, `_sum` and
`_count` series; its bounds are listed.
""".strip()
Metric = Counter | Gauge | Histogram


def metrics_page() -> str:
    """The whole page."""
    header = ("Metric", "Type", "Labels", "Buckets", "Description")
    return page("Metrics", INTRODUCTION, table(header, sorted(map(_row, _metrics()))))


def _metrics() -> Iterator[Metric]:
    for value in vars(Metrics()).values():
        if isinstance(value, Counter | Gauge | Histogram):
            yield value


def _row(metric: Metric) -> tuple[str, ...]:
    (family,) = metric.describe()
    suffix = "_total" if family.type == "counter" else ""
    return (
        code(family.name + suffix),
        family.type,
        codes(metric._labelnames),
        _buckets(metric),
        family.documentation,
    )


def _buckets(metric: Metric) -> str:
    if not isinstance(metric, Histogram):
        return ""
    return ", ".join(f"{bound:g}" for bound in metric._kwargs["buckets"])
