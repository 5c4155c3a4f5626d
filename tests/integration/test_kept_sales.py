"""An erasure that keeps the sales: every figure of sales is as before, and nobody is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.identifiers import as_uuid
from schemas.instants import from_ms, to_ms
from schemas.records import ErasureRecord
from services.erasure.adapters.eraser import MERGE_SQL, Eraser, erasure_id_of
from services.erasure.adapters.held import HeldReader
from services.erasure.adapters.runs import ErasureRuns, RunState
from services.erasure.on_server import ServerErasures
from services.erasure.sales import SaleWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.profiles.adapters.totals import refresh_totals
from services.retention.main import sale_writer
from services.runtime.errors import ConfigurationError, Fatal, Retry
from services.runtime.settings import load_settings
from services.store.database import Database
from services.stream.person_records import identity_outgoing
from tests.events import RECEIVED_AT, SECRET, config, event, identifier, line, order
from tests.integration.test_erasure import REALM, Running, assert_consistent, found_in, node
from tests.integration.test_erasure_on_server import (
    Topics,
    Workers,
    assert_replay_changes_nothing,
    run,
)
from tests.integration.test_personal_data import access
from tests.tiers import LONG, always

MAIL, CARD = "zq.buyer@mail.example", "ZQCARD0815"
OTHER = "neighbour@mail.example"
PERSONAL = (
    MAIL, CARD, "zq-cookie", "zq-order", "zq-second", "zq-return", "zq-receipt",
    "zq-event", "zq-text", "zq-voucher", "zq-payment",
)  # fmt: skip
"""Strings of the customer, ids of events and numbers of orders included."""
CLOSING_DAY = "2026-11-17"
TILL = {"system": "till", "store": "s-1", "till": "2"}
SALES = """
SELECT order_action, channel, source_store, order_counts, order_currency, count() AS events,
    uniqExact(order_issuer, order_id), uniqExact(order_issuer, return_id), sum(order_value),
    arraySort(groupArray((toString(occurred_at), lines.sku, lines.quantity, lines.total)))
FROM orders FINAL WHERE NOT synthetic AND order_action IN ('placed', 'cancelled', 'returned')
GROUP BY ALL ORDER BY ALL
"""
"""What figures of sales are made of: turnover, articles, stores, days."""

KEPT_SQL = """
SELECT event_id, node, anchor_type, ids.node, batch, active, order_id, payload
FROM touchpoints FINAL
WHERE order_action != '' AND event_id NOT LIKE 'other-%'
"""


def sale(number: str, at: str, **changes: Any) -> dict[str, Any]:
    """An order with much that names the customer."""
    line_ = {
        "sku": "4711", "gtin": "4006381333931", "title": "zq-text", "category": "tea",
        "quantity": "2", "unit_price": "3.00", "total": "6.00", "tax_rate": "0.07",
        "line_id": "zq-text", "customer_group": "zq-text", "promotion": "zq-text",
        "discounts": [{"amount": "0", "code": "zq-voucher"}],
    }  # fmt: skip
    body = {
        "order_id": number, "lines": [line_, {"sku": "4712", "total": "1.50"}], "gross": "7.50",
        "payment": "zq-payment", "vouchers": ["zq-voucher"], "customer_group": "zq-text",
        "note": "zq-text",
    }  # fmt: skip
    given: dict[str, Any] = {
        "event_id": f"zq-event-{number}", "occurred_at": at, "body": body,
        "identifiers": [identifier("email", MAIL, verified=True)],
        "source": {
            "system": "webshop", "device": "zq-text", "campaign": "zq-text", "agent": "zq-text",
        },
    }  # fmt: skip
    return event("order.placed", **(given | changes))


def events() -> list[dict[str, Any]]:
    """Orders, a cancellation, a return and receipts of a customer, and what others bought."""
    mail = identifier("email", MAIL, verified=True)
    card = identifier("loyalty_card", CARD, verified=True)
    receipt = sale("zq-receipt", f"{CLOSING_DAY}T10:00:00+01:00", channel="pos", source=TILL,
                   identifiers=[card])  # fmt: skip
    closing = {
        "till": "2", "number": "88", "receipts": 2, "gross": "16.49",
        "opened_at": f"{CLOSING_DAY}T08:00:00+01:00", "closed_at": f"{CLOSING_DAY}T20:00:00+01:00",
    }  # fmt: skip
    back = {"sku": "4711", "quantity": "1", "total": "3.00"}
    return [
        event("identity.linked", event_id="zq-event-1", identifiers=[mail, card]),
        event("page.viewed", event_id="zq-event-2",
              identifiers=[mail, identifier("cookie", "zq-cookie")]),
        sale("zq-order", "2026-11-18T10:00:00+01:00"),
        sale("zq-second", "2026-11-19T10:00:00+01:00"),
        event("order.cancelled", event_id="zq-event-3", identifiers=[mail],
              body={"order_id": "zq-second", "lines": [back],
                    "reason": "zq-text"}),
        event("order.returned", event_id="zq-event-4", identifiers=[mail],
              body={"order_id": "zq-order", "return_id": "zq-return",
                    "lines": [back],
                    "reason": "zq-text"}),
        event("order.status_changed", event_id="zq-event-5", identifiers=[mail],
              body={"order_id": "zq-order", "status": "shipped"}),
        receipt,
        order("other-receipt", "8.99", channel="pos", source=TILL, event_id="other-1",
              occurred_at=f"{CLOSING_DAY}T11:00:00+01:00", identifiers=[]),
        order("other-order", "20.00", event_id="other-2",
              identifiers=[identifier("email", OTHER, verified=True)]),
        event("till.closed", event_id="closing", channel="pos", identifiers=[], body=closing,
              source={"system": "till", "store": "s-1"},
              occurred_at=f"{CLOSING_DAY}T20:00:00+01:00"),
    ]  # fmt: skip


class Shop(Running):
    """The stages of one process whose erasures may keep sales."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        writer = SaleWriter(config(), ClickHouseFactStore(database))
        self.eraser = Eraser(database, self.pipeline.settle, write_sales=writer)

    def keeping(self, mail: str) -> ErasureRecord:
        """The erasure of a customer that keeps the sales."""
        return self.record(mail).model_copy(update={"anonymise": True})

    def run_of(self, record: ErasureRecord) -> RunState:
        run = ErasureRuns(self.database).run(REALM, erasure_id_of(record))
        assert run is not None
        return run


@pytest.fixture
def shop(database: Database) -> Shop:
    """With the events of a customer and of others. Nothing is merged that nobody asks for: what a
    merge forgets would be gone by chance."""
    sizes = ", ".join(f"max_bytes_to_merge_at_{one}_space_in_pool = 1" for one in ("min", "max"))
    database.command(f"ALTER TABLE erasure_runs MODIFY SETTING {sizes}")
    one = Shop(database)
    results = one.ingest(list(map(line, events())))
    assert [one for one in results if one.status != "accepted"] == []
    return one


def open_incidents(database: Database) -> set[tuple[str, str]]:
    """Kind and subject of those that are open."""
    sql = "SELECT kind, subject FROM incident_states FINAL WHERE state = 'open'"
    return set(database.rows(sql))


def test_sales_stay_and_nobody_is_found_in_them(shop: Shop) -> None:
    """Turnover, articles, stores and days are the same; no string of the customer is left, no
    profile is made, and all of it sent again changes nothing."""
    database, record = shop.database, shop.keeping(MAIL)
    before, others = database.rows(SALES), found_in(database, ("other-",))
    assert {text for _, text in found_in(database, PERSONAL)} == set(PERSONAL)
    shop.erase(record)
    assert database.rows(SALES) == before
    assert not found_in(database, PERSONAL)
    assert found_in(database, ("other-",)) == others
    run = shop.run_of(record)
    assert (run.kept_sales, run.is_removed) == (5, True)
    assert "sales (kept)" not in run.removed
    assert not ErasureRuns(database).remaining(REALM, run.nodes, run.stated)
    assert database.rows("SELECT DISTINCT pseudonym_key FROM erasure_runs") == [("",)]
    assert_anonymous(shop)

    again = shop.ingest(list(map(line, events())))
    assert [one.reason for one in again if one.event_id.startswith("zq")] == ["erased"] * 8
    assert database.rows(SALES) == before
    assert not found_in(database, PERSONAL)
    refresh_totals(database)
    assert database.rows("SELECT orders, revenue FROM profile_totals WHERE orders > 0") == [(1, 20)]
    made = "SELECT count() FROM {table:Identifier} WHERE node IN (SELECT node FROM orders)"
    for table in ("map", "members", "node_values", "identifiers", "observations", "consents"):
        asked = {"table": table}
        known = [str(as_uuid(node(OTHER)))]
        sql = f"{made} AND node NOT IN {{known:Array(UUID)}}"
        assert database.rows(sql, {**asked, "known": known}) == [(0,)], table
    assert_consistent(database)


def assert_anonymous(shop: Shop) -> None:
    """Each order has a random node of its own, which its return shares; rows name nobody; what is
    exported of them is taken for what it is: a duplicate."""
    database = shop.database
    rows = database.records(KEPT_SQL)
    assert [
        row["event_id"] for row in rows if row["anchor_type"] != "record" or row["ids.node"]
    ] == []
    assert {(row["batch"], row["active"]) for row in rows} == {(0, False)} | {(0, True)}
    nodes: dict[str, set[Any]] = {}
    for row in rows:
        nodes.setdefault(row["order_id"], set()).add(row["node"])
    assert sorted(map(len, nodes.values())) == [1, 1, 1]
    assert len(set[Any]().union(*nodes.values())) == 3
    before, lines = database.rows(SALES), [row["payload"].encode() for row in rows]
    assert len(lines) == 5
    assert "identifiers" not in set[str]().union(*map(orjson.loads, lines))
    assert {one.status for one in shop.ingest(lines)} == {"duplicate"}
    assert database.rows(SALES) == before


def test_a_till_that_was_closed_agrees_as_before(shop: Shop) -> None:
    """When its day is judged again the receipt of the customer counts, and no incident opens."""
    database = shop.database
    assert not open_incidents(database)
    shop.erase(shop.keeping(MAIL))
    shop.pipeline.tick()
    late = order("other-late", "0.00", channel="pos", source=TILL, event_id="other-3",
                 occurred_at=f"{CLOSING_DAY}T21:30:00+01:00", identifiers=[])  # fmt: skip
    assert {one.status for one in shop.ingest([line(late), *next_days()])} == {"accepted"}
    assert not open_incidents(database)


def test_without_keeping_them_the_till_misses_a_receipt(shop: Shop) -> None:
    """The same with an erasure that keeps nothing: this is what would be reported."""
    shop.erase(shop.record(MAIL))
    late = order("other-late", "0.00", channel="pos", source=TILL, event_id="other-3",
                 occurred_at=f"{CLOSING_DAY}T21:30:00+01:00", identifiers=[])  # fmt: skip
    assert {one.status for one in shop.ingest([line(late), *next_days()])} == {"accepted"}
    assert {kind for kind, _ in open_incidents(shop.database)} == {"records_mismatch"}


def next_days() -> list[bytes]:
    """Time passes on every channel: receipts are due."""
    return [
        line(event("offer.published", channel=channel, event_id=f"other-{channel}", identifiers=[],
                   occurred_at="2026-11-21T05:00:00Z",
                   body={"sku": "9", "price": "1.00", "currency": "EUR"}))
        for channel in ("pos", "shop")
    ]  # fmt: skip


def test_an_order_that_somebody_else_reports_counts_once(shop: Shop) -> None:
    """The report of the warehouse names nobody and stays: the customer's keeps its number, and what
    was given back is that order's."""
    database = shop.database
    shop.ingest([line(order("zq-order", "7.50", event_id="warehouse", identifiers=[],
                            source={"system": "warehouse"}))])  # fmt: skip
    distinct = "SELECT uniqExact(order_issuer, order_id) FROM orders WHERE order_action = 'placed'"
    before = database.rows(distinct)
    shop.erase(shop.keeping(MAIL))
    assert database.rows(distinct) == before
    reports = "SELECT order_action FROM orders FINAL WHERE order_id = 'zq-order' ORDER BY 1"
    assert [one for (one,) in database.rows(reports)] == ["placed", "placed", "returned"]


@contextmanager
def killed(
    database: Database, is_due: Callable[[str, tuple[Any, ...]], bool]
) -> Iterator[pytest.MonkeyPatch]:
    """The store takes no write of this process from the first one on that is due; `is_due` is asked
    with the table of a write, empty if it names none, and what was given."""
    dead = False

    def dying(write: Callable[..., Any], table_of: Callable[..., str]) -> Callable[..., Any]:
        def one(*given: Any) -> Any:
            nonlocal dead
            dead = dead or is_due(table_of(*given), given)
            if dead:
                raise Retry("killed")
            return write(*given)

        return one

    with pytest.MonkeyPatch.context() as patch:
        named = dying(database.insert, lambda table, *_: f"into {table}")
        patch.setattr(database, "insert", named)
        asked = dying(database.command, lambda _, asked=None: (asked or {}).get("table", ""))
        patch.setattr(database, "command", asked)
        yield patch


def assert_completed(shop: Shop, record: ErasureRecord, before: list[tuple[Any, ...]]) -> None:
    """The next start brings one set of sales, not two and not none, and forgets the key."""
    database = shop.database
    shop = Shop(database)
    assert shop.eraser.complete() == 1
    shop.erased()
    assert database.rows(SALES) == before
    assert not found_in(database, PERSONAL)
    assert database.rows("SELECT DISTINCT pseudonym_key FROM erasure_runs") == [("",)]
    assert shop.run_of(record).kept_sales == 5


@pytest.mark.parametrize(
    "table",
    always(
        {"into touchpoints", "orders"},
        ["into touchpoints", "touchpoints", "orders", "erasure_runs"],
    ),
)
def test_killed_around_the_sales_there_is_one_set_of_them(shop: Shop, table: str) -> None:
    """Before they are written, before the originals go, between two tables of the originals, and
    before the key is removed from the files. How many stay is known after each."""
    before, record = shop.database.rows(SALES), shop.keeping(MAIL)
    with killed(shop.database, lambda one, _: one == table), pytest.raises(Fatal):
        shop.eraser.erase(record)
    assert_completed(shop, record, before)


def test_killed_before_their_number_is_noted_they_are_written_again(shop: Shop) -> None:
    """All of them are written, and the run does not know it: they get the same ids again."""
    before, record, written = shop.database.rows(SALES), shop.keeping(MAIL), [False]

    def is_due(table: str, _: object) -> bool:
        written[0] = written[0] or table == "into touchpoints"
        return written[0] and table == "into erasure_runs"

    with killed(shop.database, is_due), pytest.raises(Fatal):
        shop.eraser.erase(record)
    assert_completed(shop, record, before)


def test_a_merge_that_does_nothing_is_asked_for_again(shop: Shop) -> None:
    """The store may leave the parts of a table as they are, and says nothing."""
    left, command = ["erasure_runs"] * 2, shop.database.command

    def lazily(sql: str, asked: dict[str, Any] | None = None) -> Any:
        if sql == MERGE_SQL and left and asked == {"table": left[0]}:
            return left.pop()
        return command(sql, asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.database, "command", lazily)
        shop.eraser.erase(shop.keeping(MAIL))
    assert not left
    assert shop.database.rows("SELECT DISTINCT pseudonym_key FROM erasure_runs") == [("",)]


@LONG
def test_killed_at_any_write_there_is_one_set_of_sales(shop: Shop) -> None:
    """The same at every single write of an erasure."""
    database, writes = shop.database, 1
    before = database.rows(SALES)
    while True:
        record, left = shop.keeping(MAIL), iter(range(writes))

        def is_over(*_: object, left: Iterator[int] = left) -> bool:
            return next(left, None) is None

        with killed(database, is_over):
            try:
                shop.eraser.erase(record)
                break
            except Fatal:
                pass
        assert_completed(shop, record, before)
        shop = Shop(database)
        start_anew(shop)
        writes += 1
    assert writes > 20


def start_anew(shop: Shop) -> None:
    """The same customer again, as if nobody had been erased, without the sales that stayed."""
    for table in ("erasures", "erasure_runs", "touchpoints", "orders", "order_keys", "event_ids",
                  "claims", "statements"):  # fmt: skip
        shop.database.command(f"TRUNCATE TABLE {table}")
    shop.erased()
    shop.ingest(list(map(line, events())))


def test_what_the_settings_do_not_allow_any_more_is_not_kept(shop: Shop) -> None:
    """A sale on a channel that is gone is lost with the person, and the erasure goes on."""
    writer = SaleWriter(config(channels=frozenset({"shop"})), ClickHouseFactStore(shop.database))
    shop.eraser = Eraser(shop.database, shop.pipeline.settle, write_sales=writer)
    record = shop.keeping(MAIL)
    shop.erase(record)
    assert shop.run_of(record).kept_sales == 4  # what stays, and not what was to stay
    left = shop.database.rows("SELECT count() FROM orders FINAL WHERE channel = 'pos'")
    assert left == [(1,)]  # of others
    assert not found_in(shop.database, PERSONAL)


def test_the_settings_of_sources_do_not_matter_to_sales_of_nobody(
    shop: Shop, tmp_path: Path
) -> None:
    """Neither which types a source verifies, one that the packaged rules lack included, nor what it
    may send, nor files that only ingest has."""
    trust = tmp_path / "trust.toml"
    trust.write_text(
        'version = "1"\n[[source]]\nsystem = "*"\nverifies = ["club_no"]\nsends = ["page.*"]\n'
    )
    settings = load_settings(
        identity_secret=SECRET.decode(),
        trust_rules=trust,
        profile_rules=tmp_path / "elsewhere.toml",
    )
    before, record = shop.database.rows(SALES), shop.keeping(MAIL)
    writer = sale_writer(settings, shop.database)
    shop.eraser = Eraser(shop.database, shop.pipeline.settle, write_sales=writer)
    shop.erase(record)
    assert shop.database.rows(SALES) == before
    assert shop.run_of(record).kept_sales == 5


def server_record(database: Database) -> ErasureRecord:
    """The erasure of the customer on a server, which keeps nothing."""
    [held] = access(database).reads.profiles.resolve(REALM, [node(MAIL)]).values()
    nodes = HeldReader(database).holding(REALM, held.profile).nodes
    return ErasureRecord(realm=REALM, nodes=list(map(as_uuid, nodes)), erased_ms=to_ms(RECEIVED_AT))


def test_an_erasure_that_keeps_no_sales_needs_no_settings_for_them(database: Database) -> None:
    """A file that only ingest has, or one that does not fit, must not stop the identity worker: no
    restart would get past the erasure."""

    def unfit(_database: Database) -> SaleWriter:
        raise ConfigurationError("C360_TRUST_RULES: no such file")

    workers = Workers(database, Topics())
    workers.publish(*map(line, events()))
    run(workers.run_all())
    record = server_record(database)

    async def story() -> None:
        workers.identity._erasures = ServerErasures(
            workers.database, lambda: from_ms(workers.topics.now_ms), write_sales=unfit
        )
        await workers.send_all([identity_outgoing(record)])
        await workers.finish(record)

    run(story())
    assert not ErasureRuns(workers.database).remaining(REALM, [one.int for one in record.nodes])


def test_on_a_server_sales_stay(database: Database) -> None:
    """The flag is part of the record and of the order; the identity worker is replaced between
    the two. Reading all topics again changes nothing."""
    workers = Workers(database, Topics())
    workers.publish(*map(line, events()))
    run(workers.run_all())
    before = database.rows(SALES)
    record = server_record(database).model_copy(update={"anonymise": True})

    async def story() -> None:
        await workers.send_all([identity_outgoing(record)])
        await workers.run_identity()
        workers.start_identity()
        await workers.finish(record)

    run(story())
    assert database.rows(SALES) == before
    assert not found_in(database, PERSONAL)
    state = ErasureRuns(database).run(REALM, erasure_id_of(record))
    assert state is not None
    assert state.kept_sales == 5
    assert_replay_changes_nothing(workers)
    assert database.rows(SALES) == before
    assert not open_incidents(database)
