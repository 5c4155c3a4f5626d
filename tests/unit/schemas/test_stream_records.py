"""Records between services: nothing is lost on the way, and every record has a largest size."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from schemas.claim import PriceClaim
from schemas.edge import Decision, Edge, Node, Verdict
from schemas.incident import AnyIncident
from schemas.offer import Basis, SaleKind, TaxMode
from schemas.records import (
    CLAIM_RENAMED,
    CLAIMS_PER_RECORD_MAX,
    EDGES_PER_RECORD_MAX,
    ERASED_NODES_MAX,
    AlertRecord,
    ClaimRecord,
    ClaimsRecord,
    DecisionRecord,
    EdgeRecord,
    EdgesRecord,
    ErasureRecord,
    IdentityRecordAdapter,
    NodeRecord,
    OfferRecordAdapter,
    RejectedHeaders,
    RulesRecord,
    TickRecord,
)
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE, identity_rules
from schemas.topics import CATALOGUE
from services.store.rules_in_force import rules_of_text
from tests.events import product_book

A = Node(17, "customer_number", "shop")
B = Node(2**128 - 1, "email", "")
NOON = datetime(2026, 4, 1, 10, 0, 0, 1000, UTC)
PLAIN = PriceClaim(
    product_book("A1"), NOON, "e1", 0, 7, "shop", "", "", Basis.DISPLAYED,
    Decimal("9.99"), "EUR",
)  # fmt: skip
FULL = PLAIN._replace(
    location="store-12",
    zone="north",
    basis=Basis.PUBLISHED,
    tax_mode=TaxMode.NET,
    unit="kg",
    pack_content=Decimal("0.5"),
    pack_unit="kg",
    variant="red",
    condition="used",
    seller="other",
    customer_group="staff",
    sale_kind=SaleKind.PROMOTION,
    promotion="spring",
    price_list_id="pl-1",
    price_list_edition="2026-04-01",
    with_sku="4711",
    valid_from=NOON,
    valid_to=datetime(2026, 5, 1, tzinfo=UTC),
)
WIDE = "\U0001f600"
"""A character of four bytes."""


def sent(record: BaseModel) -> Any:
    """What a reader gets: the record as it travels."""
    return json.loads(record.model_dump_json())


@pytest.mark.parametrize("edge", [
    Edge(A, B, 1_775_037_600_000, "e1", True),
    Edge(A, B, -1, "e" * 100, False),
])  # fmt: skip
def test_edge_survives_the_way(edge: Edge) -> None:
    """An edge that is written and read again is the same edge."""
    record = EdgesRecord(realm="default", edges=[EdgeRecord.of(edge)])
    read = IdentityRecordAdapter.validate_python(sent(record))
    assert isinstance(read, EdgesRecord)
    assert [one.edge() for one in read.edges] == [edge]


def test_decision_survives_the_way() -> None:
    """A decision that is written and read again is the same decision."""
    decision = Decision(A, B, Verdict.DIFFERENT, "agent-27", "two sisters", 1_775_037_600_000)
    read = IdentityRecordAdapter.validate_python(sent(DecisionRecord.of("default", decision)))
    assert isinstance(read, DecisionRecord)
    assert read.decision() == decision


@pytest.mark.parametrize("claim", [PLAIN, FULL], ids=["plain", "full"])
def test_claim_survives_the_way(claim: PriceClaim) -> None:
    """A claim that is written and read again is the same claim, to the last digit."""
    read = OfferRecordAdapter.validate_python(sent(ClaimsRecord.of("default", [claim])))
    assert isinstance(read, ClaimsRecord)
    assert [one.claim(read.realm) for one in read.claims] == [claim]


def test_full_claim_sets_every_field() -> None:
    """The claim of the test above leaves no field at its default, so none goes untested."""
    defaults = PriceClaim._field_defaults
    assert [name for name in defaults if getattr(FULL, name) == defaults[name]] == []


def test_claim_record_holds_every_field_of_a_claim() -> None:
    """A field that is added to the claim is added to its record."""
    own = set(PriceClaim._fields) - CLAIM_RENAMED
    assert set(ClaimRecord.model_fields) == own | {"market", "sku", "body_version"}


def test_records_and_cores_agree_on_their_fields() -> None:
    """The identity core has tuples of its own; they and the contract have the same fields."""
    assert Edge._fields == tuple(EdgeRecord.model_fields)
    assert Node._fields == tuple(NodeRecord.model_fields)
    assert set(Decision._fields) == set(DecisionRecord.model_fields) - {"version", "realm", "kind"}


def test_rules_travel_whole() -> None:
    """A change of rules carries the rules themselves: no reader needs the file."""
    text = rules_text(RULES_FILE)
    record = RulesRecord(realm="default", text=text, author="a", reason="r", decided_ms=7)
    read = IdentityRecordAdapter.validate_python(sent(record))
    assert isinstance(read, RulesRecord)
    assert rules_of_text(read.text) == identity_rules()


def test_tick_and_claim_are_told_apart() -> None:
    """Both are on one topic; `kind` says which is which, and any other kind is refused."""
    tick = OfferRecordAdapter.validate_python(sent(TickRecord(realm="default", reached_at=NOON)))
    assert isinstance(tick, TickRecord)
    with pytest.raises(ValidationError):
        OfferRecordAdapter.validate_python({"kind": "rumour", "realm": "default"})


def test_alert_is_an_incident_without_exposure() -> None:
    """Exposure is counted at read; everything else of an incident travels."""
    fields = set(AnyIncident.model_fields) | {"version"}
    assert set(AlertRecord.model_fields) == fields | {"row_version"}


def test_tick_needs_a_zone() -> None:
    """Event time is a moment."""
    with pytest.raises(ValidationError):
        TickRecord.model_validate({"realm": "default", "reached_at": "2026-04-01T12:00:00"})


def test_edges_record_is_bounded() -> None:
    """A record has a thousand edges at most; more are sent in several."""
    edge = Edge(A, B, 0, "e", True)
    with pytest.raises(ValidationError):
        EdgesRecord.of("default", [edge] * (EDGES_PER_RECORD_MAX + 1))


def test_claims_of_one_realm_travel_together() -> None:
    """A claim of another realm than its record's is refused when it is written."""
    with pytest.raises(ValueError, match="another realm"):
        ClaimsRecord.of("other", [PLAIN])


def test_largest_records_fit_their_topics() -> None:
    """A record with every list and string at its limit is no larger than its topic takes."""
    node = NodeRecord(id=UUID(int=2**128 - 1), type="t" * 32, issuer=WIDE * 64)
    edge = EdgeRecord(a=node, b=node, first_seen_ms=-(2**53), event_id=WIDE * 100, verified=False)
    nodes = [UUID(int=2**128 - 1)] * EDGES_PER_RECORD_MAX
    full = EdgesRecord(
        realm="r" * 32, edges=[edge] * EDGES_PER_RECORD_MAX, attributes=nodes, consents=nodes
    )
    erasure = ErasureRecord(
        realm="r" * 32, nodes=[UUID(int=n) for n in range(ERASED_NODES_MAX)], erased_ms=2**53 - 1
    )
    room = CATALOGUE.by_name["c360.edges"].record_bytes_max
    assert len(full.model_dump_json().encode()) < room
    assert len(erasure.model_dump_json().encode()) < room


def test_largest_claim_fits_its_topic() -> None:
    """A record full of claims with every text at its limit is no larger than its topic takes."""
    texts = ["event_id", "location", "zone", "unit", "pack_unit", "variant", "condition", "seller",
             "customer_group", "promotion", "price_list_id", "price_list_edition"]  # fmt: skip
    widest: Any = dict.fromkeys(texts, WIDE * 100)
    claim = FULL._replace(book=product_book(WIDE * 100, "r" * 32, WIDE * 16), **widest)
    full = ClaimsRecord.of("r" * 32, [claim] * CLAIMS_PER_RECORD_MAX)
    size = len(full.model_dump_json().encode())
    assert size < CATALOGUE.by_name["c360.offers"].record_bytes_max


def test_dead_letter_headers_read_back_from_text() -> None:
    """Kafka headers are bytes: every header is read back from its text."""
    headers = RejectedHeaders.model_validate(
        {"reason": "invalid_field", "received_at": NOON, "raw_bytes": 120, "source_offset": 9}
    )
    texts = {name: str(value) for name, value in sent(headers).items()}
    assert RejectedHeaders.model_validate(texts) == headers
