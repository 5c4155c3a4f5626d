"""Panels that stand on several dashboards, so that they ask and say the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from devtools.dashboards.panel import Panel, Query, Steps, Unit, lines
from devtools.dashboards.queries import per_second, quantile, share

FRESH = "c360_freshness_seconds"
OPEN_INCIDENTS = 'sum (max by (kind, severity) (c360_incidents{state="open"}))'
"""Every API process counts the same ones."""


def until_queryable(width: int, pages: Sequence[str] = ()) -> Panel:
    """How fresh the store is, since events were received."""
    received = 'since="received"'
    return lines(
        "Until queryable, since receipt",
        Unit.SECONDS,
        [
            Query(quantile(0.5, FRESH, matching=received), "half of the batches"),
            Query(quantile(0.99, FRESH, matching=received), "99 % of the batches"),
        ],
        "From the receipt of a batch's oldest event until it can be queried.",
        Steps(5, 10),
        width=width,
        pages=pages,
    )


def oldest_in_work(job: str, thing: str, done: str) -> Panel:
    """Age of the oldest record that a decision worker has read: `done` is what it is not yet."""
    age = f'max by (instance) (c360_oldest_unacknowledged_age_seconds{{job="{job}"}})'
    return lines(
        f"Age of the oldest {thing} in work",
        Unit.SECONDS,
        [Query(age, "{{instance}}")],
        f"Time since an {thing} was sent that is read and not {done}.",
        Steps(10, 60),
        width=8,
    )


def batch_size(job: str, things: str) -> Panel:
    """How many records a decision worker takes at once."""
    added, batches = (
        per_second(f"c360_batch_events_{part}", "instance", f'job="{job}"')
        for part in ("sum", "count")
    )
    return lines(
        f"{things} in a batch",
        Unit.NUMBER,
        [Query(share(added, batches), "{{instance}}")],
        "Larger batches mean that the worker catches up.",
        width=8,
    )
