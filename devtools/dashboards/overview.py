"""The overview: whether what is promised is kept, and where to look when it is not."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Panel, Query, Steps, Unit, lines, pages_of, stat
from devtools.dashboards.queries import per_second, within
from devtools.dashboards.shared import OPEN_INCIDENTS, until_queryable

FRESH = "c360_freshness_seconds"
REQUESTS = "c360_http_request_duration_seconds"
INCIDENTS = "c360_incident_changes_total"
ERRORS = {
    "fresh": "c360:freshness_errors:ratio_rate",
    "accepted": "c360:events_rejected:ratio_rate",
    "available": "c360:api_errors:ratio_rate",
    "quick": "c360:api_slow:ratio_rate",
}
"""Series of the recording rules: the share of what was not as promised."""
BUDGETS = {"fresh": 0.01, "accepted": 0.005, "available": 0.001, "quick": 0.01}
"""Shares that may not be as promised, over 30 days (the alerts on error budgets use the same)."""
PAGE_AT = 14.4
"""How many times too fast a budget must go within an hour for a page."""


def promise(title: str, name: str, description: str, *pages: str) -> Panel:
    """The share of the last hour that was as promised."""
    objective = 1 - BUDGETS[name]
    steps = Steps(round(objective, 4), round(1 - PAGE_AT * BUDGETS[name], 4), falling=True)
    promql = f"1 - {ERRORS[name]}1h"
    return stat(title, Unit.SHARE, promql, description, steps, width=6, pages=pages)


PROMISES = Row(
    "What is promised, last hour",
    Height.LOW,
    (
        promise(
            "Fresh",
            "fresh",
            "Share of batches that could be queried within 10 seconds of the receipt of their "
            "oldest event. Promised: 99 %.",
            *pages_of("C360FreshnessBurnsFast", "C360FreshnessBurnsSlowly"),
        ),
        promise(
            "Accepted",
            "accepted",
            "Share of events that were not rejected. What is rejected is kept, with its reason. "
            "Promised: 99.5 %.",
            *pages_of("C360ProcessedShareBurns"),
            "rejected-events.md",
        ),
        promise(
            "API available",
            "available",
            "Share of answers with a status below 500; health pages do not count. "
            "Promised: 99.9 %.",
            *pages_of("C360ApiAvailabilityBurnsFast", "C360ApiAvailabilityBurnsSlowly"),
        ),
        promise(
            "Profiles read quickly",
            "quick",
            "Share of reads of one profile, its timeline, or a lookup within half a second. "
            "Promised: 99 %.",
            *pages_of("C360ApiLatencyBurnsFast", "C360ApiLatencyBurnsSlowly"),
        ),
    ),
)
BUDGET = Row(
    "Error budgets",
    Height.USUAL,
    (
        lines(
            "How fast the error budgets go, over an hour",
            Unit.NUMBER,
            [Query(f"{ERRORS[name]}1h / {BUDGETS[name]:g}", name) for name in ERRORS],
            "1 uses up the budget of 30 days in 30 days. From 14.4 on, 2 % of it go within an "
            "hour, and somebody is called.",
            Steps(1, PAGE_AT),
        ),
        lines(
            "How fast the error budgets go, over six hours",
            Unit.NUMBER,
            [Query(f"{ERRORS[name]}6h / {BUDGETS[name]:g}", name) for name in ERRORS],
            "From 6 on, 5 % of the budget go within six hours, and somebody is called.",
            Steps(1, 6),
        ),
    ),
)
NOW = Row(
    "Now",
    Height.LOW,
    (
        stat(
            "Processes up",
            Unit.NUMBER,
            'sum (up{job=~"c360-.*"})',
            "Processes whose metrics page answered the last time.",
            Steps(alarm=1, falling=True),
        ),
        stat(
            "Processes away",
            Unit.NUMBER,
            'sum (up{job=~"c360-.*"} == bool 0)',
            "Processes that Prometheus knows and cannot reach.",
            Steps(alarm=1),
            pages=pages_of("C360TargetDown", "C360TargetMissing"),
        ),
        stat(
            "Records waiting",
            Unit.NUMBER,
            "sum (c360_lag_records)",
            "Records that no worker has processed, in all topics.",
            Steps(10_000, 100_000),
            pages=(
                *pages_of("C360WorkerStalled"),
                "workers.md",
            ),
        ),
        stat(
            "Age of what waits",
            Unit.SECONDS,
            "max (c360_lag_seconds)",
            "Age of the oldest record that is still to be processed, read or not.",
            Steps(60, 120),
            pages=(
                *pages_of("C360LagGrows"),
                "workers.md",
            ),
        ),
        stat(
            "Dead letters, last hour",
            Unit.NUMBER,
            within("c360_dead_letters_total", "1h"),
            "Records that could not be accepted; they are kept with a reason.",
            Steps(100, 10_000),
            pages=(
                *pages_of("C360DeadLetters"),
                "rejected-events.md",
            ),
        ),
        stat(
            "Open incidents",
            Unit.NUMBER,
            OPEN_INCIDENTS,
            "Contradictions between channels that last and that nobody has acknowledged.",
            Steps(50, 500),
            pages=(
                *pages_of("C360IncidentStale"),
                "consistency.md",
            ),
        ),
    ),
)
FLOW = Row(
    "Flow",
    Height.USUAL,
    (
        lines(
            "Events by result",
            Unit.EVENTS_PER_SECOND,
            [Query(per_second("c360_events_total", "status"), "{{status}}")],
            "What arrives and what becomes of it.",
            width=8,
            stacked=True,
        ),
        until_queryable(width=8),
        lines(
            "Records waiting, by job",
            Unit.NUMBER,
            [Query("sum by (job) (c360_lag_records)", "{{job}}")],
            "Records that no worker has processed, by who has to process them.",
            Steps(10_000, 100_000),
            width=8,
        ),
    ),
)
OUTCOME = Row(
    "What comes of it",
    Height.USUAL,
    (
        lines(
            "Profile changes",
            Unit.PER_SECOND,
            [Query(per_second("c360_profile_changes_total", "change"), "{{change}}")],
            "Profiles created, merged, split, or with other identifiers, attributes or consents.",
            width=8,
            stacked=True,
        ),
        lines(
            "Incident changes",
            Unit.PER_SECOND,
            [
                Query(
                    per_second("c360_incident_changes_total", "kind, state"), "{{kind}}: {{state}}"
                )
            ],
            "Contradictions between channels, by kind and new state.",
            width=8,
            stacked=True,
        ),
        lines(
            "Answers of the API by status",
            Unit.REQUESTS_PER_SECOND,
            [Query(per_second(f"{REQUESTS}_count", "status"), "{{status}}")],
            "503 means that the store or the brokers are away.",
            width=8,
            stacked=True,
        ),
    ),
)
VISIBLE = "sum by (le, channel) (rate(c360_probe_freshness_seconds_bucket[10m]))"
OUTSIDE = Row(
    "Seen from outside",
    Height.USUAL,
    (
        lines(
            "Synthetic journeys by outcome",
            Unit.NUMBER,
            [Query(within("c360_probe_journeys_total", "10m", "outcome"), "{{outcome}}")],
            "Journeys that a probe walked within ten minutes. All should be ok; without data "
            "there is no probe.",
            width=12,
            pages=(*pages_of("C360ProbeFailing", "C360ProbeSilent"), "probe.md"),
            stacked=True,
        ),
        lines(
            "Until an answer shows it, by channel",
            Unit.SECONDS,
            [Query(f"histogram_quantile(0.5, {VISIBLE}) >= 0", "{{channel}}")],
            "From sending a synthetic event to an answer of the API that has it, for half of them.",
            Steps(5, 10),
            width=12,
            pages=("probe.md",),
        ),
    ),
)
OVERVIEW = Board(
    "overview",
    "Customer 360 · Overview",
    "For operators, first of all: whether the service keeps what it promises, and which dashboard "
    "to open when it does not.",
    (PROMISES, BUDGET, NOW, FLOW, OUTCOME, OUTSIDE),
    pages=("dashboards.md", "runbook.md", "workers.md"),
)
