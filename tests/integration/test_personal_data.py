"""Everything that is held on a person comes out of an export, and nothing of anybody else."""

from __future__ import annotations

import csv
import io
import json
from zipfile import ZipFile

import pytest

from schemas.rules.identity import identity_rules
from services.api.actions import kafka_sink
from services.api.operation import plain
from services.api.ports import Access
from services.api.queries.personal_data import PROFILE_EXPORT
from services.api.queries.profiles import ProfileRequest
from services.api.read_store import access_to
from services.cli.personal_data import write_archive, write_document
from services.erasure.places import NOBODYS, PLACES, SECTIONS
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.retention.removal import WORK_TABLES
from services.runtime.errors import InvalidState
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.events import SECRET, event, identifier, line
from tests.pipelines import ingested
from tests.planted_person import EMAIL, OTHERS, PLANTED, planted_lines

TEXTS = """
SELECT table, name FROM system.columns
WHERE database = currentDatabase() AND position(type, 'String') > 0
    AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase()
                  AND engine LIKE '%MergeTree')
"""
TABLES = """
SELECT name FROM system.tables WHERE database = currentDatabase()
    AND engine LIKE '%MergeTree' AND NOT startsWith(name, '.')
"""
WITH_NODES = """
SELECT DISTINCT table FROM system.columns
WHERE database = currentDatabase() AND name IN ('node', 'a', 'b', 'ids.node', 'payload')
"""


def access(database: Database) -> Access:
    settings = load_settings(identity_secret=SECRET.decode())
    register_realms(database, settings.realms, personal_types(identity_rules()))
    return access_to(settings, database, kafka_sink(settings))


def asked(identifier: str) -> ProfileRequest:
    return ProfileRequest(realm="default", identifier=identifier)


def test_every_table_is_classified(engine: Database) -> None:
    """A table that a migration adds has to be entered; one with nodes cannot be nobody's."""
    there = {name for (name,) in engine.rows(TABLES)}
    assert there <= PLACES.keys() | NOBODYS.keys()
    assert not PLACES.keys() & NOBODYS.keys()
    holding = {name for (name,) in engine.rows(WITH_NODES)} & there
    assert holding - PLACES.keys() == {"erasures", *WORK_TABLES}  # these are empty between runs


def test_what_goods_cost_stays_with_the_retailer(database: Database) -> None:
    """Neither stored nor rejected events, nor bodies under the id of another, say it."""
    anna = [identifier("email", EMAIL, verified=True)]
    goods = {"sku": "planted-sku", "total": "9", "cost": "7777.77", "margin": "8888.88"}
    body = {"order_id": "planted-order", "lines": [goods]}
    sold = event("order.placed", event_id="sold", identifiers=anna, body=body)
    other = {**sold, "body": {**body, "lines": [{**goods, "total": "8"}]}}
    wrong = {**sold, "event_id": "wrong", "body": {**body, "currency": "euro"}}
    ingested(database, list(map(line, [sold, wrong])))
    ingested(database, [line(other)])
    rows = list(map(plain, PROFILE_EXPORT.run(access(database), asked(f"email={EMAIL}"))))
    text = io.StringIO()
    write_document(iter(rows), "default", text)
    document = json.loads(text.getvalue())
    for section in ("events", "other_bodies", "rejected_events"):
        assert "planted-sku" in json.dumps(document[section])
    assert "7777.77" not in text.getvalue()
    assert "8888.88" not in text.getvalue()


def test_everything_comes_out(database: Database) -> None:
    """Every planted string is in the document and in the archive; none of the neighbour is."""
    ingested(database, planted_lines())
    rows = list(map(plain, PROFILE_EXPORT.run(access(database), asked(f"email={EMAIL}"))))
    text = io.StringIO()
    assert write_document(iter(rows), "default", text) == len(rows)
    document = json.loads(text.getvalue())
    assert [name for name in SECTIONS if name in document] == list(document)[3:]
    for planted in PLANTED:
        assert planted in text.getvalue()
    for other in OTHERS:
        assert other not in text.getvalue()
    assert document["events"]["table"] == "touchpoints"
    assert all(isinstance(one["payload"], dict) for one in document["events"]["rows"])
    [rejected] = document["rejected_events"]["rows"]
    assert rejected["event_id"] == "typo-1"

    packed = io.BytesIO()
    assert write_archive(iter(rows), packed) == len(rows)
    with ZipFile(packed) as archive:
        sheets = {one: archive.read(one).decode() for one in archive.namelist()}
    assert list(sheets) == [f"{name}.csv" for name in list(document)[2:]]
    for name, sheet in sheets.items():
        listed = list(csv.DictReader(io.StringIO(sheet)))
        assert len(listed) == len(document[name.removesuffix(".csv")]["rows"])
    for planted in PLANTED:
        assert any(planted in sheet for sheet in sheets.values())


def test_a_shared_identifier_is_nobodys(database: Database) -> None:
    """What is in several hands is exported for none of them."""
    ingested(database, planted_lines())
    with pytest.raises(InvalidState, match="shared by several"):
        list(PROFILE_EXPORT.run(access(database), asked("device_id=family-tablet")))


def test_every_text_column_stands_in_a_classified_table(engine: Database) -> None:
    """No column of text is outside the tables that are classified."""
    found = {table for table, _ in engine.rows(TEXTS) if not table.startswith(".")}
    assert found <= PLACES.keys() | NOBODYS.keys()
