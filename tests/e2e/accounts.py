"""Accounts for every event of a distributed run, and compares its outputs with the store.

Each function returns what is wrong, in words short enough for a failure; nothing is an empty list.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from tests import published
from tests.e2e.distributed import Distributed
from tests.kafka import read_all
from tests.published import INCIDENTS_SQL, MAP_SQL

STORED_SQL = "SELECT event_id FROM touchpoints FINAL"


def dead_letters(run: Distributed) -> list[bytes]:
    """The refused lines, byte by byte; each as often as it was refused."""
    return [one.value or b"" for one in asyncio.run(read_all(run.servers, "c360.rejected"))]


def lost(run: Distributed, lines: Iterable[bytes]) -> list[bytes]:
    """Lines that are neither stored under their event id nor kept as dead letters."""
    stored = {event_id for (event_id,) in run.rows(STORED_SQL)}
    refused = set(dead_letters(run))
    return [line for line in lines if line not in refused and _event_id(line) not in stored]


def doubled(run: Distributed) -> list[str]:
    """Events of which more than one row counts."""
    rows = Counter(event_id for (event_id,) in run.rows(STORED_SQL))
    return sorted(event_id for event_id, count in rows.items() if count > 1)


def profile_changes_astray(run: Distributed) -> list[str]:
    """See tests/published.py."""
    records = asyncio.run(read_all(run.servers, "c360.profile-changes"))
    return published.profile_changes_astray(records, run.rows(MAP_SQL))


def alerts_astray(run: Distributed) -> list[str]:
    """See tests/published.py."""
    records = asyncio.run(read_all(run.servers, "c360.alerts"))
    return published.alerts_astray(records, [body for (body,) in run.rows(INCIDENTS_SQL)])


def _event_id(line: bytes) -> Any:
    with suppress(ValueError, TypeError, KeyError):
        return json.loads(line)["event_id"]
    return None
