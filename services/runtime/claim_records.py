"""Price claims on their way to `c360.offers`: which partition, and how many go into one record.

Ingest packs them and consistency judges them; both ask here where a book lives, or the claims of
one product would be judged in two places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from schemas.claim import Book, Claim
from schemas.records import CLAIMS_PER_RECORD_MAX, ClaimsRecord
from schemas.topics import CATALOGUE
from services.runtime.kafka import key_of, partition_of
from services.runtime.stream import Outgoing

OFFERS_TOPIC = "c360.offers"
OFFER_PARTITIONS = CATALOGUE.by_name[OFFERS_TOPIC].partitions
RECORD_BYTES_MAX = CATALOGUE.by_name[OFFERS_TOPIC].record_bytes_max - 64 * 1024
"""Less than the topic takes, for keys, headers and the frame around a record."""
CLAIM_BYTES = 800
"""Upper bound of a written claim's field names, numbers, times and closed sets."""
BYTES_PER_CHARACTER = 6
"""JSON writes a control character as six bytes; UTF-8 needs at most four for any other."""


@lru_cache(maxsize=200_000)
def partition_of_book(book: Book, partitions: int = OFFER_PARTITIONS) -> int:
    """The partition that holds the claims of a book."""
    return partition_of(key_of(*book), partitions)


def pack_claims(
    claims: Iterable[Claim], partitions: int = OFFER_PARTITIONS
) -> list[tuple[int, ClaimsRecord]]:
    """Claims as records, each of one realm and one partition, in the order of the claims."""
    by_place: dict[tuple[int, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        place = partition_of_book(claim.book, partitions), claim.book.realm
        by_place[place].append(claim)
    return [
        (partition, ClaimsRecord.of(realm, part))
        for (partition, realm), mine in by_place.items()
        for part in _bounded(mine)
    ]


def claim_records(
    realm: str, claims: Sequence[Claim], partitions: int = OFFER_PARTITIONS
) -> list[Outgoing]:
    """The claims of one realm as they are sent."""
    key = key_of(realm)
    return [
        Outgoing(OFFERS_TOPIC, written(record), key, partition)
        for partition, record in pack_claims(claims, partitions)
    ]


def written(record: ClaimsRecord) -> bytes:
    """The record as JSON, without the terms that are the usual ones.

    Its kind and version are usual, too, but a reader needs the one and must not guess the other.
    """
    head = f'{{"kind":"{record.kind}","version":{record.version},'
    rest = record.model_dump_json(exclude={"kind", "version"}, exclude_defaults=True)
    return (head + rest[1:]).encode()


def _bounded(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    part, size = list[Claim](), 0
    for claim in claims:
        bytes_max = _bytes_max(claim)
        if part and (len(part) == CLAIMS_PER_RECORD_MAX or size + bytes_max > RECORD_BYTES_MAX):
            yield part
            part, size = [], 0
        part.append(claim)
        size += bytes_max
    if part:
        yield part


def _bytes_max(claim: Claim) -> int:
    """An upper bound that is cheap to have; typical claims are ten times smaller."""
    texts = sum(len(value) for value in claim if isinstance(value, str))
    return CLAIM_BYTES + BYTES_PER_CHARACTER * (texts + sum(map(len, claim.book)))
