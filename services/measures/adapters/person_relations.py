"""What relations with one customer are made of, read by key: contracts, points, what was said and
done, what may be a reason to leave.

By the fragments of the measures (adapters/fragments.py), so that what counts is the same; see
there for what a read by key does not see. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

from schemas.identifiers import NodeId
from schemas.instants import to_ms
from services.measures.adapters.fragments import of_nodes
from services.measures.catalogue import leaving, silent
from services.measures.catalogue.recommendations import KEPT, VIEWED
from services.measures.core.bonds import ATTACHED_FROM, DETACHED_BELOW, SITUATIONS
from services.measures.core.deeds import Deed
from services.measures.core.experience import EXPERIENCE_KINDS, experiences
from services.measures.core.leaving_customers import LeavingSign, SignSeen
from services.measures.core.measure import MeasureContext
from services.measures.core.person import BoughtLine, ContractReport, PersonContext
from services.measures.core.population import PERSONS
from services.measures.core.window import DAYS_DEFAULT, Window
from services.store.database import Database, on_one_thread, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
KINDS_SQL = of_nodes(_STATEMENTS["kinds"])
LINES_SQL = of_nodes(_STATEMENTS["lines"])
CONTRACTS_SQL = of_nodes(_STATEMENTS["contracts"])
POINTS_SQL = of_nodes(_STATEMENTS["points"])
VOICES_SQL = of_nodes(_STATEMENTS["voices"])
FEELINGS_SQL = of_nodes(_STATEMENTS["feelings"])
SITUATIONS_SQL = of_nodes(_STATEMENTS["situations"])
SIGNS_SQL = of_nodes(_STATEMENTS["signs"])
ROLES_SQL = of_nodes(_STATEMENTS["roles"])
LOOKS_SQL = of_nodes(_STATEMENTS["looks"])
DOMAINS_SQL = of_nodes(_STATEMENTS["domains"])
LOOKED_SQL = of_nodes(_STATEMENTS["looked"])
SENT_BACK_SQL = of_nodes(_STATEMENTS["sent_back"])
FACTS_MAX = 10_000
SURVEY = "survey"
SAID = (*EXPERIENCE_KINDS, SURVEY)
Fact = TypeVar("Fact")


class Relations(NamedTuple):
    """What was read; see `PersonFacts`."""

    lines: list[BoughtLine]
    looked: list[Deed]
    sent_back: list[Deed]
    contracts: list[ContractReport]
    points: list[Deed]
    voices: list[Deed]
    feelings: list[Deed]
    situations: list[Deed]
    traits: list[Deed]
    """Roles in accounts, categories that were looked at, domains of addresses."""


class RelationReader:
    """Reads the relations with the holder of some identifiers, in a realm."""

    def __init__(
        self, database: Database, realm: str, nodes: Sequence[NodeId], context: PersonContext
    ) -> None:
        self._database = database
        self._realm = realm
        self._nodes = nodes
        window = Window(context.now - timedelta(days=DAYS_DEFAULT), context.now)
        self._context = MeasureContext(window, context.zone, context.currency, context.rules)
        self._kinds = frozenset(self._read(str, KINDS_SQL))

    def relations(self) -> Relations:
        """All of them, without signs."""
        context = self._context
        feelings = {"attached_from": ATTACHED_FROM, "detached_below": DETACHED_BELOW}
        lines = self._read(BoughtLine, LINES_SQL)
        return Relations(
            lines,
            self._of(("browsing",), Deed, LOOKED_SQL, viewed=VIEWED, kept=KEPT),
            self._read(Deed, SENT_BACK_SQL) if lines else [],
            self._of(("contract",), ContractReport, CONTRACTS_SQL),
            self._of(("loyalty",), Deed, POINTS_SQL),
            self._of(SAID, Deed, VOICES_SQL, **silent.parameters(context)),
            self._of(SAID, Deed, FEELINGS_SQL, **experiences(context), **feelings),
            self._of((SURVEY,), Deed, SITUATIONS_SQL, situations=list(SITUATIONS)),
            [*self._traits()],
        )

    def signs(self) -> list[SignSeen]:
        """What may be a reason to leave. It takes as long as all else: only of who slips or leaves
        it says anything."""
        where = leaving.parameters(self._context)
        return self._of((*where["interaction_kinds"], SURVEY), _sign, SIGNS_SQL, **where)

    def _traits(self) -> Iterator[Deed]:
        """Those of which the rules name any; domains of addresses that identify the customer."""
        names = self._context.rules.leads.fit
        if any(one.startswith("role=") for one in names):
            yield from self._read(Deed, ROLES_SQL)
        if any(one.startswith("category=") for one in names):
            yield from self._of(("browsing",), Deed, LOOKS_SQL)
        if self._context.rules.leads.competitors:
            yield from self._read(Deed, DOMAINS_SQL)

    def _of(
        self, kinds: Sequence[str], fact: Callable[..., Fact], sql: str, **more: Any
    ) -> list[Fact]:
        """The rows of a statement about these kinds; nothing is read if there are none of them."""
        if self._kinds.isdisjoint(kinds):
            return []
        return self._read(fact, sql, **{"interaction_kinds": list(kinds), **more})

    def _read(self, kind: Callable[..., Fact], sql: str, **more: Any) -> list[Fact]:
        """The rows of a statement; its columns are the fields of a fact, in their order."""
        window = self._context.window
        where = {
            "kinds": sorted(PERSONS.kinds),
            "from_ms": to_ms(window.start),
            "until_ms": to_ms(window.end),
            "zone": self._context.zone.key,
            "currency": self._context.currency,
            "limit": FACTS_MAX,
            **more,
        }
        asked = on_one_thread(sql, len(self._nodes))
        return [
            kind(*row)
            for row in rows_by_key(self._database, asked, self._realm, self._nodes, **where)
        ]


def _sign(day: Any, what: str, event_id: str) -> SignSeen:
    return SignSeen(day, LeavingSign(what), event_id)
