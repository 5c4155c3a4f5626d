"""Gauges of the store are looked up seldom, by a thread of their own, and survive a store away."""

from __future__ import annotations

import math
import time

from prometheus_client import generate_latest

from schemas.incident import Severity
from services.api.store_gauges import (
    NOT_ENDED,
    OFTEN_S,
    SELDOM_S,
    HeldIncidents,
    IncidentGroup,
    KeptValue,
    Noticed,
    Size,
    StoreGauges,
)
from services.consistency.kinds import KINDS
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics

DEADLINE_S = 10.0


class Store:
    """A store in memory that counts what it is asked; None is one that is away."""

    def __init__(self) -> None:
        self.held: int | None = 4
        self.asked: list[str] = []
        self.closed = 0
        self.state = "open"

    def _answer(self, name: str) -> float:
        self.asked.append(name)
        if self.held is None:
            raise Retry("away")
        return self.held

    def parts(self) -> dict[str, int]:
        """See FigureSource."""
        return {"touchpoints": int(self._answer("parts"))}

    def incidents(self) -> dict[IncidentGroup, HeldIncidents]:
        """See FigureSource."""
        held = int(self._answer("incidents"))
        return {
            IncidentGroup("price_mismatch", "critical", self.state): HeldIncidents(held, 100),
            IncidentGroup("price_mismatch", "low", "muted"): HeldIncidents(2, 50),
            IncidentGroup("of_a_newer_release", "dire", "open"): HeldIncidents(1, 200),
        }

    def largest_profiles(self) -> dict[str, Size]:
        """See FigureSource."""
        return {"shop": Size(int(self._answer("largest")), 50), "outlet": Size(2, 30)}

    def order_conflicts(self) -> float:
        """See FigureSource."""
        return self._answer("conflicts")

    def insights(self) -> dict[tuple[str, str], KeptValue]:
        """See FigureSource."""
        kept = KeptValue(self._answer("insights"), 86_400)
        if self.state == "muted":
            return {("clv", "shop"): kept}
        return {("nps", "shop"): kept, ("nps", "outlet"): KeptValue(math.nan, 99)}

    def noticed(self) -> dict[str, Noticed]:
        """See FigureSource."""
        found = Noticed(int(self._answer("noticed")), 3, 1)
        return {"shop": found, "outlet": Noticed(0, 0, 0)}

    def close(self) -> None:
        """See FigureSource."""
        self.closed += 1


OFTEN = ["parts", "incidents", "insights"]
FIRST = ["parts", "incidents", "conflicts", "noticed", "largest", "insights"]


def test_whole_tables_are_looked_at_every_ten_minutes() -> None:
    """Cheap figures each minute; in between the former numbers are shown."""
    store, metrics, now_s = Store(), Metrics(), [0.0]
    gauges = StoreGauges(metrics, lambda: store, lambda: now_s[0])
    gauges.look()
    gauges.look()
    assert store.asked == FIRST
    now_s[0] = OFTEN_S
    gauges.look()
    assert store.asked == [*FIRST, *OFTEN]
    now_s[0] = SELDOM_S
    gauges.look()
    assert store.asked == [*FIRST, *OFTEN, *FIRST]


def test_an_unknown_number_is_nan() -> None:
    """Before the first look and while the store is away; the connection is opened anew then."""
    store, metrics, now_s = Store(), Metrics(), [0.0]
    gauges = StoreGauges(metrics, lambda: store, lambda: now_s[0])

    def shown(name: str) -> float | None:
        return metrics.registry.get_sample_value(name)

    assert math.isnan(shown("c360_suspicious_values") or 0)
    gauges.look()
    assert shown("c360_suspicious_values") == 4
    assert metrics.registry.get_sample_value("c360_store_parts", {"table": "touchpoints"}) == 4
    store.held, now_s[0] = None, SELDOM_S
    gauges.look()
    assert math.isnan(shown("c360_suspicious_values") or 0)
    assert store.closed == 6
    store.held, now_s[0] = 7, 2 * SELDOM_S
    gauges.look()
    assert shown("c360_suspicious_values") == 7


def test_how_large_profiles_are_is_told_by_realm() -> None:
    """With the limit of the rules in force; unknown while the store is away."""
    store, metrics, now_s = Store(), Metrics(), [0.0]
    gauges = StoreGauges(metrics, lambda: store, lambda: now_s[0])

    def shown(name: str, realm: str) -> float | None:
        return metrics.registry.get_sample_value(name, {"realm": realm})

    names = ("c360_largest_profile_identifiers", "c360_profile_identifiers_max",
             "c360_profiles_above_review", "c360_profiles_at_limit")  # fmt: skip
    assert [shown(name, "shop") for name in names] == [None] * 4
    gauges.look()
    assert [shown(name, "shop") for name in names] == [4, 50, 3, 1]
    assert [shown(name, "outlet") for name in names] == [2, 30, 0, 0]
    store.held, now_s[0] = None, SELDOM_S
    gauges.look()
    assert all(math.isnan(shown(name, "shop") or 0) for name in names)
    store.held, now_s[0] = 7, 2 * SELDOM_S
    gauges.look()
    assert [shown(name, "shop") for name in names] == [7, 50, 3, 1]


def test_what_measures_were_is_told_by_measure_and_realm() -> None:
    """With the time; a value that is not shown is unknown. While the store is away the last ones
    stand, for they are of a day; what is not kept any more has no series."""
    store, metrics, now_s = Store(), Metrics(), [0.0]
    gauges = StoreGauges(metrics, lambda: store, lambda: now_s[0])

    def shown(measure: str, realm: str, name: str = "c360_insight_value") -> float | None:
        return metrics.registry.get_sample_value(name, {"measure": measure, "realm": realm})

    assert shown("nps", "shop") is None
    gauges.look()
    assert shown("nps", "shop") == 4
    assert shown("nps", "shop", "c360_insight_kept_timestamp_seconds") == 86_400
    assert math.isnan(shown("nps", "outlet") or 0)
    store.held, now_s[0] = None, OFTEN_S
    gauges.look()
    assert shown("nps", "shop") == 4
    store.held, store.state, now_s[0] = 7, "muted", 2 * OFTEN_S
    gauges.look()
    assert (shown("clv", "shop"), shown("nps", "shop")) == (7, None)


def test_nothing_is_asked_unless_somebody_reads_the_metrics() -> None:
    """A service that nobody scrapes asks its store nothing; a scrape waits for no look."""
    store, metrics = Store(), Metrics()
    gauges = StoreGauges(metrics, lambda: store)
    gauges.start()
    assert store.asked == []
    generate_latest(metrics.registry)
    end = time.monotonic() + DEADLINE_S
    while len(store.asked) < len(FIRST) and time.monotonic() < end:
        time.sleep(0.01)
    gauges.stop()
    assert store.asked == FIRST
    assert store.closed == 1


def test_what_no_incident_is_in_any_more_is_zero() -> None:
    """As is every kind, severity and state from the first look on; the series are a closed set."""
    store, metrics, now_s = Store(), Metrics(), [0.0]
    gauges = StoreGauges(metrics, lambda: store, lambda: now_s[0])

    def shown(severity: str, state: str, kind: str = "price_mismatch") -> float | None:
        labels = {"kind": kind, "severity": severity, "state": state}
        return metrics.registry.get_sample_value("c360_incidents", labels)

    assert shown("critical", "open") is None, "nothing is claimed before the first look"
    gauges.look()
    assert (shown("critical", "open"), shown("high", "open"), shown("low", "muted")) == (4, 0, 2)
    assert shown("critical", "open", "told_twice") == 0
    assert shown("critical", "resolved") is None
    (family,) = metrics.incidents_now.collect()
    assert len(family.samples) == len(KINDS) * len(Severity) * len(NOT_ENDED)
    oldest = "c360_oldest_open_incident_timestamp_seconds"
    assert metrics.registry.get_sample_value(oldest) == 100
    store.state, now_s[0] = "muted", OFTEN_S
    gauges.look()
    assert (shown("critical", "open"), shown("critical", "muted")) == (0, 4)
    assert metrics.registry.get_sample_value(oldest) == 200, "also of a kind that is not known here"
