"""The rows that the views of `touchpoints` make, written without them for batches of few events.

A view costs an insert about two milliseconds, whether it has a row or not, because the engine
analyses its query for every insert; with a dozen views that is most of what one event costs. So the
process that is alone on its engine detaches them while its batches are small, and writes the rows
of an event where it has any. They are attached again before a larger batch. A detached view comes
back when the engine starts, so a killed process leaves none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from services.ingest.core.fact_row import EMPTY_SURVEY
from services.ingest.core.interaction import (
    FIELDS,
    NO_DETAILS,
    InteractionKind,
    columns_of_details,
)
from services.ingest.core.outcome import Accepted
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
VIEWS_SQL = _STATEMENTS["views"]
DETACHED_SQL = _STATEMENTS["detached"]
FEW = 20
"""Events of a batch that cost less without views."""
IN_A_ROW = 5
"""So many batches of few events show that small ones are usual now. Attaching all views takes as
long as two inserts."""
MANY = 200
"""Events of larger batches, with no small one between them, after which views are attached."""
Row = tuple[Any, ...]
Columns = Mapping[str, Any]
_SEEN = ("realm", "node", "event_id", "version", "occurred_at", "channel", "synthetic")
_ORDER_ACTIONS = ("placed", "cancelled", "returned")


class Projection(NamedTuple):
    """What one view does."""

    view: str
    table: str
    names: tuple[str, ...]
    rows: Callable[[Accepted, int], Iterator[Row]]
    """Of an event that the batch of this number writes."""


def _whole(
    view: str, table: str, names: Sequence[str], says: Callable[[Columns], object]
) -> Projection:
    """One row for each event that says something, or that may take back what it said."""

    def rows(event: Accepted, _batch: int) -> Iterator[Row]:
        if event.corrects or says(event.row):
            yield tuple(event.row[name] for name in names)

    return Projection(view, table, tuple(names), rows)


def _event_ids(event: Accepted, batch: int) -> Iterator[Row]:
    row = event.row
    yield (*(row[name] for name in ("realm", "event_hash", "event_id", "node", "version")), batch)


def _keys(number: str) -> Callable[[Accepted, int], Iterator[Row]]:
    def rows(event: Accepted, _batch: int) -> Iterator[Row]:
        row = event.row
        if row[number] and row["order_action"] in _ORDER_ACTIONS:
            yield row["realm"], row[number], row["node"], row["event_id"]

    return rows


def _price_claims(event: Accepted, _batch: int) -> Iterator[Row]:
    row = event.row
    said = (row[f"offers.{name}"] for name in _OFFER)
    for ordinal, (sku, market, *rest) in enumerate(zip(*said, strict=True)):
        names = (row["version"], row["occurred_at"], row["channel"], row["synthetic"])
        yield (
            row["realm"], sku, market, row["event_id"], row["node"], ordinal, *names,
            row["order_id"], *rest,
        )  # fmt: skip


def _statements(event: Accepted, _batch: int) -> Iterator[Row]:
    row, before = event.row, Counter[str]()
    said = (row[f"claims.{name}"] for name in ("kind", "subject", "subject_type", "body"))
    for kind, subject, type_, body in zip(*said, strict=True):
        names = (row["version"], row["occurred_at"], row["channel"], row["synthetic"])
        yield (
            row["realm"], kind, subject, type_, row["event_id"], row["node"], before[kind], *names,
            row["order_id"], body,
        )  # fmt: skip
        before[kind] += 1


def _interactions(event: Accepted, _batch: int) -> Iterator[Row]:
    """A correction may have changed the kind: it says nothing of every other one."""
    row = event.row
    mine = row["interaction"]
    seen = [row[name] for name in _INTERACTION]
    for kind in InteractionKind if event.corrects else (mine,) if mine else ():
        is_mine = kind == mine
        details = columns_of_details(row["details"]) if is_mine else NO_DETAILS
        yield (kind, row["type"] if is_mine else "", *seen, *details)


_INTERACTION = (*_SEEN, "source_store", "campaign", "anchor_type")
_OFFER = ("sku", "market", "location", "basis", "price", "currency", "quantity", "terms")
_CLAIM_NAMES = (
    "event_id", "node", "ordinal", "version", "occurred_at", "channel", "synthetic", "order_id",
)  # fmt: skip
_KEY_NAMES = ("realm", "order_id", "node", "event_id")
PROJECTIONS = (
    Projection(
        "event_ids_view", "event_ids",
        ("realm", "event_hash", "event_id", "node", "version", "batch"), _event_ids,
    ),
    _whole(
        "identifiers_view", "identifiers", (*_SEEN, "ids.type", "ids.node", "ids.verified"),
        lambda row: len(row["ids.node"]),
    ),
    _whole(
        "orders_view", "orders",
        (
            *_SEEN, "source_store", "anchor_type", "order_action", "order_issuer", "order_id",
            "return_id", "order_counts", "order_currency", "order_value", "lines.sku",
            "lines.kind", "lines.category", "lines.quantity", "lines.total",
        ),
        lambda row: row["order_action"],
    ),
    Projection("order_keys_view", "order_keys", _KEY_NAMES, _keys("order_id")),
    Projection("return_keys_view", "order_keys", _KEY_NAMES, _keys("return_id")),
    _whole(
        "consents_view", "consents",
        (
            *_SEEN, "source_system", "consents.action", "consents.purpose", "consents.channel",
            "consents.address", "consents.basis", "consents.double_opt_in",
            "consents.text_version",
        ),
        lambda row: len(row["consents.action"]),
    ),
    _whole(
        "observations_view", "observations",
        (*_SEEN, "source_system", "anchor_verified", "attrs.name", "attrs.value", "attrs.present"),
        lambda row: len(row["attrs.name"]),
    ),
    _whole(
        "surveys_view", "surveys",
        (
            *_SEEN, "source_store", "anchor_type", *EMPTY_SURVEY,
        ),
        lambda row: row["survey_kind"],
    ),
    _whole(
        "group_facts_view", "group_facts",
        (
            *_SEEN, "source_system", "group_kind", "group_action", "group_issuer", "group_id",
            "group.field", "group.value", "member.roles", "member_title", "member_since",
            "member_until",
        ),
        lambda row: row["group_kind"],
    ),
    _whole(
        "offers_view", "offers", (*_SEEN, "order_id", *(f"offers.{name}" for name in _OFFER)),
        lambda row: len(row["offers.sku"]),
    ),
    Projection(
        "price_claims_view", "price_claims",
        ("realm", "sku", "market", *_CLAIM_NAMES, *_OFFER[2:]), _price_claims,
    ),
    _whole(
        "claims_view", "claims",
        (
            *_SEEN, "order_id", "claims.kind", "claims.subject_type", "claims.subject",
            "claims.body",
        ),
        lambda row: len(row["claims.kind"]),
    ),
    Projection(
        "statements_view", "statements",
        ("realm", "kind", "subject", "subject_type", *_CLAIM_NAMES, "body"), _statements,
    ),
    Projection(
        "interactions_view", "interactions", ("kind", "type", *_INTERACTION, *FIELDS),
        _interactions,
    ),
)  # fmt: skip
"""All views of `touchpoints`, as schemas/sql defines them; tests/contract compares the two."""


class FactViews:
    """Attaches and detaches the views of an engine on which this process is alone.

    All methods raise Retry or Fatal as the store does; nothing is lost then, because whoever writes
    facts is told first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_attached: bool | None = None
        """None: a change of it has failed."""
        self._small = 0
        """Small batches in a row."""
        self._large = 0
        """Events of larger batches in a row."""
        self.attach()
        self._are_known = self._attached() == {one.view for one in PROJECTIONS}
        """Else only the views know what they write, and they stay."""

    def project(self, events: int) -> bool:
        """Whether the views are there for a batch of so many events; else `write` writes the rows.
        To be asked before the facts are written."""
        if events <= FEW:
            self._small, self._large = self._small + 1, 0
        else:
            self._small, self._large = 0, self._large + events
        if self._is_attached is None or (not self._is_attached and self._large > MANY):
            self.attach()
        elif self._is_attached and self._are_known and self._small >= IN_A_ROW:
            self._detach()
        return self._is_attached is not False

    def write(self, events: Sequence[Accepted], batch: int) -> None:
        """Write what the views would write for these facts."""
        by_table: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
        for view in PROJECTIONS:
            rows = [row for event in events for row in view.rows(event, batch)]
            if rows:
                by_table.setdefault((view.table, view.names), []).extend(rows)
        for (table, names), rows in by_table.items():
            self._database.insert_rows(table, names, rows)

    def attach(self) -> None:
        """Have the views there again, whatever happened before."""
        self._is_attached = None
        for (view,) in self._database.rows(DETACHED_SQL):
            self._database.command(f"ATTACH TABLE {view}")
        self._is_attached = True

    def _detach(self) -> None:
        self._is_attached = None
        for view in self._attached():
            # SYNC: a view that a statement of another connection looks at could not be attached
            # again while that runs.
            self._database.command(f"DETACH TABLE {view} SYNC")
        self._is_attached = False

    def _attached(self) -> set[str]:
        return {view for (view,) in self._database.rows(VIEWS_SQL)}
