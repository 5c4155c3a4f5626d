"""Measures on ClickHouse: the statement of a measure makes its rows, its function the figures.

Rows are matched to the fields of a measure's row by the names of the columns. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from services.measures.catalogue import FOLDER, MEASURES
from services.measures.core.measure import MeasureContext, shown
from services.measures.core.result import Flag, MeasureResult, Span
from services.measures.core.window import window_of
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings
from services.store.database import Database
from services.store.statements import Statements

STATEMENTS = {name: Statements(FOLDER / f"{name}.sql")[name] for name in MEASURES}


class MeasureReader:
    """Implements `services.measures.ports.MeasureSource`."""

    def __init__(
        self,
        database: Database,
        realms: Mapping[str, RealmSettings],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._realms = realms
        self._clock = clock

    def measure(
        self, name: str, realm: str, first: date | None = None, until: date | None = None
    ) -> MeasureResult:
        """See the port."""
        if name not in MEASURES:
            raise NotFound(f"no measure {name!r}; there are: {', '.join(MEASURES)}")
        if realm not in self._realms:
            known = ", ".join(sorted(self._realms))
            raise NotFound(f"realm {realm!r} is not configured; C360_REALMS lists: {known}")
        measure, settings, now = MEASURES[name], self._realms[realm], self._clock()
        zone = ZoneInfo(settings.time_zone)
        window = window_of(first, until, zone, now)
        where = {
            "realm": realm,
            "kinds": sorted(measure.population.kinds),
            "until_ms": int(window.end.timestamp() * 1000),
        }
        records = self._database.records(STATEMENTS[name], where)
        context = MeasureContext(window, zone, settings.currency)
        figures, flags = shown(measure.compute([measure.row(**one) for one in records], context))
        if window.end > now:
            flags.append(Flag.INCOMPLETE_WINDOW)
        return MeasureResult(
            **figures._asdict(),
            measure=name,
            definition=measure.definition,
            realm=realm,
            population=measure.population.name,
            window=Span.model_validate({"from": window.start, "until": window.end}),
            as_of=now,
            flags=flags,
        )
