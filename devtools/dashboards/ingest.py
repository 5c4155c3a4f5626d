"""Ingest: from a touchpoint's arrival to stored facts, and what was refused on the way."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Query, Steps, Unit, bars, lines, pages_of, stat
from devtools.dashboards.queries import RATE, per_second, quantile, share, within
from devtools.dashboards.shared import until_queryable

STORING = 'job=~"c360-(ingest|up)"'
READING = 'topic=~"touchpoints[.].*"'
FRESH = "c360_freshness_seconds"

ARRIVING = Row(
    "What arrives",
    Height.USUAL,
    (
        lines(
            "Events by result",
            Unit.EVENTS_PER_SECOND,
            [Query(per_second("c360_events_total", "status"), "{{status}}")],
            "Accepted events are stored; duplicates were known; rejected ones became dead letters "
            "with a reason.",
            stacked=True,
        ),
        lines(
            "Rejected events by reason",
            Unit.EVENTS_PER_SECOND,
            [Query(per_second("c360_rejected_events_total", "reason"), "{{reason}}")],
            "Why events were refused. One reason that rises after a release of a sender means that "
            "it changed its format. Empty while nothing was ever rejected.",
            pages=(
                *pages_of("C360RejectRatio"),
                "rejected-events.md",
            ),
            stacked=True,
        ),
        lines(
            "Stored events by channel",
            Unit.EVENTS_PER_SECOND,
            [Query(per_second("c360_channel_events_total", "channel"), "{{channel}}")],
            "Events that were stored for the first time. A channel that stops is seen here first.",
            width=24,
            stacked=True,
            pages=pages_of("C360ChannelSilent"),
        ),
        bars(
            "Hints to senders, last day",
            Unit.NUMBER,
            Query(within("c360_hints_total", "1d", "reason"), "{{reason}}"),
            "Accepted, but a value could be written better. Empty while there were no hints.",
        ),
        bars(
            "Identifiers dropped, last day",
            Unit.NUMBER,
            Query(within("c360_identifiers_dropped_total", "1d", "reason"), "{{reason}}"),
            "Identifiers of accepted events that name nobody: placeholders, or values that no rule "
            "can read.",
        ),
        stat(
            "Ids with two bodies, last day",
            Unit.NUMBER,
            within("c360_id_conflicts_total", "1d"),
            "Events under a known id with another body: a sender reuses its ids.",
            Steps(1, 1000),
            width=8,
            pages=("delivery-guarantees.md",),
        ),
    ),
)
SPEED = Row(
    "How fresh, how fast",
    Height.USUAL,
    (
        until_queryable(width=12, pages=pages_of("C360FreshnessBurnsFast")),
        lines(
            "Time in each stage, 99 % of the batches",
            Unit.SECONDS,
            [Query(quantile(0.99, "c360_stage_duration_seconds", "stage"), "{{stage}}")],
            "Which stage takes the time: storing facts, or sending on what other workers read.",
            Steps(2, 10),
        ),
        lines(
            "Age of what waits",
            Unit.SECONDS,
            [Query("max by (job) (c360_lag_seconds)", "{{job}}")],
            "Age of the oldest record that is still to be processed, read or not.",
            Steps(60, 120),
            pages=pages_of("C360LagGrows"),
        ),
        lines(
            "Parts of the fullest partition",
            Unit.NUMBER,
            [Query("max by (table) (c360_store_parts)", "{{table}}")],
            "Active parts in ClickHouse. It slows inserts down from 1,000 on and refuses them from "
            "3,000.",
            Steps(500, 1000),
            pages=(
                *pages_of("C360StoreParts"),
                "clickhouse.md",
            ),
        ),
        lines(
            "Records waiting, by topic",
            Unit.NUMBER,
            [Query(f"sum by (topic) (c360_lag_records{{{READING}}})", "{{topic}}")],
            "Records that no ingest worker has processed. A line that only rises means too few "
            "workers, or one that stands still.",
            Steps(10_000, 100_000),
            stacked=True,
            pages=pages_of("C360WorkerStalled"),
        ),
        lines(
            "Age of the oldest record in work",
            Unit.SECONDS,
            [
                Query(
                    f"max by (instance) (c360_oldest_unacknowledged_age_seconds{{{STORING}}})",
                    "{{instance}}",
                )
            ],
            "Time since receipt of the oldest record that is read and not acknowledged.",
            Steps(10, 60),
        ),
        lines(
            "Events in a batch",
            Unit.NUMBER,
            [
                Query(
                    share(
                        per_second("c360_batch_events_sum", "instance", STORING),
                        per_second("c360_batch_events_count", "instance", STORING),
                    ),
                    "{{instance}}",
                )
            ],
            "Larger batches mean that the worker catches up; small ones that it waits for events.",
            width=8,
        ),
        lines(
            "Batches retried",
            Unit.PER_SECOND,
            [Query(per_second("c360_store_retries_total", "job"), "{{job}}")],
            "The store or the brokers did not take a batch; it is tried again. Nothing is lost.",
            Steps(0.05, 0.5),
            width=8,
            pages=(
                *pages_of("C360StoreRetries"),
                "runbook.md#retries-rise-c360_store_retries_total",
            ),
        ),
        lines(
            "Dead letters",
            Unit.PER_SECOND,
            [Query(per_second("c360_dead_letters_total", "job"), "{{job}}")],
            "Records kept on c360.rejected with a reason; they can be listed and replayed.",
            Steps(0.1, 10),
            width=8,
            pages=(
                *pages_of("C360DeadLetters"),
                "rejected-events.md",
            ),
        ),
    ),
)
GROUP = Row(
    "The group and its intake",
    Height.USUAL,
    (
        lines(
            "Partitions reassigned",
            Unit.PER_SECOND,
            [Query(f"sum by (job) (rate(c360_rebalances_total[{RATE}]))", "{{job}}")],
            "A few with each release. Many: two workers share one name, or one restarts for ever.",
            Steps(0.02, 0.1),
            width=8,
            pages=pages_of("C360RebalanceStorm"),
        ),
        lines(
            "Records read again after a gap",
            Unit.PER_SECOND,
            [Query(f"sum by (job) (rate(c360_records_skipped_total[{RATE}]))", "{{job}}")],
            "The group delivered a later record first; the ones between were read again.",
            Steps(0.1, 10),
            width=8,
        ),
        lines(
            "Waiting in the intake",
            Unit.NUMBER,
            [Query("sum by (job) (c360_intake_queued_events)", "{{job}}")],
            "Events received over HTTP that wait to be durable. At the limit, senders get 429.",
            Steps(5_000, 20_000),
            width=8,
            pages=("runbook.md#429-answers",),
        ),
    ),
)
INGEST = Board(
    "ingest",
    "Customer 360 · Ingest",
    "For operators: what arrives, what is refused and why, how fresh the store is, and which part "
    "is slow.",
    (ARRIVING, SPEED, GROUP),
    pages=("dashboards.md", "rejected-events.md", "workers.md", "runbook.md"),
)
