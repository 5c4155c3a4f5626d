"""The metric catalogue: every metric of the product, typed and described in one place.

Labels are closed sets; no identifier, profile id or event id ever becomes a label. docs/metrics.md
is generated from this module.
"""

from __future__ import annotations

import math
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = (1, 10, 100, 500, 1000, 5000, 10_000, 20_000, 50_000, 100_000)


class Metrics:
    """All metrics on a registry of their own, so several can live in one process (tests)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = self._counter("c360_events_total", "Events by result", "status")
        self.rejects = self._counter("c360_rejected_events_total", "Rejects by reason", "reason")
        self.id_conflicts = self._counter(
            "c360_id_conflicts_total", "Events with a known id and another body"
        )
        self.identifiers_dropped = self._counter(
            "c360_identifiers_dropped_total",
            "Identifiers dropped from accepted events, by reason",
            "reason",
        )
        self.hints = self._counter(
            "c360_hints_total", "Hints to senders of accepted events, by reason", "reason"
        )
        self.order_conflicts = self._gauge(
            "c360_order_conflicts", "Orders of contradicting reports"
        )
        self.suspicious_values = self._gauge(
            "c360_suspicious_values", "Identifiers that stand for too many persons"
        )
        self.batch_events = Histogram(
            "c360_batch_events", "Events per batch", buckets=SIZES, registry=self.registry
        )
        self.stage_seconds = Histogram(
            "c360_stage_duration_seconds",
            "Time a batch spends in a stage",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.freshness_seconds = Histogram(
            "c360_freshness_seconds",
            "Until queryable, per batch: since its oldest receipt, or its latest claimed time",
            ["since"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.channel_events = self._counter(
            "c360_channel_events_total",
            "Events that were stored for the first time, without synthetic ones, by channel",
            "channel",
        )
        self.incidents = self._counter(
            "c360_incident_changes_total", "Incident changes by kind and new state", "kind", "state"
        )
        self.retries = self._counter("c360_store_retries_total", "Batches retried")
        self.dead_letters = self._counter("c360_dead_letters_total", "Records dead-lettered")
        self.last_progress_seconds = Gauge(
            "c360_last_progress_timestamp_seconds",
            "Unix time at which the writer last finished a batch or found nothing to do",
            registry=self.registry,
        )
        self.build = self._gauge("c360_build_info", "1, by the version that runs", "version")
        self.build.labels(version("customer360")).set(1)
        self._of_identity()
        self._of_log()
        self._of_intake()
        self._of_api()
        self._of_store()
        self._of_clients()
        for seldom in (
            self.order_conflicts,
            self.suspicious_values,
            self.oldest_open_incident,
            self.certificate_expiry,
            self.key_expiry,
        ):
            seldom.set(math.nan)  # only some processes know

    def _of_identity(self) -> None:
        self.edges = self._counter("c360_identity_edges_total", "New or improved identity edges")
        self.merges = self._counter("c360_identity_merges_total", "Profiles merged")
        self.splits = self._counter("c360_identity_splits_total", "Profiles split")
        self.refusals = self._counter("c360_identity_refusals_total", "Edges and decisions refused")
        self.profile_changes = self._counter(
            "c360_profile_changes_total", "Profile change records sent, by change", "change"
        )

    def _of_log(self) -> None:
        self.lag = self._gauge(
            "c360_lag_records",
            "Offsets from the first record still to be processed to the end of a partition; 0 when "
            "no record is left",
            "topic",
            "partition",
        )
        self.position = self._gauge(
            "c360_committed_offset", "Offset acknowledged last", "topic", "partition"
        )
        self.oldest_unacknowledged_seconds = self._gauge(
            "c360_oldest_unacknowledged_age_seconds",
            "Time since receipt of the oldest unacknowledged record; 0 if there is none",
        )
        self.lag_seconds = self._gauge(
            "c360_lag_seconds",
            "Age of the oldest record that is still to be processed, read or not; 0 if there is "
            "none",
        )
        self.cache_entries = self._gauge("c360_cache_entries", "Entries in a cache", "cache")
        self.records_skipped = self._counter(
            "c360_records_skipped_total", "Records that a consumer group skipped; read again"
        )
        self.rebalances = self._counter(
            "c360_rebalances_total", "Times that partitions were reassigned"
        )

        self.clock_skew_seconds = Gauge(
            "c360_clock_skew_seconds",
            "How far this worker's clock is ahead of the store's; negative when it is behind",
            registry=self.registry,
        )

    def _of_intake(self) -> None:
        self.queued_events = Gauge(
            "c360_intake_queued_events", "Events waiting for the writer", registry=self.registry
        )
        self.connections = Gauge(
            "c360_http_connections", "Open HTTP connections", registry=self.registry
        )
        self.connections_closed = self._counter(
            "c360_http_connections_closed_total",
            "HTTP connections closed by the service: no room, a late or bad head, a late body, "
            "an answer not read",
            "why",
        )
        self.streams = Gauge(
            "c360_http_streams",
            "Open streams of server-sent events",
            ["feed"],
            registry=self.registry,
        )
        self.bytes_in_flight = Gauge(
            "c360_intake_bytes_in_flight",
            "Bytes of request bodies received and not answered yet",
            registry=self.registry,
        )
        self.last_batch = Gauge(
            "c360_last_batch", "Number of the last batch processed", registry=self.registry
        )

    def _of_api(self) -> None:
        self.request_seconds = Histogram(
            "c360_http_request_duration_seconds",
            "Time to the answer of HTTP requests, by route",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.problems = self._counter(
            "c360_http_problems_total", "Error answers by the code of the problem", "code"
        )
        self.reads_waiting = self._gauge(
            "c360_api_reads_waiting", "Requests waiting for a connection to the store"
        )
        self.access_entries_waiting = self._gauge(
            "c360_access_entries_waiting",
            "Entries of the access log that are not written yet; beyond a limit no profile is read",
        )
        self.answer_cache_reads = self._counter(
            "c360_api_cache_reads_total",
            "Answers that were kept and had not changed (hit), or had to be read (miss)",
            "result",
        )
        self.answer_cache_bytes = self._gauge(
            "c360_api_cache_bytes", "Memory of kept answers, roughly"
        )

    def _of_store(self) -> None:
        self.store_parts = self._gauge(
            "c360_store_parts", "Active parts of the fullest partition of a table", "table"
        )
        self.incidents_now = self._gauge(
            "c360_incidents",
            "Incidents that have not ended, by kind, severity and state; 0 where there are none",
            "kind",
            "severity",
            "state",
        )
        self.largest_profile = self._gauge(
            "c360_largest_profile_identifiers",
            "Identifiers that count towards the size limit, of the person of a realm that has most "
            "of them; counted every ten minutes, as the next ones",
            "realm",
        )
        self.profile_limit = self._gauge(
            "c360_profile_identifiers_max",
            "The size limit of the identity rules in force, or 50 where they name none",
            "realm",
        )
        self.profiles_at_limit = self._gauge(
            "c360_profiles_at_limit",
            "Persons of a realm whose joining with others was refused for their size, or who are "
            "above the limit",
            "realm",
        )
        self.profiles_above_review = self._gauge(
            "c360_profiles_above_review",
            "Persons of a realm with more identifiers of a type than its review_above",
            "realm",
        )
        self.insight_value = self._gauge(
            "c360_insight_value",
            "The value of a measure when it was kept last, in its own unit; unknown where it was "
            "suppressed or undefined",
            "measure",
            "realm",
        )
        self.insight_kept = self._gauge(
            "c360_insight_kept_timestamp_seconds",
            "Unix time at which a measure was kept last",
            "measure",
            "realm",
        )
        self.oldest_open_incident = self._gauge(
            "c360_oldest_open_incident_timestamp_seconds",
            "Unix time since which the oldest open incident is open, in event time; acknowledged "
            "and muted ones do not count",
        )
        self.certificate_expiry = self._gauge(
            "c360_certificate_expiry_timestamp_seconds",
            "Unix time at which the certificate that the HTTP server has loaded expires",
        )
        self.key_expiry = self._gauge(
            "c360_api_key_next_expiry_timestamp_seconds",
            "Unix time of the next expiry of an API key that works and has no successor",
        )

    def _of_clients(self) -> None:
        """Of processes that only ask the API."""
        self.notify_deliveries = self._counter(
            "c360_notify_deliveries_total", "Requests to targets of notifications", "outcome"
        )
        self.notify_waiting = self._gauge(
            "c360_notify_waiting", "Notifications and alerts that are due and not delivered"
        )
        self.notify_oldest_seconds = self._gauge(
            "c360_notify_oldest_due_seconds",
            "How long the oldest notification or alert that is not delivered has been due",
        )
        self.notify_silent_seconds = self._gauge(
            "c360_notify_silent_seconds",
            "For how long nothing was heard from the stream of incidents, which has heartbeats",
        )
        self.probe_journeys = self._counter(
            "c360_probe_journeys_total", "Synthetic journeys by outcome", "outcome"
        )
        self.probe_freshness = Histogram(
            "c360_probe_freshness_seconds",
            "From sending a synthetic event to an answer of the API that shows it, by channel",
            ["channel"],
            buckets=SECONDS,
            registry=self.registry,
        )

    def _gauge(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(name, description, labels, registry=self.registry)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self.registry)
