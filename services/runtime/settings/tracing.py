"""Whether spans are sent. Where to and how many say the standard variables of OpenTelemetry."""

from __future__ import annotations

from services.runtime.settings.part import Part


class TracingSettings(Part):
    """Tracing."""

    tracing: bool = False
    """Whether spans of requests, batches and statements are sent to an OpenTelemetry collector,
    whose address the standard variable OTEL_EXPORTER_OTLP_ENDPOINT has (docs/tracing.md)."""
