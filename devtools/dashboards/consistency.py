"""Consistency for the business: contradictions between channels, and what became of them."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Query, Steps, Unit, bars, lines, pages_of, stat
from devtools.dashboards.queries import or_zero, within
from devtools.dashboards.shared import OPEN_INCIDENTS, batch_size, oldest_in_work

CHANGES = "c360_incident_changes_total"
BY_SEVERITY = Query(
    'sum by (severity) (max by (kind, severity) (c360_incidents{state="open"}))', "{{severity}}"
)
BARS = 12
"""As many as can be read; there is a series of each kind in each state."""
DAY_S = 24 * 3600
OPENED, RESOLVED, RETRACTED = 'state="open"', 'state="resolved"', 'state="retracted"'

NOW = Row(
    "Now",
    Height.USUAL,
    (
        stat(
            "Open incidents",
            Unit.NUMBER,
            OPEN_INCIDENTS,
            "Contradictions that last and that nobody has acknowledged or muted. Counted every "
            "minute, by every API process.",
            Steps(50, 500),
            pages=("consistency.md",),
        ),
        stat(
            "Critical ones",
            Unit.NUMBER,
            'sum (max by (kind) (c360_incidents{severity="critical", state="open"}))',
            "Open ones that cost customers much, as a price far above the expected one. `c360 "
            "incidents list --state open --severity critical` lists them.",
            Steps(1, 10),
            pages=(
                *pages_of("C360IncidentCritical"),
                "consistency.md",
            ),
        ),
        stat(
            "The oldest is open for",
            Unit.SECONDS,
            "time() - min (c360_oldest_open_incident_timestamp_seconds)",
            "Age of the oldest open incident in event time: since when the contradiction lasts. "
            "No data while none is open.",
            Steps(2 * DAY_S, 7 * DAY_S),
            pages=(
                *pages_of("C360IncidentStale"),
                "consistency.md",
            ),
        ),
        stat(
            "Contradicting orders",
            Unit.NUMBER,
            "max (c360_order_conflicts)",
            "Orders of which two channels report different things. Counted every ten minutes.",
            Steps(1, 100),
            pages=("runbook.md#orders-contradict-each-other-c360_order_conflicts",),
        ),
        bars(
            "Open, by severity",
            Unit.NUMBER,
            BY_SEVERITY,
            "What nobody has acknowledged or muted, of all kinds.",
        ),
    ),
)
LASTING = Row(
    "What lasts",
    Height.USUAL,
    (
        bars(
            "Not ended, by kind and state",
            Unit.NUMBER,
            Query(
                f"topk({BARS}, sum by (kind, state) (max by (kind, severity, state) "
                "(c360_incidents)))",
                "{{kind}}: {{state}}",
            ),
            f"The {BARS} most: upcoming and pending ones are no contradiction yet, acknowledged "
            "and muted ones are in somebody's hands.",
            width=12,
        ),
        lines(
            "Open, by severity, over time",
            Unit.NUMBER,
            [BY_SEVERITY],
            "Whether what is open is worked off, and whether the worst goes first.",
            stacked=True,
        ),
    ),
)
DAY = Row(
    "Last day",
    Height.LOW,
    (
        stat(
            "Incidents opened",
            Unit.NUMBER,
            or_zero(within(CHANGES, "1d", matching=OPENED)),
            "New contradictions between channels: a price or a stock that differs where it should "
            "not.",
            Steps(50, 500),
            width=8,
            pages=("consistency.md",),
        ),
        stat(
            "Incidents resolved",
            Unit.NUMBER,
            or_zero(within(CHANGES, "1d", matching=RESOLVED)),
            "Contradictions that ended, because the channels agree again.",
            width=8,
        ),
        stat(
            "Incidents retracted",
            Unit.NUMBER,
            or_zero(within(CHANGES, "1d", matching=RETRACTED)),
            "Contradictions that later events explained: they were none. Many mean that a channel "
            "delivers late.",
            Steps(50, 500),
            width=8,
            pages=("consistency.md",),
        ),
    ),
)
COURSE = Row(
    "How incidents change",
    Height.USUAL,
    (
        lines(
            "Changes in an hour, by kind and new state",
            Unit.NUMBER,
            [Query(within(CHANGES, "1h", "kind, state"), "{{kind}}: {{state}}")],
            "One line for each kind of incident and what became of it. More opened than resolved "
            "for hours: the channels drift apart.",
            width=16,
            stacked=True,
        ),
        bars(
            "Last day, by kind and new state",
            Unit.NUMBER,
            Query(within(CHANGES, "1d", "kind, state"), "{{kind}}: {{state}}"),
            "The same numbers, of the last 24 hours.",
        ),
    ),
)
JUDGING = Row(
    "Whether the judgement is up to date",
    Height.USUAL,
    (
        lines(
            "Offers waiting",
            Unit.NUMBER,
            [Query('sum by (topic) (c360_lag_records{topic="c360.offers"})', "{{topic}}")],
            "Prices and stocks that are not judged yet. While this is high, incidents come late.",
            Steps(10_000, 100_000),
            width=8,
            pages=pages_of("C360WorkerStalled", "C360LagGrows"),
        ),
        oldest_in_work("c360-consistency", "offer", "judged"),
        batch_size("c360-consistency", "Offers"),
    ),
)
CONSISTENCY = Board(
    "consistency",
    "Customer 360 · Consistency",
    "For pricing managers: contradictions between channels by kind, severity and state, and "
    "whether the judgement is up to date. Single incidents are listed by `c360 incidents list`.",
    (NOW, LASTING, DAY, COURSE, JUDGING),
    pages=("dashboards.md", "consistency.md", "runbook.md"),
)
