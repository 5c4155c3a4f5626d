"""Claims on their way to `c360.offers`: which partition, and how many go into one record.

Ingest packs them, consistency judges them, identity says which profiles changed; all compute a
book's partition here, or one subject would be judged in two places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

import orjson

from schemas.claim import TERMS, TERMS_FROM, USUAL_TERMS, Book, BookEntry, PriceClaim, Statement
from schemas.identifiers import NodeId, as_uuid
from schemas.records import (
    CLAIMS_PER_RECORD_MAX,
    CUSTOMERS_PER_RECORD_MAX,
    RECORD_VERSION,
    ActionRecord,
    CustomersRecord,
    SupersededRecord,
)
from schemas.subject import Subject, written_subject
from schemas.topics import CATALOGUE
from services.runtime.batching import bounded
from services.stream.connection import key_of, partition_of
from services.stream.ports import Outgoing

OFFERS_TOPIC = "c360.offers"
OFFER_PARTITIONS = CATALOGUE.by_name[OFFERS_TOPIC].partitions
RECORD_BYTES_MAX = CATALOGUE.by_name[OFFERS_TOPIC].record_bytes_max - 64 * 1024
"""Less than the topic accepts, to leave room for keys, headers and framing."""
HEAD = (
    "occurred_at", "event_id", "ordinal", "body_version", "channel", "location", "zone", "basis",
    "price", "currency",
)  # fmt: skip
"""What `ClaimRecord` calls the fields of a claim that stand between its book and its terms."""
STATEMENT_NAMES = (*HEAD[:-2], *Statement._fields[Statement._fields.index("value") :])
"""What `StatementRecord` calls the fields of a statement behind its book."""


@lru_cache(maxsize=200_000)
def partition_of_book(book: Book, partitions: int = OFFER_PARTITIONS) -> int:
    """The partition that holds the claims of a book: by realm and subject, whatever the kind."""
    return partition_of(key_of(book.realm, book.subject.key), partitions)


def claim_records(
    realm: str, claims: Iterable[BookEntry], partitions: int = OFFER_PARTITIONS
) -> list[Outgoing]:
    """The claims of one realm as `ClaimsRecord`s, each for one partition, in the claims' order;
    then the books that are to be judged again.

    Raises ValueError for a claim of another realm.
    """
    prices: dict[int, list[bytes]] = defaultdict(list)
    statements: dict[int, list[bytes]] = defaultdict(list)
    superseded: dict[int, list[bytes]] = defaultdict(list)
    for claim in claims:
        if claim.book.realm != realm:
            raise ValueError(f"a claim of another realm than {realm!r}")
        partition = partition_of_book(claim.book, partitions)
        if isinstance(claim, PriceClaim):
            prices[partition].append(written(claim))
        elif isinstance(claim, Statement):
            statements[partition].append(written_statement(claim))
        else:
            superseded[partition].append(SupersededRecord.of(claim).model_dump_json().encode())
    frame = orjson.dumps({"kind": "claims", "version": RECORD_VERSION, "realm": realm})[:-1]
    key = key_of(realm)
    return [
        Outgoing(OFFERS_TOPIC, frame + name + b",".join(part) + b"]}", key, partition)
        for name, by_partition in (
            (b',"claims":[', prices),
            (b',"statements":[', statements),
            (b',"superseded":[', superseded),
        )
        for partition, mine in by_partition.items()
        for part in bounded(mine, CLAIMS_PER_RECORD_MAX, RECORD_BYTES_MAX, _size)
    ]


def action_outgoing(record: ActionRecord, partitions: int = OFFER_PARTITIONS) -> Outgoing:
    """An action, for the partition that holds the claims of the incident's subject."""
    value = record.model_dump_json().encode()
    partition = partition_of_book(record.book, partitions)
    return Outgoing(OFFERS_TOPIC, value, key_of(record.realm), partition)


def customer_records(
    realm: str, customers: Collection[NodeId], partitions: int = OFFER_PARTITIONS
) -> list[Outgoing]:
    """Records that have the incidents about these profiles judged again, by those who hold them."""
    by_partition: dict[int, list[NodeId]] = defaultdict(list)
    for node in sorted(customers):
        key = key_of(realm, Subject.customer(node).key)
        by_partition[partition_of(key, partitions)].append(node)
    size = CUSTOMERS_PER_RECORD_MAX
    return [
        Outgoing(OFFERS_TOPIC, _customers(realm, mine[at : at + size]), key_of(realm), partition)
        for partition, mine in by_partition.items()
        for at in range(0, len(mine), size)
    ]


def _customers(realm: str, nodes: Iterable[NodeId]) -> bytes:
    record = CustomersRecord(realm=realm, customers=[as_uuid(node) for node in nodes])
    return record.model_dump_json().encode()


def written(claim: PriceClaim) -> bytes:
    """A claim as the JSON of a `ClaimRecord`, without the terms that have their default.

    Not through the model: it would validate again what was validated in the event, for every line
    of every receipt, which was a fifth of the work of ingest.
    """
    market, sku = claim.book.subject.parts
    plain: dict[str, Any] = {"market": market, "sku": sku}
    plain.update(zip(HEAD, claim[1:TERMS_FROM], strict=True))
    if claim[TERMS_FROM:] != USUAL_TERMS:  # unlike nearly every receipt line
        terms = zip(TERMS, claim[TERMS_FROM:], USUAL_TERMS, strict=True)
        plain.update((name, value) for name, value, usual in terms if value != usual)
    return orjson.dumps(plain, default=str, option=orjson.OPT_UTC_Z)


def written_statement(claim: Statement) -> bytes:
    """A statement as the JSON of a `StatementRecord`, not through the model for the same reason."""
    plain: dict[str, Any] = {
        "kind": claim.book.kind,
        "subject": written_subject(claim.book.subject),
    }
    named = zip(STATEMENT_NAMES, claim[1:], strict=True)
    plain.update((name, value) for name, value in named if value is not None)
    return orjson.dumps(plain, option=orjson.OPT_UTC_Z)


def _size(claim: bytes) -> int:
    return len(claim) + 1  # and a comma
