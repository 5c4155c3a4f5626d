"""Per worker: what one process does, chosen by its job and instance."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row, Variable
from devtools.dashboards.panel import (
    Drawing,
    Panel,
    Query,
    Steps,
    Unit,
    bars,
    lines,
    pages_of,
    stat,
)
from devtools.dashboards.queries import RATE, per_second, share

CHOSEN = 'job=~"$job", instance=~"$instance"'
SINCE_PROGRESS = (
    f"time() - max by (job, instance) (c360_last_progress_timestamp_seconds{{{CHOSEN}}} > 0)"
)
EACH = "{{job}} {{instance}}"

STATE = Row(
    "State",
    Height.USUAL,
    (
        stat(
            "Processes up",
            Unit.NUMBER,
            f"sum (up{{{CHOSEN}}})",
            "Chosen processes whose metrics page answered the last time.",
            Steps(alarm=1, falling=True),
            width=6,
        ),
        bars(
            "Versions that run",
            Unit.NUMBER,
            Query(f"count by (version) (c360_build_info{{{CHOSEN}}})", "{{version}}"),
            "Chosen processes by version. Two while a release is rolled out.",
            width=6,
        ),
        lines(
            "Answers its metrics page",
            Unit.NUMBER,
            [Query(f"up{{{CHOSEN}}}", EACH)],
            "1 while Prometheus reaches the process, 0 while it does not.",
            Steps(alarm=1, falling=True),
            width=6,
            pages=pages_of("C360TargetDown"),
        ),
        lines(
            "Since the last progress",
            Unit.SECONDS,
            [Query(SINCE_PROGRESS, EACH)],
            "Since the process finished a batch or found nothing to do.",
            Steps(60, 300),
            width=6,
            pages=(
                *pages_of("C360WorkerStalled"),
                "workers.md",
            ),
        ),
    ),
)
WORK = Row(
    "Work",
    Height.USUAL,
    (
        lines(
            "Records processed",
            Unit.PER_SECOND,
            [Query(per_second("c360_batch_events_sum", "job, instance", CHOSEN), EACH)],
            "Events or records in batches that are durable.",
        ),
        lines(
            "Records in a batch",
            Unit.NUMBER,
            [
                Query(
                    share(
                        per_second("c360_batch_events_sum", "job, instance", CHOSEN),
                        per_second("c360_batch_events_count", "job, instance", CHOSEN),
                    ),
                    EACH,
                )
            ],
            "Larger batches mean that the worker catches up.",
        ),
        lines(
            "Records waiting in its partitions",
            Unit.NUMBER,
            [Query(f"sum by (job, instance) (c360_lag_records{{{CHOSEN}}})", EACH)],
            "Records of the partitions that this process holds. A partition that nobody holds is "
            "seen by no worker: an exporter of the brokers shows that.",
            Steps(10_000, 100_000),
        ),
        lines(
            "Age of the oldest record in work",
            Unit.SECONDS,
            [
                Query(
                    f"max by (job, instance) (c360_oldest_unacknowledged_age_seconds{{{CHOSEN}}})",
                    EACH,
                )
            ],
            "Time since receipt of the oldest record that is read and not acknowledged.",
            Steps(10, 60),
        ),
        Panel(
            Drawing.TABLE,
            "Records waiting, by partition",
            "The ten partitions with the most records to be processed, and who holds them.",
            Unit.NUMBER,
            (Query(f"topk(10, c360_lag_records{{{CHOSEN}}})", "{{topic}} {{partition}}"),),
            Steps(1_000, 10_000),
            width=12,
            columns={
                "topic": "Topic",
                "partition": "Partition",
                "job": "Job",
                "instance": "Instance",
            },
        ),
        lines(
            "Acknowledged, by topic",
            Unit.PER_SECOND,
            [
                Query(
                    f"sum by (topic) (deriv(c360_committed_offset{{{CHOSEN}}}[{RATE}]))",
                    "{{topic}}",
                )
            ],
            "How fast the acknowledged offsets advance.",
        ),
    ),
)
TROUBLE = Row(
    "Trouble",
    Height.USUAL,
    (
        lines(
            "Batches retried",
            Unit.PER_SECOND,
            [Query(per_second("c360_store_retries_total", "job, instance", CHOSEN), EACH)],
            "The store or the brokers did not take a batch, and it is tried again.",
            Steps(0.05, 0.5),
            width=8,
            pages=(
                *pages_of("C360StoreRetries"),
                "runbook.md#retries-rise-c360_store_retries_total",
            ),
        ),
        lines(
            "Partitions reassigned",
            Unit.PER_SECOND,
            [Query(per_second("c360_rebalances_total", "job, instance", CHOSEN), EACH)],
            "A few with each release. Many: two workers share one name, or one restarts for ever.",
            Steps(0.02, 0.1),
            width=8,
            pages=pages_of("C360RebalanceStorm"),
        ),
        lines(
            "Clock ahead of the store's",
            Unit.SECONDS,
            [Query(f"abs(c360_clock_skew_seconds{{{CHOSEN}}})", EACH)],
            "By how much the clocks differ, ahead or behind. Results do not depend on it; ages and "
            "log lines do.",
            Steps(5, 30),
            width=8,
            pages=(
                *pages_of("C360ClockSkew"),
                "workers.md#whose-clock-counts",
            ),
        ),
        lines(
            "Entries in caches",
            Unit.NUMBER,
            [
                Query(
                    f"sum by (instance, cache) (c360_cache_entries{{{CHOSEN}}})",
                    "{{cache}} {{instance}}",
                )
            ],
            "Bounded; they can be read again from the store. Only workers that keep some show any.",
        ),
        lines(
            "Dead letters",
            Unit.PER_SECOND,
            [Query(per_second("c360_dead_letters_total", "job, instance", CHOSEN), EACH)],
            "Records kept on c360.rejected with a reason.",
            Steps(0.1, 10),
            pages=(
                *pages_of("C360DeadLetters"),
                "rejected-events.md",
            ),
        ),
    ),
)
WORKERS = Board(
    "workers",
    "Customer 360 · Workers",
    "For operators: one process, or some side by side.",
    (STATE, WORK, TROUBLE),
    (
        Variable("job", "Job", 'up{job=~"c360-.*"}', "Kind of process"),
        Variable("instance", "Instance", 'up{job=~"$job"}', "Address of a process's metrics page"),
    ),
    pages=("dashboards.md", "workers.md", "runbook.md"),
)
