"""What a stored batch adds to the metrics and to the summary of an import: counted in one place.

Both ways of running, one process and many workers, and the summary of `c360 ingest` take their
numbers from here, so one outcome has one name in all of them. Nothing here decides anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

from schemas.instants import from_ms
from services.ingest.stage import ID_CONFLICT, Result, Status, Stored
from services.runtime.metrics import Metrics

HINTS_MAX = 100
_status_of = attrgetter("status")


class Tally:
    """Results of events: by status, the rejected ones by reason, the id conflicts, and the hints to
    senders by path and message (of the first `HINTS_MAX` kinds)."""

    def __init__(self, results: Iterable[Result] = ()) -> None:
        self.statuses: Counter[Status] = Counter()
        self.rejects: Counter[str] = Counter()
        self.conflicts = 0
        self.hints: Counter[tuple[str, str]] = Counter()
        self.add(results)

    @property
    def events(self) -> int:
        """Number of results."""
        return self.statuses.total()

    def add(self, results: Iterable[Result]) -> None:
        """Count further results."""
        results = list(results)
        self.statuses.update(map(_status_of, results))
        for result in results:
            if result.status is Status.REJECTED:
                self.rejects[str(result.reason)] += 1
            elif result.reason == ID_CONFLICT:
                self.conflicts += 1
            elif result.path and (len(self.hints) < HINTS_MAX or result[3:] in self.hints):
                self.hints[result.path, result.message] += 1


def show_channels(metrics: Metrics, channels: Iterable[str]) -> None:
    """Let channels that no event came from since the start show as 0, not as unknown."""
    for channel in channels:
        metrics.channel_events.labels(channel)


def measure(
    metrics: Metrics,
    stored: Stored,
    oldest_receipt: datetime,
    now: datetime,
    *,
    from_log: bool = False,
) -> Tally:
    """Add a batch that is durable to the metrics; returns its numbers.

    Args:
        oldest_receipt: the earliest time of receipt in the batch.
        from_log: the batch was read from a log. Its rejects are dead letters then, and its claimed
            times are recent, where those of a file may be years old.
    """
    tally = Tally(stored.results)
    for status, count in tally.statuses.items():
        metrics.events.labels(status).inc(count)
    for reason, count in tally.rejects.items():
        metrics.rejects.labels(reason).inc(count)
    metrics.id_conflicts.inc(tally.conflicts)
    channels = Counter(event.channel for event in stored.fresh if not event.row["synthetic"])
    for channel, count in channels.items():
        metrics.channel_events.labels(channel).inc(count)
    for event in stored.fresh:
        for why in event.dropped:
            metrics.identifiers_dropped.labels(why).inc()
        for hint in event.hints:
            metrics.hints.labels(hint.reason).inc()
    metrics.batch_events.observe(tally.events)
    metrics.freshness_seconds.labels("received").observe(_age_s(now, oldest_receipt))
    if from_log:
        metrics.dead_letters.inc(len(stored.refused))
        if stored.fresh:
            latest = from_ms(max(event.occurred_ms for event in stored.fresh))
            metrics.freshness_seconds.labels("occurred").observe(_age_s(now, latest))
    metrics.last_progress_seconds.set(now.timestamp())
    return tally


def _age_s(now: datetime, then: datetime) -> float:
    return max(0.0, (now - then).total_seconds())
