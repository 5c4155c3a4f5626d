"""Consistency for the business: contradictions between channels, and what became of them."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Query, Steps, Unit, bars, lines, stat
from devtools.dashboards.queries import or_zero, per_second, share, within

CHANGES = "c360_incident_changes_total"
OPENED, RESOLVED, RETRACTED = 'state="open"', 'state="resolved"', 'state="retracted"'

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
        ),
        lines(
            "Age of the oldest offer in work",
            Unit.SECONDS,
            [
                Query(
                    "max by (instance) "
                    '(c360_oldest_unacknowledged_age_seconds{job="c360-consistency"})',
                    "{{instance}}",
                )
            ],
            "Time since an offer was sent that is read and not judged.",
            Steps(10, 60),
            width=8,
        ),
        lines(
            "Offers in a batch",
            Unit.NUMBER,
            [
                Query(
                    share(
                        per_second("c360_batch_events_sum", "instance", 'job="c360-consistency"'),
                        per_second("c360_batch_events_count", "instance", 'job="c360-consistency"'),
                    ),
                    "{{instance}}",
                )
            ],
            "Larger batches mean that the worker catches up.",
            width=8,
        ),
    ),
)
CONSISTENCY = Board(
    "consistency",
    "Customer 360 · Consistency",
    "For pricing managers: contradictions between channels by kind and state, and whether the "
    "judgement is up to date. Single incidents are listed by `c360 incidents list`.",
    (DAY, COURSE, JUDGING),
    pages=("dashboards.md", "consistency.md", "runbook.md"),
)
