"""Price lists as wholes on the real engine: however offers and completions come, and in whichever
body, the incidents are the same."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.price_list import ListEdition, PriceList
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
from services.store.migrations import sql_directory
from services.store.price_lists import StoredPriceLists
from services.store.rendering import statements
from tests.conftest import empty_tables
from tests.events import event, line
from tests.integration.test_price_list_editions import NoProfiles
from tests.integration.test_recovery import pipeline
from tests.tiers import always

Json = dict[str, Any]
PROMOTED = {
    "sale_kind": "promotion", "promotion": "w10",
    "valid_from": "2026-11-03T00:00:00Z", "valid_to": "2026-11-20T00:00:00Z",
}  # fmt: skip
PROMOTIONS = PriceList("default", "app", "promotions")


def published(channel: str, at: str, sku: str, price: str, **body: Any) -> Json:
    """What a channel publishes in November, at a day and an hour."""
    day, hour = at.split()
    return event(
        "offer.published",
        event_id=f"{channel}-{at}-{sku}-{price}",
        channel=channel,
        body={"sku": sku, "price": price, **body},
        occurred_at=f"2026-11-{day}T{hour}:00:00Z",
        identifiers=[],
        source={"system": channel},
    )


def promotions(at: str, edition: str, *articles: str) -> list[Json]:
    """An edition of the promotion list."""
    named = {"price_list_id": "promotions", "price_list_edition": edition}
    return [published("app", at, one, "8.00", **PROMOTED, **named) for one in articles]


def completed(at: str, edition: str, offers: int, revision: int = 0, **fields: Any) -> Json:
    """The promotion list is complete."""
    body = {"price_list_id": "promotions", "price_list_edition": edition, "offers": offers}
    day, hour = at.split()
    values: Json = {
        "event_id": f"done-{edition}",
        "type": "price_list.completed",
        "channel": "app",
        "identifiers": [],
        "occurred_at": f"2026-11-{day}T{hour}:30:00Z",
        "revision": revision,
        "body": body,
        "source": {"system": "app"},
    } | fields
    return event(values.pop("type"), **values)


LISTED = [
    published(channel, "02 00", sku, "10.00") for channel in ("app", "shop") for sku in "ABC"
] + [published("shop", "03 00", sku, "8.00", **PROMOTED) for sku in "ABC"]
FIRST = [*promotions("02 10", "1", "A", "B", "C"), completed("02 10", "1", 3)]
SECOND = [*promotions("06 02", "2", "A", "B"), completed("06 02", "2", 2)]
THIRD = [*promotions("07 02", "3", "A"), completed("07 02", "3", 9)]
FOURTH = [*promotions("08 02", "4", "A", "C"), completed("08 02", "4", 2)]
END = [published(channel, "10 00", "Z", "1.00") for channel in ("shop", "app")]
EVENTS = [*LISTED, *FIRST, *SECOND, *THIRD, *FOURTH, *END]


def send(database: Database, *batches: list[Json]) -> None:
    """Through the embedded pipeline, with a tick after each batch."""
    register_realms(database, {"default": RealmSettings()}, personal_types(identity_rules()))
    for batch in batches:
        run = pipeline(database)
        run.finish(run.decode([Line(line(one), len(line(one))) for one in batch], Intake.FILE))
        run.tick()


def told(database: Database) -> tuple[list[str], str]:
    """What was open at some time, since and until when, and the digest of the incidents."""
    reader = IncidentReader(database, consistency_rules(), lambda _realm, _nodes: {})
    found = []
    for one in reader.listed("default"):
        until = f"{one.until:%d %H:%M}" if one.until else ""
        [sku] = {one.model_dump()["subject"]["sku"]}
        found.append(f"{one.kind} {sku} {one.channel} {one.since:%d %H:%M}-{until}")
    return sorted(found), state_digest(database, NoProfiles())["incidents"]


PARTS = {
    "four parts": [EVENTS[n::4] for n in range(4)],
    "backwards": [[one] for one in reversed(EVENTS)],
    "completions first": [
        [one for one in EVENTS if one["type"] == "price_list.completed"],
        [one for one in EVENTS if one["type"] == "offer.published"],
    ],
    "one by one": [[one] for one in EVENTS],
    "twice": [EVENTS, EVENTS],
}


@pytest.mark.parametrize("name", always(set(PARTS) - {"one by one"}, PARTS))
def test_it_makes_no_difference_how_a_list_comes(database: Database, name: str) -> None:
    """The second edition drops C until the fourth; the third never is complete; the fourth drops
    B. The shop goes on with the promotion, so the app is too dear."""
    send(database, EVENTS)
    at_once = told(database)
    assert at_once[0] == [
        "price_mismatch B app 08 02:30-",
        "price_mismatch C app 06 02:30-08 02:00",
    ]
    empty_tables(database)
    send(database, *PARTS[name])
    assert told(database) == at_once


def renamed(offer: Json, edition: str) -> Json:
    """The offer, corrected to be of another edition."""
    return offer | {"revision": 1, "body": offer["body"] | {"price_list_edition": edition}}


CORRECTED = {
    "the completion names more": [completed("06 02", "2", 3, revision=1)],
    "the completion is another event": [
        completed("06 02", "2", 2, revision=1, type="store.published", body={"store": "017"})
    ],
    "the completion was a test": [
        completed("06 02", "2", 2, revision=1, source={"system": "app", "synthetic": True})
    ],
    "the completion is of another list": [
        completed(
            "06 02", "2", 2, revision=1,
            body={"price_list_id": "prices", "price_list_edition": "2", "offers": 2},
        )
    ],
    "what was left out is named": [renamed(FIRST[2], "2")],
    "what was named is not": [
        renamed(SECOND[1], "1") | {"occurred_at": "2026-11-04T02:00:00Z"}
    ],
    "it is withdrawn later": [completed("07 05", "2", 2, revision=1)],
    "one more came": promotions("06 02", "2", "C"),
    "an old one comes late": promotions("05 02", "0", "D"),
}  # fmt: skip


@pytest.mark.parametrize("changes", CORRECTED.values(), ids=CORRECTED)
def test_corrections_in_any_order(database: Database, changes: list[Json]) -> None:
    """Before, after, or in one batch with everything else."""
    before = [*LISTED, *FIRST, *SECOND, *END]
    send(database, before)
    plain = told(database)
    assert plain[0] == ["price_mismatch C app 06 02:30-"]
    send(database, changes)
    after = told(database)
    for batches in ([changes, [*reversed(before)]], [[*before, *changes]]):
        empty_tables(database)
        send(database, *batches)
        assert told(database) == after
    assert (after == plain) == (changes == CORRECTED["an old one comes late"])


def test_migrated_offers_are_those_that_ingest_notes(database: Database) -> None:
    """A store that is older than the tables has the same rows, whatever the terms."""
    terms: list[Json] = [
        {}, {"location": "017"}, {"zone": "north"}, {"tax_mode": "net", "currency": "CHF"},
        {"unit": "kg", "pack_content": "0.50", "pack_unit": "kg"}, {"variant": "XL"},
        {"condition": "used", "seller": "other"}, {"customer_group": "members", "market": "AT"},
        {"sale_kind": "clearance"}, PROMOTED,
    ]  # fmt: skip
    named = {"price_list_id": "l", "price_list_edition": "1"}
    offers = [published("app", f"{n:02} 00", "A", "1.00", **one, **named)
              for n, one in enumerate(terms, 1)]  # fmt: skip
    others = [published("app", "20 00", "A", "1.00", price_list_id="l")]
    send(database, [*offers, *others])
    rows = "SELECT * FROM edition_offers FINAL ORDER BY ALL"
    written = database.rows(rows)
    assert len(written) == len(terms)
    database.command("TRUNCATE TABLE edition_offers")
    [backfill] = [
        one
        for one in statements((sql_directory() / "0021_complete_price_lists.sql").read_text())
        if "INSERT INTO edition_offers" in one
    ]
    database.command(backfill)
    assert database.rows(rows) == written


def test_a_dropped_product_is_looked_at_once(database: Database) -> None:
    """Night after night, only what the last complete edition named is compared with the next."""
    send(database, [*FIRST, *SECOND, *THIRD])
    lists = StoredPriceLists(database)
    fourth = ListEdition(*PROMOTIONS, "4")
    send(database, FOURTH)
    first_at = lists.received(ListEdition(*PROMOTIONS, "2"))
    begin = lists.received(fourth)
    assert first_at is not None
    assert begin is not None
    assert [sku for _, sku in lists.left_out(fourth, first_at.first_at, begin.first_at)] == ["B"]
