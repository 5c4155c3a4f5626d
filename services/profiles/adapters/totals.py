"""The totals of all customers: a view that ClickHouse refreshes as a whole, read page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from schemas.profile import ProfileScalars
from services.profiles.ports import Totals
from services.runtime.settings import RealmSettings
from services.store.database import Database
from services.store.figures import REFRESH_SQL, WAIT_SQL
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
REALMS_SQL = _STATEMENTS["realms"]
REFRESHED_AT_SQL = _STATEMENTS["refreshed_at"]
TOTALS_SQL = _STATEMENTS["totals"]
PAGE_ROWS = 20_000
FIRST = UUID(int=0)


def register_realms(
    database: Database, realms: Mapping[str, RealmSettings], personal_types: Collection[str]
) -> None:
    """Write what the totals need to know about each realm.

    To be called at every start, after the migrations: realms that are not registered have no
    totals. `personal_types` are the personal identifier types. What is registered already is not
    written again.
    """
    types = sorted(personal_types)
    known = registered_realms(database)
    rows = [
        (name, realm.currency, types)
        for name, realm in sorted(realms.items())
        if known.get(name) != (realm.currency, types)
    ]
    database.insert_rows("realms", ("realm", "currency", "personal_types"), rows)


def registered_realms(database: Database) -> dict[str, tuple[str, list[str]]]:
    """Currency and personal identifier types of each realm, as they were registered."""
    return {name: (currency, types) for name, currency, types in database.rows(REALMS_SQL)}


def refresh_totals(database: Database) -> None:
    """Recompute the totals of all realms; returns when they are complete."""
    database.command(REFRESH_SQL)
    database.command(WAIT_SQL)


def read_totals(database: Database, realm: str) -> Totals:
    """The current totals. A refresh between two pages may mix two states."""
    [(refreshed_at, count)] = database.rows(REFRESHED_AT_SQL, {"realm": realm})
    return Totals(refreshed_at if count else None, _pages(database, realm), count)


def _pages(database: Database, realm: str) -> Iterator[ProfileScalars]:
    rows: list[tuple[Any, ...]] = []
    while not rows or len(rows) == PAGE_ROWS:
        where = {
            "realm": realm,
            "is_first": not rows,
            "after": str(rows[-1][0] if rows else FIRST),
            "limit": PAGE_ROWS,
        }
        rows = database.rows(TOTALS_SQL, where)
        yield from (_scalars(realm, row) for row in rows)
        if not rows:
            return


def _scalars(realm: str, row: tuple[Any, ...]) -> ProfileScalars:
    profile, identifiers, orders, returns, cancellations, revenue, returned, currency = row[:8]
    return ProfileScalars(
        profile_id=profile,
        realm=realm,
        identifiers_count=identifiers,
        orders=orders,
        returns=returns,
        cancellations=cancellations,
        revenue=revenue,
        returned=returned,
        currency=currency,
        first_contact=row[8],
        last_contact=row[9],
        last_active=row[10],
        channels=row[11],
    )
