"""Packed claims: nothing is lost, every record fits its topic and its partition."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.claim import Book, Claim
from schemas.offer import Basis, SaleKind
from schemas.records import CLAIMS_PER_RECORD_MAX, ClaimsRecord, OfferRecordAdapter
from schemas.topics import CATALOGUE
from services.runtime.claim_records import (
    OFFER_PARTITIONS,
    claim_records,
    pack_claims,
    partition_of_book,
)

NOW = datetime(2026, 3, 2, 12, 30, 15, 123_000, tzinfo=UTC)
WORST = "\x01" * 100
"""JSON needs six bytes for each of its characters."""


def some_claim(book: Book, event_id: str) -> Claim:
    """A plain claim."""
    return Claim(book, NOW, event_id, 0, 1, "shop", "", "", Basis.PUBLISHED, Decimal("9.99"), "EUR")


def largest_claim(number: int) -> Claim:
    """Every text as long and as costly as the contract lets it be."""
    price = Decimal("-12345678901234.1234")
    return Claim(
        Book("r" * 32, "\x01" * 16, f"{WORST[:95]}{number:05}"), NOW, WORST, 2**31, 2**64 - 1,
        "c" * 32, WORST, WORST, Basis.DISPLAYED, price, "EUR", unit=WORST, pack_content=price,
        pack_unit=WORST, variant=WORST, condition=WORST, seller=WORST, customer_group=WORST,
        sale_kind=SaleKind.PROMOTION, promotion=WORST, price_list_id=WORST, valid_from=NOW,
        valid_to=NOW,
    )  # fmt: skip


def test_partitions_are_those_of_kafka() -> None:
    """A book's partition is murmur2 of realm, market and sku; known values, never to change."""
    books = [Book("default", "DE", "A-1"), Book("other", "AT", "ü€")]
    assert [partition_of_book(book, 12) for book in books] == [3, 7]


@pytest.mark.parametrize("partitions", range(1, 13))
def test_every_claim_arrives_in_the_partition_of_its_book(partitions: int) -> None:
    """The records hold each claim once, in order by book, of one realm and one partition."""
    rng = random.Random(partitions)
    books = [Book(rng.choice(["a", "b"]), "DE", f"{rng.randint(0, 30)}") for _ in range(1_200)]
    claims = [some_claim(book, f"e{number}") for number, book in enumerate(books)]
    found: list[Claim] = []
    for partition, record in pack_claims(claims, partitions):
        read = [one.claim(record.realm) for one in record.claims]
        assert {partition_of_book(one.book, partitions) for one in read} == {partition}
        assert len(read) <= CLAIMS_PER_RECORD_MAX
        found += read
    assert sorted(found) == sorted(claims)
    for book in set(books):
        assert [c for c in found if c.book == book] == [c for c in claims if c.book == book]


def test_the_largest_claims_fit_the_topic() -> None:
    """Records stay below what the topic takes, and what is left out of them comes back."""
    limit = CATALOGUE.by_name["c360.offers"].record_bytes_max
    claims = [largest_claim(number) for number in range(900)]
    found: list[Claim] = []
    for sent in claim_records("r" * 32, claims, 1):
        assert sent.value is not None
        assert len(sent.value) < limit
        record = OfferRecordAdapter.validate_json(sent.value)
        assert isinstance(record, ClaimsRecord)
        found += (one.claim(record.realm) for one in record.claims)
    assert found == claims


def test_usual_claims_are_packed_full() -> None:
    """The bound on bytes is no reason to send small records."""
    claims = [some_claim(Book("default", "DE", "A-1"), f"{n:036}") for n in range(1_000)]
    assert [len(record.claims) for _, record in pack_claims(claims)] == [500, 500]


def test_a_record_says_its_kind_version_and_partition() -> None:
    """What a reader cannot guess is written though it is usual; usual terms are not."""
    (sent,) = claim_records("default", [some_claim(Book("default", "DE", "A-1"), "e1")])
    assert sent.value is not None
    assert sent.value.startswith(b'{"kind":"claims","version":1,"realm":"default","claims":[{')
    assert b"seller" not in sent.value
    assert (sent.topic, sent.key) == ("c360.offers", b"default")
    assert sent.partition == partition_of_book(Book("default", "DE", "A-1"), OFFER_PARTITIONS)
