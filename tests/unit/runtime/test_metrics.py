"""Metrics never say who: their labels are closed sets."""

from __future__ import annotations

from services.runtime.metrics import Metrics

CLOSED = {"cache", "change", "channel", "code", "feed", "kind", "measure", "method", "outcome",
          "partition", "realm", "reason", "result", "route", "severity", "since", "stage", "state",
          "status", "table", "topic", "version", "why"}  # fmt: skip
"""Names of labels whose values are enumerations of the code, topics, partitions, tables, or the
channels and realms of the settings: an event of another channel or realm is rejected. Measures are
those of the catalogue."""


def test_no_label_could_hold_an_identifier() -> None:
    """A metric with a label of another name must show that its values are bounded."""
    names: set[str] = set()
    for one in vars(Metrics()).values():
        names.update(getattr(one, "_labelnames", ()))
    assert names <= CLOSED
    assert "reason" in names
