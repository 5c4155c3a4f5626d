"""The overview: whether what is promised is kept, and where to look when it is not."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Query, Steps, Unit, lines, stat
from devtools.dashboards.queries import or_zero, per_second, quantile, share, within

FRESH = "c360_freshness_seconds"
RECEIVED = 'since="received"'
FAST_ENOUGH = within(f"{FRESH}_bucket", "1h", matching=f'{RECEIVED}, le="10.0"')
ALL_BATCHES = within(f"{FRESH}_count", "1h", matching=RECEIVED)
REQUESTS = "c360_http_request_duration_seconds"
NOT_FAILED = within(f"{REQUESTS}_count", "1h", matching='status!~"5.."')
QUICK = within(f"{REQUESTS}_bucket", "1h", matching='le="0.5"')
ALL_ANSWERS = within(f"{REQUESTS}_count", "1h")
REJECTED = or_zero(within("c360_events_total", "1h", matching='status="rejected"'))
INCIDENTS = "c360_incident_changes_total"
EVENTS = within("c360_events_total", "1h")

PROMISES = Row(
    "What is promised, last hour",
    Height.LOW,
    (
        stat(
            "Fresh",
            Unit.SHARE,
            share(FAST_ENOUGH, ALL_BATCHES),
            "Share of batches that could be queried within 10 seconds of the receipt of their "
            "oldest event.",
            Steps(0.999, 0.99, falling=True),
            width=6,
            pages=("delivery-guarantees.md",),
        ),
        stat(
            "Accepted",
            Unit.SHARE,
            share(f"{EVENTS} - ({REJECTED})", EVENTS),
            "Share of events that were not rejected. What is rejected is kept, with its reason.",
            Steps(0.99, 0.9, falling=True),
            width=6,
            pages=("rejected-events.md",),
        ),
        stat(
            "API available",
            Unit.SHARE,
            share(NOT_FAILED, ALL_ANSWERS),
            "Share of answers with a status below 500.",
            Steps(0.999, 0.99, falling=True),
            width=6,
            pages=("runbook.md",),
        ),
        stat(
            "API quick",
            Unit.SHARE,
            share(QUICK, ALL_ANSWERS),
            "Share of answers within half a second.",
            Steps(0.99, 0.95, falling=True),
            width=6,
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
        ),
        stat(
            "Records waiting",
            Unit.NUMBER,
            "sum (c360_lag_records)",
            "Records that no worker has processed, in all topics.",
            Steps(10_000, 100_000),
            pages=("workers.md",),
        ),
        stat(
            "Age of what waits",
            Unit.SECONDS,
            "max (c360_lag_seconds)",
            "Age of the oldest record that is still to be processed, read or not.",
            Steps(60, 120),
            pages=("workers.md",),
        ),
        stat(
            "Dead letters, last hour",
            Unit.NUMBER,
            within("c360_dead_letters_total", "1h"),
            "Records that could not be accepted; they are kept with a reason.",
            Steps(100, 10_000),
            pages=("rejected-events.md",),
        ),
        stat(
            "Open incidents",
            Unit.NUMBER,
            'sum (max by (kind) (c360_incidents{state="open"}))',
            "Contradictions between channels that last and that nobody has acknowledged.",
            Steps(50, 500),
            pages=("consistency.md",),
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
        lines(
            "Until queryable, since receipt",
            Unit.SECONDS,
            [
                Query(quantile(0.5, FRESH, matching='since="received"'), "half of the batches"),
                Query(quantile(0.99, FRESH, matching='since="received"'), "99 % of the batches"),
            ],
            "From the receipt of a batch's oldest event until it can be queried.",
            Steps(5, 10),
            width=8,
        ),
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
OVERVIEW = Board(
    "overview",
    "Customer 360 · Overview",
    "For operators, first of all: whether the service keeps what it promises, and which dashboard "
    "to open when it does not.",
    (PROMISES, NOW, FLOW, OUTCOME),
    pages=("dashboards.md", "runbook.md", "workers.md"),
)
