"""Has the store compute the figures of all profiles anew, and waits for it."""

from __future__ import annotations

from services.runtime.errors import Fatal
from services.store.database import Database
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
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


def recompute_totals(database: Database, within_s: float) -> float:
    """Recompute the figures of all realms; how many seconds it took. What another refresh computes
    that began before is not enough. Raises Retry if that takes longer, and as the store does."""
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
