"""Packed claims: nothing is lost, every record fits its topic and its partition."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import TERMS, Book, PriceClaim, Statement
from schemas.offer import Basis, SaleKind, TaxMode
from schemas.records import (
    CLAIMS_PER_RECORD_MAX,
    ClaimRecord,
    ClaimsRecord,
    OfferRecordAdapter,
    StatementRecord,
)
from schemas.subject import Subject, SubjectType
from schemas.topics import CATALOGUE
from services.stream.claim_records import (
    HEAD,
    OFFER_PARTITIONS,
    STATEMENT_NAMES,
    claim_records,
    partition_of_book,
    written,
    written_statement,
)
from tests.events import product_book

NOW = datetime(2026, 3, 2, 12, 30, 15, 123_000, tzinfo=UTC)
WORST = "\x01" * 100
"""JSON needs six bytes for each of its characters."""


def some_claim(book: Book, event_id: str) -> PriceClaim:
    """A plain claim."""
    return PriceClaim(
        book, NOW, event_id, 0, 1, "shop", "", "", Basis.PUBLISHED, Decimal("9.99"), "EUR"
    )


def largest_claim(number: int) -> PriceClaim:
    """Every text as long and as costly as the contract lets it be."""
    price = Decimal("-12345678901234.1234")
    return PriceClaim(
        product_book(f"{WORST[:95]}{number:05}", "r" * 32, "\x01" * 16), NOW, WORST, 2**31,
        2**64 - 1,
        "c" * 32, WORST, WORST, Basis.DISPLAYED, price, "EUR", unit=WORST, pack_content=price,
        pack_unit=WORST, variant=WORST, condition=WORST, seller=WORST, customer_group=WORST,
        sale_kind=SaleKind.PROMOTION, promotion=WORST, price_list_id=WORST,
        price_list_edition=WORST, with_sku=WORST, valid_from=NOW, valid_to=NOW,
    )  # fmt: skip


def packed(
    claims: list[PriceClaim], partitions: int = OFFER_PARTITIONS
) -> Iterator[tuple[int | None, list[PriceClaim]]]:
    """Each record's partition and claims, as a reader gets them from the written bytes."""
    for realm in sorted({claim.book.realm for claim in claims}):
        mine = [claim for claim in claims if claim.book.realm == realm]
        for sent in claim_records(realm, mine, partitions):
            record = OfferRecordAdapter.validate_json(sent.value or b"")
            assert isinstance(record, ClaimsRecord)
            yield sent.partition, [one.claim(record.realm) for one in record.claims]


def test_partitions_are_those_of_kafka() -> None:
    """A book's partition is murmur2 of realm, market and sku; known values, never to change."""
    books = [product_book("A-1"), product_book("ü€", "other", "AT")]
    assert [partition_of_book(book, 12) for book in books] == [3, 7]


@pytest.mark.parametrize("partitions", range(1, 13))
def test_every_claim_arrives_in_the_partition_of_its_book(partitions: int) -> None:
    """The records hold each claim once, in order by book, of one realm and one partition."""
    rng = random.Random(partitions)
    books = [product_book(f"{rng.randint(0, 30)}", rng.choice(["a", "b"])) for _ in range(1_200)]
    claims = [some_claim(book, f"e{number}") for number, book in enumerate(books)]
    found: list[PriceClaim] = []
    for partition, read in packed(claims, partitions):
        assert {partition_of_book(one.book, partitions) for one in read} == {partition}
        assert len(read) <= CLAIMS_PER_RECORD_MAX
        found += read
    assert sorted(found) == sorted(claims)
    for book in set(books):
        assert [c for c in found if c.book == book] == [c for c in claims if c.book == book]


def test_the_largest_claims_fit_the_topic() -> None:
    """Records stay below the limit of the topic, and omitted defaults are restored."""
    limit = CATALOGUE.by_name["c360.offers"].record_bytes_max
    claims = [largest_claim(number) for number in range(900)]
    sent = claim_records("r" * 32, claims, 1)
    assert len(sent) > 1
    assert all(len(one.value or b"") < limit for one in sent)
    assert [claim for _, read in packed(claims, 1) for claim in read] == claims


def test_usual_claims_are_packed_full() -> None:
    """The bound on bytes is no reason to send small records."""
    claims = [some_claim(product_book("A-1"), f"{n:036}") for n in range(1_000)]
    assert [len(read) for _, read in packed(claims)] == [500, 500]


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"tax_mode": TaxMode.NET, "pack_content": Decimal("0.7500"), "pack_unit": "l"},
        {"location": "s-1", "zone": "north", "variant": "blau \x01 \u2028", "seller": "x"},
        {"valid_from": NOW, "valid_to": NOW.replace(microsecond=0), "price": Decimal("1E+2")},
    ],  # usual terms; numbers and closed sets; texts; times and an unusual way to write a price
)
def test_a_claim_is_written_as_its_model_writes_it(terms: dict[str, Any]) -> None:
    """Reading either gives the same record; every field of the model can be told."""
    claim = some_claim(product_book("A-1"), "e1")._replace(**terms)
    read = ClaimRecord.model_validate_json(written(claim))
    assert read == ClaimRecord.of(claim)
    assert {"market", "sku", *HEAD, *TERMS} == set(ClaimRecord.model_fields)


@pytest.mark.parametrize(
    "book",
    [
        Book("default", "promotion_mismatch", Subject.product("DE", WORST)),
        Book("default", "store_data_mismatch", Subject(SubjectType.STORE, "12")),
        Book("default", "told_twice", Subject.customer(7)),
    ],
    ids=lambda book: book.subject.type,
)
@pytest.mark.parametrize("bounds", [(None, None), (NOW, NOW.replace(microsecond=0))])
def test_a_statement_is_written_as_its_model_writes_it(
    book: Book, bounds: tuple[datetime | None, datetime | None]
) -> None:
    """Reading either gives the same record; every field of the model can be told."""
    head = (NOW, "e1", 3, 2**64 - 1, "shop", "s-1", "north", Basis.DISPLAYED)
    statement = Statement(book, *head, "blau \x01 \u2028", "P", *bounds)
    read = StatementRecord.model_validate_json(written_statement(statement))
    assert read == StatementRecord.of(statement)
    assert {"kind", "subject", *STATEMENT_NAMES} == set(StatementRecord.model_fields)


def test_a_claim_of_another_realm_is_refused() -> None:
    """A record has one realm, and its claims are read as claims of that."""
    with pytest.raises(ValueError, match="another realm"):
        claim_records("other", [some_claim(product_book("A-1"), "e1")])


def test_a_record_says_its_kind_version_and_partition() -> None:
    """What a reader cannot guess is written though it is usual; usual terms are not."""
    (sent,) = claim_records("default", [some_claim(product_book("A-1"), "e1")])
    assert sent.value is not None
    assert sent.value.startswith(b'{"kind":"claims","version":1,"realm":"default","claims":[{')
    assert b"seller" not in sent.value
    assert (sent.topic, sent.key) == ("c360.offers", b"default")
    assert sent.partition == partition_of_book(product_book("A-1"), OFFER_PARTITIONS)
