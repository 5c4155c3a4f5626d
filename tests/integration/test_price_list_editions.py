"""Editions of price lists on the real engine: however they come, the incidents are the same."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from services.api.digest import state_digest
from services.consistency.adapters.reader import IncidentReader
from services.consistency.rules import consistency_rules
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.settings import RealmSettings
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import event, line
from tests.integration.test_recovery import pipeline

Json = dict[str, Any]
WEEK = {"valid_from": "2026-11-03T00:00:00Z", "valid_to": "2026-11-10T00:00:00Z"}


class NoProfiles:
    """No event names a customer."""

    def profiles(self, _realm: str, _profile_ids: list[int]) -> list[Any]:
        """None at all."""
        return []


def offer(channel: str, day: int, price: str, **body: Any) -> Json:
    """What a channel publishes of article A on a day of November, at two in the morning."""
    return event(
        "offer.published",
        event_id=f"{channel}-{day}-{price}",
        channel=channel,
        body={"sku": "A", "price": price, **body},
        occurred_at=f"2026-11-{day:02}T02:00:00Z",
        identifiers=[],
        source={"system": channel},
    )


def edition(day: int, *prices: str) -> list[Json]:
    """The shop's nightly list: its regular price, and the promotion while it is named."""
    named = {"price_list_id": "nightly", "price_list_edition": f"2026-11-{day:02}"}
    promoted = {"sale_kind": "promotion", "promotion": "P1", **WEEK}
    return [
        offer("shop", day, one, **named, **(promoted if one == "8.00" else {})) for one in prices
    ]


APP = [
    offer("app", 1, "10.00"),
    offer("app", 2, "8.00", sale_kind="promotion", promotion="P1", **WEEK),
]
LISTS = [
    *edition(1, "10.00"),
    *edition(2, "10.00"),
    *edition(3, "10.00", "8.00"),
    *edition(4, "10.00", "8.00"),
    *edition(6, "10.00"),
]
END = [offer(channel, 9, "1.00", sku="Z") for channel in ("shop", "app")]
EVENTS = [*APP, *LISTS, *END]


def sent(database: Database, *batches: list[Json]) -> tuple[list[str], str]:
    """What is open after these batches, with a tick after each, and the digest of incidents."""
    register_realms(database, {"default": RealmSettings()}, personal_types(identity_rules()))
    for batch in batches:
        run = pipeline(database)
        run.finish(run.decode([Line(line(one), len(line(one))) for one in batch], Intake.FILE))
        run.tick()
    reader = IncidentReader(database, consistency_rules(), lambda _realm, _nodes: {})
    found = [f"{one.kind} {one.channel} {one.since:%d %H}" for one in reader.listed("default")]
    return sorted(found), state_digest(database, NoProfiles())["incidents"]


PARTS = {
    "four parts": [EVENTS[n::4] for n in range(4)],
    "backwards": [[one] for one in reversed(EVENTS)],
    "the latest edition first": [END, LISTS[-1:], APP, LISTS],
    "twice": [EVENTS, EVENTS],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_it_makes_no_difference_how_editions_come(
    database: Database, parts: list[list[Json]]
) -> None:
    """The edition of the 6th leaves the promotion out; the app goes on with it, cheaper."""
    at_once = sent(database, EVENTS)
    assert at_once[0] == ["price_mismatch shop 06 03"]
    empty_tables(database)
    assert sent(database, *parts) == at_once
