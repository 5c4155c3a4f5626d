"""The totals of all customers: a view that ClickHouse refreshes as a whole, read page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from schemas.profile import ProfileScalars
from services.profiles.ports import Totals
from services.runtime.errors import Fatal
from services.runtime.settings import RealmSettings
from services.store.database import Database
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
REALMS_SQL = _STATEMENTS["realms"]
REFRESHED_AT_SQL = _STATEMENTS["refreshed_at"]
TOTALS_SQL = _STATEMENTS["totals"]
NOW_SQL = _STATEMENTS["now"]
STATE_SQL = _STATEMENTS["state"]
REFRESH_SQL = "SYSTEM REFRESH VIEW profile_totals"
WAIT_SQL = "SYSTEM WAIT VIEW profile_totals"
IDLE, STOPPED = "Scheduled", "Disabled"
"""States of a view that is not refreshed now."""
STOPPED_ADVICE = (
    "the store was told not to compute the figures of profiles (SYSTEM STOP VIEW profile_totals); "
    "SYSTEM START VIEW profile_totals lets it again"
)
LATE = (
    "the figures of profiles are not computed yet; the store goes on by itself "
    "(system.view_refreshes says how far it is)"
)
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


def recompute_totals(database: Database, within_s: float) -> float:
    """See the port. What another refresh computes that began before is not enough."""
    [(asked_s,)] = database.rows(NOW_SQL)
    database.command(REFRESH_SQL)
    took_s = 0.0

    def is_done() -> bool:
        nonlocal took_s
        [(status, _, _)] = database.rows(STATE_SQL)
        if status == STOPPED:
            raise Fatal(STOPPED_ADVICE)
        if status != IDLE:
            return False
        database.command(WAIT_SQL)  # returns at once now; raises why the refresh failed, if it did
        [(_, began_s, took_s)] = database.rows(STATE_SQL)
        if began_s < asked_s:  # another one, or the store was restarted and has forgotten
            database.command(REFRESH_SQL)
        return bool(began_s >= asked_s)

    wait_until(is_done, within_s, LATE)
    return took_s


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
