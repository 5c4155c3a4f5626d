"""Gauges of what is in the store, for processes that serve the query API.

Some take a look over whole tables, so a thread of its own takes them, on a connection of its own,
seldom, and only where somebody reads the metrics: whoever does gets the numbers of the latest look
at once. A number is NaN, as Prometheus writes what is unknown, before the first look and while the
store does not answer. Nothing here writes.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product, starmap
from typing import NamedTuple, Protocol

import structlog
from prometheus_client import Gauge

from schemas.identifiers import NodeId
from schemas.incident import IncidentState, Severity
from services.api.ports import Reads
from services.consistency.kinds import KINDS
from services.identity.core.notices import NoticeKind
from services.measures.catalogue import MEASURES
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PARTS_SQL = _STATEMENTS["parts"]
LARGEST_SQL = _STATEMENTS["largest"]
INCIDENTS_SQL = _STATEMENTS["incidents"]
INSIGHTS_SQL = _STATEMENTS["insights"]
OFTEN_S = 60.0
SELDOM_S = 600.0
"""Between two looks over whole tables."""
STOP_S = 5.0
NOT_ENDED = tuple(
    state
    for state in IncidentState
    if state not in (IncidentState.RESOLVED, IncidentState.RETRACTED)
)
log = structlog.get_logger()


class IncidentGroup(NamedTuple):
    """What incidents are counted by."""

    kind: str
    severity: str
    state: str


class HeldIncidents(NamedTuple):
    """Incidents of one group."""

    number: int
    oldest_s: float
    """Unix time since which the oldest of them lasts."""


class Size(NamedTuple):
    """How large the largest person of a realm is, and may be: personal identifiers."""

    largest: int
    limit: int


class Noticed(NamedTuple):
    """Of the notices of a realm (services/identity/core/notices.py), how many are about what."""

    values: int
    """Identifiers that stand for too many persons."""
    above_review: int
    """Persons with more of a type than its `review_above`."""
    at_limit: int
    """Persons at the size limit, or above it."""


class KeptValue(NamedTuple):
    """What a measure was when it was kept last."""

    value: float
    """NaN where it was not shown."""
    kept_s: float
    """Unix time."""


class FigureSource(Protocol):
    """What the gauges show. Methods block and raise C360Error."""

    def parts(self) -> dict[str, int]:
        """Active parts of the fullest partition, by table."""
        ...

    def incidents(self) -> dict[IncidentGroup, HeldIncidents]:
        """Incidents that have not ended."""
        ...

    def largest_profiles(self) -> dict[str, Size]:
        """The size of the largest person of each realm."""
        ...

    def order_conflicts(self) -> float:
        """Orders of contradicting reports."""
        ...

    def insights(self) -> dict[tuple[str, str], KeptValue]:
        """What measures were when they were kept last, by measure and realm."""
        ...

    def noticed(self) -> dict[str, Noticed]:
        """What somebody should look at in each realm."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class StoreFigures:
    """Implements `FigureSource` over one connection, which it takes over."""

    def __init__(self, database: Database, reads: Reads) -> None:
        """`reads` read on the same connection."""
        self._database = database
        self._reads = reads

    def parts(self) -> dict[str, int]:
        """See the port."""
        return {table: int(count) for table, count in self._database.rows(PARTS_SQL)}

    def incidents(self) -> dict[IncidentGroup, HeldIncidents]:
        """See the port."""
        found = self._database.rows(INCIDENTS_SQL, {"states": list(NOT_ENDED)})
        return {
            IncidentGroup(*group): HeldIncidents(count, since_ms / 1000)
            for *group, count, since_ms in found
        }

    def largest_profiles(self) -> dict[str, Size]:
        """See the port."""
        self._reads.follow_rules()
        rules, found = self._reads.identity_rules, dict[str, Size]()
        for realm in self._reads.realms:
            asked = {"realm": realm, "counted": sorted(rules.counted)}
            ((held,),) = self._database.rows(LARGEST_SQL, asked)
            found[realm] = Size(held, rules.large_above)
        return found

    def order_conflicts(self) -> float:
        """See the port."""
        reads = self._reads
        return sum(1 for realm in reads.realms for _ in reads.order_conflicts.conflicts(realm))

    def insights(self) -> dict[tuple[str, str], KeptValue]:
        """See the port."""
        asked = {"realms": sorted(self._reads.realms), "measures": list(MEASURES)}
        return {
            (measure, realm): KeptValue(math.nan if value is None else value, kept_ms / 1000)
            for realm, measure, value, kept_ms in self._database.rows(INSIGHTS_SQL, asked)
        }

    def noticed(self) -> dict[str, Noticed]:
        """See the port."""
        self._reads.follow_rules()
        return {realm: self._noticed(realm) for realm in self._reads.realms}

    def _noticed(self, realm: str) -> Noticed:
        persons: dict[NoticeKind, set[NodeId]] = {
            NoticeKind.MANY_IDENTIFIERS: set(),
            NoticeKind.SIZE_LIMIT: set(),
        }
        values = 0
        for one in self._reads.notices.notices(realm):
            if one.kind in persons:
                persons[one.kind].add(one.node)
            else:
                values += 1
        return Noticed(values, *map(len, persons.values()))

    def close(self) -> None:
        """See the port."""
        self._reads.close()


@dataclass(slots=True)
class _Look:
    take: Callable[[FigureSource], float]
    every_s: float
    looked_at_s: float = -math.inf
    shown: float = math.nan
    by_realm: tuple[Gauge, ...] = ()
    """Gauges that the look sets itself. Of a realm that was seen they are NaN while the store does
    not answer."""


class StoreGauges:
    """The gauges, between `start` and `stop`."""

    def __init__(
        self,
        metrics: Metrics,
        open_figures: Callable[[], FigureSource],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`open_figures` opens a connection; it may block and raise C360Error."""
        self._metrics = metrics
        self._open_figures = open_figures
        self._clock_s = clock_s
        self._figures: FigureSource | None = None
        self._wanted = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="store-gauges", daemon=True)
        sizes = (metrics.largest_profile, metrics.profile_limit)
        persons = (metrics.profiles_above_review, metrics.profiles_at_limit)
        looks = {
            metrics.oldest_open_incident: _Look(self._show_incidents, OFTEN_S),
            metrics.order_conflicts: _Look(lambda figures: figures.order_conflicts(), SELDOM_S),
            metrics.suspicious_values: _Look(self._show_noticed, SELDOM_S, by_realm=persons),
        }
        for gauge, look in looks.items():
            gauge.set_function(partial(self._show, look))
        parts = _Look(self._show_parts, OFTEN_S)
        largest = _Look(self._show_largest, SELDOM_S, by_realm=sizes)
        insights = _Look(self._show_insights, OFTEN_S)
        self._looks = [parts, *looks.values(), largest, insights]
        self._kept: set[tuple[str, str]] = set()
        self._realms: set[str] = set()

    def start(self) -> None:
        """Look whenever the metrics were read and a look is due."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._is_stopping = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def look(self) -> None:
        """Take the looks that are due. Blocks; never raises; one thread at a time."""
        for one in self._looks:
            now_s = self._clock_s()
            if now_s - one.looked_at_s < one.every_s or self._is_stopping:
                continue
            one.looked_at_s = now_s
            try:
                self._figures = self._figures or self._open_figures()
                one.shown = one.take(self._figures)
            except Exception as error:  # also a row of a newer release: the thread must go on
                log.warning("figures_not_read", error=f"{type(error).__name__}: {error}")
                one.shown = math.nan
                for gauge, realm in product(one.by_realm, self._realms):
                    gauge.labels(realm).set(math.nan)
                self._close()

    def _show(self, look: _Look) -> float:
        self._wanted.set()
        return look.shown

    def _show_parts(self, figures: FigureSource) -> float:
        found = figures.parts()
        for table, count in found.items():
            self._metrics.store_parts.labels(table).set(count)
        return max(found.values(), default=0)

    def _show_incidents(self, figures: FigureSource) -> float:
        """Since when the oldest open one is open; NaN if none is.

        Every group has a series from the first look on, as long as the process lives: 0 says that
        there is none, while a series that comes and goes is no data to a rule or a panel.
        """
        found = figures.incidents()
        for group in starmap(IncidentGroup, product(KINDS, Severity, NOT_ENDED)):
            held = found.get(group)
            self._metrics.incidents_now.labels(*group).set(held.number if held else 0)
        since = [
            held.oldest_s for group, held in found.items() if group.state == IncidentState.OPEN
        ]
        return min(since, default=math.nan)

    def _show_largest(self, figures: FigureSource) -> float:
        found = figures.largest_profiles()
        for realm, size in found.items():
            self._realms.add(realm)
            self._metrics.largest_profile.labels(realm).set(size.largest)
            self._metrics.profile_limit.labels(realm).set(size.limit)
        return max((size.largest for size in found.values()), default=0)

    def _show_insights(self, figures: FigureSource) -> float:
        """They are of some day, so while the store does not answer the last ones stand; one that
        is not kept any more has no series."""
        gauges = self._metrics.insight_value, self._metrics.insight_kept
        found = figures.insights()
        for about, one in found.items():
            for gauge, number in zip(gauges, one, strict=True):
                gauge.labels(*about).set(number)
        for gauge, about in product(gauges, self._kept - found.keys()):
            gauge.remove(*about)
        self._kept = set(found)
        return len(found)

    def _show_noticed(self, figures: FigureSource) -> float:
        found = figures.noticed()
        for realm, noticed in found.items():
            self._realms.add(realm)
            self._metrics.profiles_above_review.labels(realm).set(noticed.above_review)
            self._metrics.profiles_at_limit.labels(realm).set(noticed.at_limit)
        return sum(noticed.values for noticed in found.values())

    def _run(self) -> None:
        while self._wanted.wait() and not self._is_stopping:
            self._wanted.clear()
            self.look()
        self._close()

    def _close(self) -> None:
        figures, self._figures = self._figures, None
        if figures is not None:
            figures.close()
