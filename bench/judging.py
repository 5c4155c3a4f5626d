"""Times the consistency writer on a store of a given size; run in a process of its own.

The facts are written straight into the table of price claims, as ingest would leave them; only what
the consistency worker does with an offer is measured: judge its book, write incidents and due
times. Two loads: a price list (every product once, so every book is read from the store) and
changes of few products (their books are in memory).
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pydantic import SecretStr

from bench.children import Result, answer, cpu_s, peak_mib, progress
from bench.percentiles import percentile
from bench.reading import settle_merges
from schemas.claim import PRICE_MISMATCH, Book, Claim, PriceClaim
from schemas.offer import Basis
from schemas.subject import Subject
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.rules import consistency_rules
from services.consistency.writer import ConsistencyWriter
from services.embedded.engine import Engine
from services.runtime.logging import configure_logging
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import load_settings
from services.store.database import Database

SECRET = "identity-secret-of-the-benchmark"
REALM, MARKET, CURRENCY = "default", "DE", "EUR"
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
CHUNK = 500_000
FEW_PRODUCTS = 5_000
WRONG_ONE_IN = 100
FILL_SQL = """
INSERT INTO price_claims
SELECT 'default', concat('p-', toString(intDiv(number, {places:UInt32}))), 'DE',
    concat('f-', toString(number)), reinterpretAsUUID(sipHash128(number)), 0, 1,
    {at:DateTime64(3, 'UTC')},
    ['shop', 'app', 'pos'][least(3, 1 + number % {places:UInt32})], false, '',
    if(number % {places:UInt32} < 2, '', concat('s-', toString(number % {places:UInt32}))),
    'published', toDecimal64(10, 4), 'EUR', toDecimal64(0, 4), ''
FROM numbers({first:UInt64}, {count:UInt64})
"""
COLUMNS = (
    "realm", "sku", "market", "event_id", "node", "version", "occurred_at", "channel", "location",
    "basis", "price", "currency",
)  # fmt: skip


class Load(NamedTuple):
    """The batches of one load, each of offers that arrive together."""

    name: str
    batches: list[list[PriceClaim]]


class _Judge:
    """One consistency writer as a worker runs it, and the clock beside it."""

    def __init__(self, database: Database) -> None:
        before = _resident_mib()
        self._database = database
        self._store = ClickHouseConsistencyStore(database)
        self._comparable = self._store.comparable_books()
        gc.collect()
        self.index_mib = _resident_mib() - before
        self._writer = ConsistencyWriter(self._store, consistency_rules())
        self._version = 1

    def judge(self, batch: Sequence[PriceClaim]) -> tuple[float, float, int]:
        """Seconds of wall clock and processor for a batch, and how many incidents it changed."""
        self._write_facts(batch)
        began, used = time.perf_counter(), cpu_s()
        claims: list[Claim] = [*batch]
        self._comparable.filter(claims)
        self._store.note(claim.book for claim in claims)
        changed = self._writer.apply(claims, batch[-1].occurred_at)
        self._version += 1
        self._writer.commit(self._version)
        return time.perf_counter() - began, cpu_s() - used, len(changed)

    @property
    def cached_books(self) -> int:
        """How many books are in memory."""
        return self._writer.cached_books

    def _write_facts(self, batch: Sequence[PriceClaim]) -> None:
        """As the view of the facts does, before the claims are delivered."""
        names = [uuid.uuid5(uuid.NAMESPACE_OID, one.event_id) for one in batch]
        rows = [
            (
                REALM, one.book.subject.parts[1], MARKET, one.event_id, node, 1, one.occurred_at,
                one.channel, one.location, one.basis, one.price, CURRENCY,
            )
            for one, node in zip(batch, names, strict=True)
        ]  # fmt: skip
        self._database.insert_rows("price_claims", COLUMNS, rows)


def _resident_mib() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1024**2


def fill(database: Database, products: int, places: int, at: datetime = BEGIN) -> None:
    """Publish every product once at every place."""
    total = products * places
    for first in range(0, total, CHUNK):
        count = min(CHUNK, total - first)
        asked = {"first": first, "count": count, "places": places, "at": at}
        database.command(FILL_SQL, asked)
        progress(f"  filled {first + count:,} of {total:,} offers")


def loads(products: int, places: int, offers: int, batch: int, seed: int) -> Iterator[Load]:
    """A price list of one store over all products, then changes of few products."""
    rng = random.Random(seed)
    store = f"s-{places - 1}"
    listed = rng.sample(range(products), min(products, offers))
    few = rng.sample(range(products), min(products, FEW_PRODUCTS))
    changed = [rng.choice(few) for _ in range(offers)]
    yield Load("price_list", list(_batches("l", listed, store, BEGIN, batch, rng)))
    yield Load("warm_up", list(_batches("w", few, store, BEGIN + timedelta(hours=1), batch, rng)))
    later = BEGIN + timedelta(hours=2)
    yield Load("changes", list(_batches("c", changed, store, later, batch, rng)))


def _batches(
    tag: str, products: Sequence[int], store: str, at: datetime, batch: int, rng: random.Random
) -> Iterator[list[PriceClaim]]:
    """A hundredth of the offers contradict the price that all other places publish."""
    for first in range(0, len(products), batch):
        yield [
            PriceClaim(
                Book(REALM, PRICE_MISMATCH, Subject.product(MARKET, f"p-{product}")),
                at + timedelta(milliseconds=first + number),
                f"{tag}-{first + number}",
                0,
                1,
                "pos",
                store,
                "",
                Basis.PUBLISHED,
                Decimal(12) if rng.randrange(WRONG_ONE_IN) == 0 else Decimal(10),
                CURRENCY,
            )
            for number, product in enumerate(products[first : first + batch])
        ]


def judge_store(products: int, places: int, offers: int, batch: int, seed: int) -> Result:
    """Fill a fresh store and judge offers on it: offers a second, CPU, latencies, memory."""
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        settings = load_settings(Path(directory), identity_secret=SecretStr(SECRET))
        configure_logging(settings)
        with Engine.open(settings) as engine:
            fill(engine.database, products, places)
            settled = settle_merges(engine.database)
            tune_garbage_collector()
            judge = _Judge(engine.database)
            before, found = _resident_mib(), {}
            for load in loads(products, places, offers, batch, seed):
                figures = [judge.judge(one) for one in load.batches]
                progress(f"  {load.name}: {len(figures)} batches")
                found[load.name] = _figures(figures, sum(map(len, load.batches)))
            return {
                "products": products,
                "offers_stored": products * places,
                "merges_settled": settled,
                "loads": {name: found[name] for name in ("price_list", "changes")},
                "index_bytes_per_product": round(judge.index_mib * 1024**2 / products),
                "cached_books": judge.cached_books,
                "cached_book_kib": round(
                    (_resident_mib() - before) * 1024 / max(1, judge.cached_books), 1
                ),
                "peak_mib": peak_mib(),
            }


def _figures(batches: Sequence[tuple[float, float, int]], offers: int) -> Result:
    walls = sorted(wall for wall, _, _ in batches)
    return {
        "offers": offers,
        "offers_per_second": round(offers / sum(walls)),
        "cpu_us_per_offer": round(1e6 * sum(cpu for _, cpu, _ in batches) / offers, 1),
        "batch_ms": {
            "p50": round(1000 * percentile(walls, 50), 1),
            "p99": round(1000 * percentile(walls, 99), 1),
        },
        "incidents_changed": sum(changed for _, _, changed in batches),
    }


def main() -> None:
    """`python -m bench.judging PRODUCTS PLACES OFFERS BATCH SEED`: one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("products", "places", "offers", "batch", "seed"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()
    answer(judge_store(given.products, given.places, given.offers, given.batch, given.seed))


if __name__ == "__main__":
    main()
