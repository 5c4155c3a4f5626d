"""The ingest core: anchors, edges, versions, money, claims, consents."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import PriceClaim
from schemas.examples import EXAMPLES
from schemas.identifiers import node_id
from schemas.instants import to_ms
from schemas.reject import RejectReason
from schemas.rules.trust import trusting
from schemas.touchpoint import EVENT_TYPES, PUBLIC_TYPES
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake, Reject
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line, order, product_book

COOKIE = identifier("cookie", "c-1")
EMAIL = identifier("email", "anna@example.com")
PROVEN_EMAIL = EMAIL | {"verified": True}
NUMBER = identifier("customer_number", "1001", issuer="shop")
PROVEN_NUMBER = NUMBER | {"verified": True}


def prices(outcome: Accepted) -> list[PriceClaim]:
    """What an event says of prices, for the kind that compares them across channels."""
    return [claim for claim in outcome.claims if isinstance(claim, PriceClaim)]


def accept(
    fields: dict[str, Any], *, by: EventProcessor | None = None, intake: Intake = Intake.FILE
) -> Accepted:
    outcome = (by or core()).process(line(fields), RECEIVED_AT, intake)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def column(outcome: Accepted, name: str) -> Any:
    return outcome.row[name]


@pytest.mark.parametrize(
    ("identifiers", "anchor"),
    [
        # the strongest verified one
        ([COOKIE, PROVEN_EMAIL, PROVEN_NUMBER], "customer_number"),
        # a verified weaker one beats an unverified stronger one
        ([NUMBER, PROVEN_EMAIL, COOKIE], "email"),
        # nothing verified: the strongest shareable, so a typed address names no one
        ([NUMBER, EMAIL, COOKIE, identifier("device_id", "d")], "device_id"),
        ([COOKIE, identifier("phone", "+493023125010"), EMAIL], "phone"),
        # only personal ones, none verified: the strongest
        ([EMAIL, NUMBER], "customer_number"),
    ],
)
def test_anchor(identifiers: list[dict[str, Any]], anchor: str) -> None:
    """The fact stands under its strongest verified, else shareable, else strongest identifier."""
    outcome = accept(event(identifiers=identifiers))
    assert column(outcome, "anchor_type") == anchor


def test_anchor_of_nobody_is_a_record() -> None:
    """A receipt that names nobody stands under the node of its own order id."""
    outcome = accept(order("o-1", "5.00", identifiers=[], source={"system": "till"}))
    assert outcome.node == node_id(SECRET, "default", "record", "till", "o-1")
    assert column(outcome, "anchor_verified") is True


def test_an_offer_of_nobody_is_a_record_of_its_own() -> None:
    """What has no order id stands under its event id."""
    fields = event("offer.published", body={"sku": "A-1", "price": "2"}, identifiers=[])
    outcome = accept(fields)
    assert outcome.node == node_id(SECRET, "default", "record", "webshop", fields["event_id"])


@pytest.mark.parametrize(
    ("identifiers", "verified"),
    [
        ([PROVEN_NUMBER, PROVEN_EMAIL], True),
        ([PROVEN_NUMBER, EMAIL], False),  # a typed address
        ([PROVEN_NUMBER, COOKIE], True),  # shareable ends need no proof
        ([COOKIE, EMAIL], False),
        ([COOKIE, identifier("session", "s")], True),
    ],
)
def test_edge_grade(identifiers: list[dict[str, Any]], verified: bool) -> None:
    """An edge is verified when each personal identifier at its ends was."""
    [edge] = accept(event(identifiers=identifiers)).edges
    assert edge.verified is verified
    assert edge.a.id < edge.b.id


def test_untrusted_source_verifies_nothing() -> None:
    """A source that the configuration does not trust cannot raise an identifier."""
    strict = core(trust=trusting(["crm*"]))
    fields = event(identifiers=[PROVEN_NUMBER, PROVEN_EMAIL])
    assert not accept(fields, by=strict).edges[0].verified
    assert accept(fields | {"source": {"system": "crm-eu"}}, by=strict).edges[0].verified


def test_public_write_key_verifies_nothing() -> None:
    """What a key in a web page sends joins nobody, whatever it claims."""
    outcome = accept(event(identifiers=[COOKIE, PROVEN_EMAIL]), intake=Intake.PUBLIC)
    assert column(outcome, "anchor_type") == "cookie"
    assert not outcome.edges[0].verified


def test_public_write_key_cannot_write_into_a_known_persons_history() -> None:
    """With nothing but an address the event is refused; a receipt stands for itself."""
    refused = core().process(line(event(identifiers=[EMAIL])), RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(refused, Reject)
    assert refused.reason is RejectReason.NO_USABLE_IDENTIFIER
    body = {"kind": "nps", "answers": [{"question": "q", "score": 1}]}
    survey = event("survey.answered", identifiers=[EMAIL], body=body)
    anonymous = accept(survey, intake=Intake.PUBLIC)
    assert column(anonymous, "anchor_type") == "record"
    assert anonymous.edges == []


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES.keys() - PUBLIC_TYPES))
def test_public_write_key_tells_no_orders_and_no_prices(type_: str) -> None:
    """Whatever could change somebody's order, or a price, is refused from a public key."""
    refused = core().process(line(EXAMPLES[type_]), RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(refused, Reject)
    assert refused.reason is RejectReason.NOT_ALLOWED


def test_price_seen_with_a_public_key_is_no_claim() -> None:
    """A stranger may neither raise nor end an alarm."""
    fields = event("product.viewed", body={"offer": {"sku": "1", "price": "0.01"}})
    assert accept(fields, intake=Intake.PUBLIC).claims == []
    assert len(prices(accept(fields, intake=Intake.SERVER))) == 1


@pytest.mark.parametrize("turned", [False, True])
def test_identifier_named_twice_counts_as_proven_in_any_order(turned: bool) -> None:
    """One proof is enough, wherever it stands in the list."""
    twice = [EMAIL, PROVEN_EMAIL]
    identifiers = [PROVEN_NUMBER, *(reversed(twice) if turned else twice)]
    [edge] = accept(event(identifiers=identifiers)).edges
    assert edge.verified


def test_deposit_brought_back_is_no_return() -> None:
    """Returned deposit (Pfand, Leergut) counts nowhere; goods among it do."""
    deposit = {"kind": "deposit", "total": "3.25"}
    only = accept(event("order.returned", body={"lines": [deposit]}))
    mixed = accept(event("order.returned", body={"lines": [deposit, {"total": "5.00"}]}))
    refund = accept(event("order.returned", body={"refund": "5.00"}))
    counted = [column(one, "order_counts") for one in (only, mixed, refund)]
    assert counted == [False, True, True]


def test_issuer_comes_from_the_source_where_the_event_names_none() -> None:
    """Customer 1001 of the shop is not customer 1001 of the ERP."""
    configured = core(source_issuers={"webshop": "shop"})
    number = identifier("customer_number", "1001")
    bare = accept(event(identifiers=[number]), by=configured)
    named = accept(event(identifiers=[number | {"issuer": "erp"}]), by=configured)
    assert bare.node == node_id(SECRET, "default", "customer_number", "shop", "1001")
    assert named.node == node_id(SECRET, "default", "customer_number", "erp", "1001")


def test_same_event_has_one_version_however_it_is_written() -> None:
    """Key order, spaces and the time of sending do not make another body; a value does."""
    one = event(body={"url": "/a", "title": "b"})
    again = dict(reversed(one.items())) | {"sent_at": "2026-11-20T09:00:05Z"}
    other = one | {"body": {"url": "/a", "title": "c"}}
    assert accept(one).version == accept(again).version
    assert accept(one).version != accept(other).version


def test_higher_revision_has_a_higher_version() -> None:
    """A client's correction beats every body of a lower revision."""
    first, second = event(event_id="e"), event(event_id="e", revision=1)
    assert accept(second).version > accept(first).version


def test_skew_is_corrected_for_live_events_only() -> None:
    """A clock that runs an hour late is corrected when sent_at says so; never for a file."""
    fields = event(occurred_at="2026-11-21T10:59:00Z", sent_at="2026-11-21T11:00:00Z")
    live, imported = accept(fields, intake=Intake.SERVER), accept(fields)
    hour_ms = 3_600_000
    assert column(live, "corrected_at") == column(live, "occurred_at") + hour_ms
    assert column(imported, "corrected_at") == column(imported, "occurred_at")
    ahead = event(occurred_at="2026-11-21T12:30:00Z", sent_at="2026-11-21T12:00:00Z")
    assert column(accept(ahead, intake=Intake.SERVER), "corrected_at") == to_ms(RECEIVED_AT)


def test_revenue_counts_own_products_and_services() -> None:
    """Gift cards, deposit, shipping and other sellers' lines are no revenue."""
    lines = [
        {"kind": "product", "total": "10.00"},
        {"kind": "service", "total": "5.50"},
        {"kind": "gift_card", "total": "25.00"},
        {"kind": "deposit", "total": "0.25"},
        {"kind": "shipping", "total": "4.90"},
        {"kind": "product", "total": "99.00", "seller": "somebody else"},
    ]
    outcome = accept(order("o", body={"lines": lines}))
    assert column(outcome, "order_value") == Decimal("15.50")


@pytest.mark.parametrize("kind", ["void", "training", "aborted", "other"])
def test_receipts_that_are_no_sale(kind: str) -> None:
    """They are kept, never counted, and prove no price."""
    body = {"receipt_kind": kind, "lines": [{"sku": "1", "total": "1", "unit_price": "1"}]}
    outcome = accept(order("o", body=body, channel="pos"))
    assert not column(outcome, "order_counts")
    assert outcome.claims == []


def test_charged_claim_is_the_shelf_price() -> None:
    """Promotion discounts make the shelf price; coupons and loyalty are the customer's own."""
    discounts = [{"kind": "promotion", "amount": "1.00"}, {"kind": "coupon", "amount": "0.50"}]
    line_ = {
        "sku": "1", "quantity": 2, "unit_price": "3.00", "total": "4.50", "discounts": discounts,
    }  # fmt: skip
    source = {"system": "till", "store": "s-7"}
    [claim] = prices(accept(order("o", body={"lines": [line_]}, channel="pos", source=source)))
    assert (claim.price, claim.location, claim.channel) == (Decimal("2.50"), "s-7", "pos")


@pytest.mark.parametrize(
    "change",
    [
        {"unit_price": None},
        {"unit_price": "0"},  # given away
        {"quantity": 0},
        {"kind": "deposit"},
        {"seller": "somebody else"},
        {"sale_kind": "clearance"},
        {"sku": ""},
    ],
)
def test_lines_that_prove_no_price(change: dict[str, Any]) -> None:
    """Only a product line with a price, sold regularly by the retailer, says what a price is."""
    plain = {"sku": "1", "quantity": 1, "unit_price": "3.00", "total": "3.00"}
    usable = {name: value for name, value in (plain | change).items() if value is not None}
    claims = accept(order("o", body={"lines": [usable]})).claims
    kinds = {claim.book.kind for claim in claims}
    assert kinds <= {"missing_on_channel", "records_mismatch"}  # it is an order, after all


def test_synthetic_journey_makes_no_claim() -> None:
    """A test journey must not raise an alarm."""
    source = {"system": "test", "synthetic": True}
    body = {"sku": "1", "price": "1.00"}
    assert accept(event("offer.published", body=body, source=source)).claims == []


def test_unbounded_validity_is_open() -> None:
    """9999-12-31 means "until replaced", like every end from 2200 on."""
    for end, is_open in (("9999-12-31", True), ("2200-01-01", True), ("2199-12-31", False)):
        body = {"sku": "1", "price": "1.00", "valid_to": f"{end}T23:59:59Z"}
        claims = accept(event("offer.published", body=body)).claims
        bounds = {claim.book.kind: claim.valid_to for claim in claims}
        for kind in ("price_mismatch", "reduction_without_lowest_price"):
            assert (bounds[kind] is None) == is_open


def test_unsubscribing_withdraws_the_consent_of_that_address() -> None:
    """An unsubscribe click counts without a separate consent event."""
    outcome = accept(event("email.unsubscribed", identifiers=[EMAIL], body={}))
    node = node_id(SECRET, "default", "email", "", "anna@example.com")
    assert column(outcome, "consents.action") == ["withdrawn"]
    assert column(outcome, "consents.address") == [node]


def test_unknown_fields_are_kept_in_the_payload() -> None:
    """A field the contract does not know is stored as it was sent."""
    sent = line(event(colour="blue"))
    outcome = core().process(sent, RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    assert column(outcome, "payload") == sent


def test_times_are_whole_milliseconds() -> None:
    """A claim in memory equals the same claim read back from the store."""
    body = {"sku": "1", "price": "1.00"}
    at = "2026-11-20T10:00:00.123456+01:00"
    claims = accept(event("offer.published", body=body, occurred_at=at)).claims
    stored = datetime.fromisoformat("2026-11-20T09:00:00.123+00:00")
    assert {claim.occurred_at for claim in claims} == {stored}


def test_a_statement_that_no_record_holds_is_none() -> None:
    """Texts of control characters take six times their length; the price is a claim all the
    same."""
    odd = "\x01" * 100
    body = {"sku": "1", "price": "1.00", "variant": odd, "condition": odd, "promotion": "P"}
    body |= {"availability": "in_stock", "customer_group": ""}
    claims = accept(event("offer.published", body=body)).claims
    shown = ["price_mismatch", "missing_on_channel"]
    assert [claim.book.kind for claim in claims] == [*shown, "promotion_mismatch"]
    body |= {"customer_group": odd}
    claims = accept(event("offer.published", body=body)).claims
    assert [claim.book.kind for claim in claims] == shown


@pytest.mark.parametrize(
    ("unit_price", "quantity", "off"),
    [("1.1234", "0.0001", "50000000000"), ("5.00", "1", "5.00"), ("5.00", "2", "11.00")],
)
def test_discount_that_leaves_no_price_makes_no_claim(
    unit_price: str, quantity: str, off: str
) -> None:
    """A discount that takes the whole price, or more, says nothing of the shelf."""
    bought = {
        "sku": "A1", "total": "1.00", "unit_price": unit_price, "quantity": quantity,
        "discounts": [{"kind": "promotion", "amount": off}],
    }  # fmt: skip
    fair = {"sku": "A2", "total": "3.00", "unit_price": "3.00", "quantity": "1"}
    sold = event("order.placed", body={"order_id": "o-1", "lines": [bought, fair]})
    accepted = accept(sold)
    [claim] = prices(accepted)
    assert (claim.book, claim.price, claim.ordinal) == (product_book("A2"), Decimal("3.00"), 0)
    assert column(accepted, "offers.sku") == ["A2"]
