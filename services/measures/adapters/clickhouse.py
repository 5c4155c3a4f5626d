"""Measures on ClickHouse: the statement of a measure makes its rows, its function the figures.

Rows are matched to the fields of a measure's rows by the names of the columns. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.instants import to_ms
from schemas.rules.insights import InsightRules
from services.measures.adapters.fragments import of_groups, of_members, whole
from services.measures.catalogue import FOLDER, MEASURES
from services.measures.core.bias import GroupLevels, compared, levels_of
from services.measures.core.deeds import ACTS
from services.measures.core.measure import AnyMeasure, Figures, MeasureContext, shown
from services.measures.core.population import GROUP_MIN, is_few
from services.measures.core.result import (
    Flag,
    MeasureBias,
    MeasureExplained,
    MeasureInput,
    MeasureResult,
    Span,
)
from services.measures.core.window import window_of
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings
from services.store.database import Database
from services.store.statements import Statements, parse

TIMES = {"from_ms", "until_ms"}
"""Ends of what is read, which the window has and some measures move."""


@cache
def statements_of_measure(name: str, *, is_of_members: bool = False) -> Mapping[str, str]:
    """The statements of a measure by the names of its inputs, of everybody or of a segment."""
    filled = of_members if is_of_members else whole
    return {one: filled(sql) for one, sql in Statements(FOLDER / f"{name}.sql").items()}


class MeasureReader:
    """Implements `services.measures.ports.MeasureSource`."""

    def __init__(
        self,
        database: Database,
        realms: Mapping[str, RealmSettings],
        rules: InsightRules,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._realms = realms
        self._rules = rules
        self._clock = clock

    def measure(
        self,
        name: str,
        realm: str,
        first: date | None = None,
        until: date | None = None,
        segment: str = "",
    ) -> MeasureResult:
        """See the port."""
        measure, now = self._known(name, realm), self._clock()
        if segment and not measure.is_of_members:
            raise ValueError(f"{name} is about what is done for everybody, and of no segment")
        settings = self._realms[realm]
        zone = ZoneInfo(settings.time_zone)
        window = window_of(first, until, zone, now)
        # What lies ahead has not happened: nobody is lost in it, and no month of it is over.
        happened = window._replace(end=max(window.start, min(window.end, now)))
        context = MeasureContext(happened, zone, settings.currency, self._rules.of(realm))
        figures, flags = self._shown(measure, realm, context, segment)
        if window.end > now:
            flags.append(Flag.INCOMPLETE_WINDOW)
        return MeasureResult(
            **figures._replace(flags=flags).published(),
            measure=name,
            definition=measure.definition,
            realm=realm,
            population=measure.population.name,
            segment=segment,
            window=Span.model_validate({"from": window.start, "until": window.end}),
            as_of=now,
        )

    def bias(self, name: str, realm: str) -> MeasureBias:
        """See the port."""
        measure, now = self._known(name, realm), self._clock()
        if not measure.levels:
            scoring = ", ".join(one for one, found in MEASURES.items() if found.levels)
            raise ValueError(f"{name} scores no single customers; these do: {scoring}")
        settings = self._realms[realm]
        zone = ZoneInfo(settings.time_zone)
        window = window_of(None, None, zone, now)
        context = MeasureContext(window, zone, settings.currency, self._rules.of(realm))
        figures = measure.compute(self._inputs(measure, realm, context), context)
        persons, levels = figures.n or 0, levels_of(figures, measure.levels)
        everybody = GroupLevels("", "", persons, levels)
        groups = list[GroupLevels]()
        if persons >= GROUP_MIN:
            groups = self._of_groups(measure, realm, context)
        return MeasureBias(
            measure=name,
            definition=measure.definition,
            realm=realm,
            window=Span.model_validate({"from": window.start, "until": window.end}),
            as_of=now,
            n=persons if persons >= GROUP_MIN else None,
            shares={
                level: many / persons for level, many in sorted(levels.items()) if many >= GROUP_MIN
            },
            groups=compared(everybody, groups),
        )

    def _of_groups(
        self, measure: AnyMeasure, realm: str, context: MeasureContext
    ) -> list[GroupLevels]:
        """How many of each group are at each level. Scores are made of everybody's rows."""
        name, row = next(iter(measure.rows.items()))
        sql = of_groups(Statements(FOLDER / f"{measure.name}.sql")[name])
        rows = defaultdict[tuple[str, str], list[Any]](list)
        for one in self._database.records(sql, self._where(measure, realm, context)):
            group = one.pop("group_by"), one.pop("group_key")
            rows[group].append(row(**one))
        nothing: dict[str, list[Any]] = {other: [] for other in measure.rows}
        found = list[GroupLevels]()
        for (by, key), some in rows.items():
            figures = measure.compute(measure.inputs(**nothing | {name: some}), context)
            found.append(GroupLevels(by, key, figures.n or 0, levels_of(figures, measure.levels)))
        return found

    def explained(self, name: str, realm: str) -> MeasureExplained:
        """See the port."""
        measure, now = self._known(name, realm), self._clock()
        settings = self._realms[realm]
        zone = ZoneInfo(settings.time_zone)
        window = window_of(None, None, zone, now)
        context = MeasureContext(window, zone, settings.currency, self._rules.of(realm))
        sql, given = statements_of_measure(name), measure.parameters(context)
        file = FOLDER / f"{name}.sql"
        return MeasureExplained(
            measure=name,
            definition=measure.definition,
            title=measure.title,
            meaning=measure.meaning,
            population=measure.population.name,
            kinds=sorted(measure.population.kinds),
            settings={of: str(given[of]) for of in sorted(given.keys() - TIMES)},
            inputs=[
                MeasureInput(name=one.name, reads=one.description, sql=sql[one.name])
                for one in parse(file.read_text("utf-8"), file.name)
            ],
        )

    def _known(self, name: str, realm: str) -> AnyMeasure:
        if name not in MEASURES:
            raise NotFound(f"no measure {name!r}; there are: {', '.join(MEASURES)}")
        if realm not in self._realms:
            known = ", ".join(sorted(self._realms))
            raise NotFound(f"realm {realm!r} is not configured; C360_REALMS lists: {known}")
        return MEASURES[name]

    def _shown(
        self, measure: AnyMeasure, realm: str, context: MeasureContext, segment: str
    ) -> tuple[Figures, list[Flag]]:
        """The figures that may be shown. Those of a segment and of everybody would say together
        what they are of the few who do not belong to it."""
        computed = measure.compute(self._inputs(measure, realm, context, segment), context)
        if segment:
            everybody = measure.compute(self._inputs(measure, realm, context), context)
            if is_few((everybody.n or 0) - (computed.n or 0)):
                computed = computed._replace(n=0, breakdown=())
        return shown(computed)

    def _inputs(
        self, measure: AnyMeasure, realm: str, context: MeasureContext, segment: str = ""
    ) -> Any:
        """The rows of a measure's statements."""
        where = self._where(measure, realm, context, segment)
        sql = statements_of_measure(measure.name, is_of_members=bool(segment))
        found = {
            name: [row(**one) for one in self._database.records(sql[name], where)]
            for name, row in measure.rows.items()
        }
        return measure.inputs(**found)

    def _where(
        self, measure: AnyMeasure, realm: str, context: MeasureContext, segment: str = ""
    ) -> dict[str, Any]:
        """What its statements ask for."""
        return {
            "realm": realm,
            "kinds": sorted(measure.population.kinds),
            "segment": segment,
            "from_ms": to_ms(context.window.start),
            "until_ms": to_ms(context.window.end),
            "zone": context.zone.key,
            "currency": context.currency,
            "acts": ACTS,
            **measure.parameters(context),
        }
