"""What a batch adds to the metrics, in one process and in a worker."""

from __future__ import annotations

from datetime import timedelta

from schemas.instants import to_ms
from services.ingest.lines import Line
from services.ingest.measure import Tally
from services.ingest.stage import ID_CONFLICT, Result, Status
from services.ingest.worker import Limits
from services.runtime.metrics import Metrics
from tests.events import RECEIVED_AT, event, identifier, line
from tests.simulation.embedded import Embedded
from tests.unit.ingest.bench import Bench

OCCURRED_AGO = timedelta(hours=3)
MALFORMED = identifier("email", "anna at example")
FIRST = event(
    event_id="e-1",
    identifiers=[identifier("cookie", "c-1"), MALFORMED],
    occurred_at=(RECEIVED_AT - OCCURRED_AGO).isoformat(),
)
BATCH = [
    line(FIRST),
    line(FIRST),
    line(FIRST | {"channel": "app"}),
    b"garbage",
    line(event(channel="no-such")),
    line(event(event_id="unstorable-1")),
]
"""A new event, the same again, another body under its id, and three rejects."""
RESULTS = {
    'c360_events_total{status="accepted"}': 1,
    'c360_events_total{status="duplicate"}': 2,
    'c360_events_total{status="rejected"}': 3,
    'c360_rejected_events_total{reason="invalid_field"}': 1,
    'c360_rejected_events_total{reason="not_json"}': 1,
    'c360_rejected_events_total{reason="unstorable"}': 1,
    "c360_id_conflicts_total": 1,
    "c360_batch_events_count": 1,
    "c360_batch_events_sum": 6,
    'c360_freshness_seconds_count{since="received"}': 1,
    'c360_freshness_seconds_sum{since="received"}': 0,
    "c360_last_progress_timestamp_seconds": to_ms(RECEIVED_AT) / 1000,
}
MEASURED = (
    "c360_events", "c360_rejected_events", "c360_id_conflicts", "c360_identifiers_dropped",
    "c360_batch_events", "c360_freshness_seconds", "c360_dead_letters", "c360_last_progress",
)  # fmt: skip


def samples(metrics: Metrics) -> dict[str, float]:
    """The samples of ingest's metrics, written as Prometheus does."""
    found = {}
    for family in metrics.registry.collect():
        for one in family.samples if family.name.startswith(MEASURED) else ():
            if not one.name.endswith(("_bucket", "_created")):
                labels = ",".join(f'{name}="{value}"' for name, value in one.labels.items())
                found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def test_embedded_batch() -> None:
    """Rejects are kept beside the facts, so none is a dead letter; claimed times may be old, so
    their age is not observed."""
    embedded = Embedded(lambda: RECEIVED_AT)
    embedded.pipeline.finish(embedded.pipeline.decode([Line(one, len(one)) for one in BATCH]))
    assert samples(embedded.metrics) == RESULTS | {
        "c360_dead_letters_total": 0,
        'c360_identifiers_dropped_total{reason="malformed"}': 2,
    }


def test_worker_batch() -> None:
    """Every reject is a dead letter; a duplicate is processed again, its dropped identifiers
    too."""
    bench = Bench(*BATCH, limits=Limits(linger_s=0.05))
    bench.run_until(lambda: bench.source.committed == [len(BATCH)])
    assert samples(bench.metrics) == RESULTS | {
        "c360_dead_letters_total": 3,
        'c360_identifiers_dropped_total{reason="malformed"}': 3,
        'c360_freshness_seconds_count{since="occurred"}': 1,
        'c360_freshness_seconds_sum{since="occurred"}': OCCURRED_AGO.total_seconds(),
    }


def test_tally_goes_on() -> None:
    """The summary of an import counts batch after batch; reasons of duplicates are no rejects."""
    tally = Tally([Result("a", Status.ACCEPTED), Result("b", Status.REJECTED, "not_json")])
    tally.add([Result("c", Status.REJECTED, "not_json"), Result("a", Status.DUPLICATE)])
    tally.add([Result("a", Status.DUPLICATE, ID_CONFLICT)])
    assert tally.events == 5
    assert tally.statuses == {Status.ACCEPTED: 1, Status.DUPLICATE: 2, Status.REJECTED: 2}
    assert (tally.rejects, tally.conflicts) == ({"not_json": 2}, 1)
