"""What the decision workers are told of a batch: by realm, once, and in records of bounded size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.claim import BookEntry, Superseded
from schemas.instants import from_ms, to_ms
from schemas.records import EDGES_PER_RECORD_MAX
from schemas.watermark import Watermark
from services.ingest.core.derived_records import (
    Derived,
    claims_by_realm,
    derive,
    edge_records,
    watermarks,
)
from services.ingest.core.event_processor import Realm
from services.ingest.core.outcome import NO_CORRECTIONS, Accepted, Corrections
from services.ingest.core.sent_edges import SentEdges
from tests.events import RECEIVED_AT, core, event, identifier, line, product_book

CORE = core(realms={"default": Realm("DE", "EUR"), "outlet": Realm("DE", "EUR")})
PAIR = [identifier("cookie", "c"), identifier("session", "s")]
OLD = Superseded(product_book("A-1"), "e", 5)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def accepted(type_: str = "page.viewed", *, received_at: datetime = RECEIVED_AT, **fields: Any
             ) -> Accepted:  # fmt: skip
    """An event as it is stored."""
    outcome = CORE.process(line(event(type_, **fields)), received_at)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def test_each_realm_has_its_own() -> None:
    """Edges, nodes of attributes and consents, claims; an edge that was sent is not repeated."""
    linked = accepted(identifiers=PAIR, realm="outlet")
    named = accepted("profile.updated", body={"attributes": {"city": "Köln"}}, realm="outlet")
    asked = accepted("consent.given", body={"purpose": "marketing", "channel": "email"})
    priced = [accepted("offer.published", body={"sku": sku, "price": "1"}) for sku in "AB"]
    sent = SentEdges()
    found = derive([linked, named, asked, *priced], NO_CORRECTIONS, sent)
    assert found["outlet"] == Derived(linked.edges, [named.node], [], [])
    claims: list[BookEntry] = [claim for one in (asked, *priced) for claim in one.claims]
    assert len(claims) == 7  # a consent; each a price, an assortment, and history of a reduction
    assert found["default"] == Derived([], [], [asked.node], claims)
    sent.acknowledged("outlet", linked.edges)
    assert derive([linked], NO_CORRECTIONS, sent)["outlet"].edges == []
    elsewhere = accepted(identifiers=PAIR)
    assert derive([elsewhere], NO_CORRECTIONS, sent)["default"].edges == elsewhere.edges


def test_a_correction_tells_former_anchors_and_books() -> None:
    """The former anchor may have lost attributes and consents; former books are judged again."""
    named = accepted("profile.updated", body={"attributes": {"city": "Köln"}})
    corrections = Corrections([OLD], [("default", 7), ("outlet", 8)])
    found = derive([named], corrections, SentEdges())["default"]
    assert (found.attributes, found.consents) == ([named.node, 7], [7])
    assert found.claims == [OLD]
    assert claims_by_realm([], [OLD]) == {"default": [OLD]}


def test_records_are_of_bounded_size() -> None:
    """The longest list decides how many records there are; nothing is repeated or left behind."""
    edge, size = accepted(identifiers=PAIR).edges[0], EDGES_PER_RECORD_MAX
    edges = [edge._replace(first_seen_ms=number) for number in range(2 * size + 1)]
    nodes = list(range(1, size + 2))
    for derived, count in (
        (Derived(edges, nodes, [], []), 3),
        (Derived([], nodes, [], []), 2),
        (Derived([], [], nodes, []), 2),
        (Derived([], [], [], []), 0),
    ):
        records = edge_records("outlet", derived)
        assert len(records) == count
        assert {record.realm for record in records} <= {"outlet"}
        assert [one.edge() for record in records for one in record.edges] == derived.edges
        for name, wanted in (("attributes", derived.attributes), ("consents", derived.consents)):
            told = [node.int for record in records for node in getattr(record, name)]
            assert told == wanted


def test_a_channel_has_one_watermark() -> None:
    """The latest event of each channel and realm, whatever order they came in."""
    events = [
        accepted(
            channel=channel, realm=realm, received_at=NOON + timedelta(hours=received),
            occurred_at=(NOON + timedelta(hours=occurred)).isoformat(),
        )
        for channel, realm in (("shop", "default"), ("app", "default"), ("shop", "outlet"))
        for occurred, received in ((0, 5), (3, 6), (1, 6), (2, 7))
    ]  # fmt: skip
    latest: dict[tuple[str, str], Watermark] = {}
    for one in events:
        at = from_ms(one.occurred_ms), from_ms(one.received_ms)
        known = latest.get((one.realm, one.channel))
        latest[one.realm, one.channel] = Watermark.of(one.realm, one.channel, *at).advance(known)
    found = watermarks(events)
    assert sorted(found) == sorted(latest.values())
    assert {to_ms(one.occurred_at) for one in found} == {to_ms(NOON + timedelta(hours=3))}


def test_synthetic_events_move_no_watermark() -> None:
    """Nor do they hide that of others in their batch."""
    test = accepted(channel="pos", source={"system": "probe", "synthetic": True})
    other = accepted(channel="shop")
    assert watermarks([test]) == []
    assert watermarks([test, other]) == watermarks([other])


def test_the_lines_of_an_order_are_stored_by_column() -> None:
    """Every column of a line holds the values of its lines, in their order."""
    lines = [
        {"sku": "A", "kind": "product", "category": "x", "quantity": "2", "total": "4.00"},
        {"sku": "B", "kind": "service", "category": "y", "quantity": "1", "total": "3.00"},
    ]
    row = accepted("order.placed", body={"order_id": "1", "lines": lines}).row
    found = {name: list(row[f"lines.{name}"]) for name in lines[0]}
    assert [str(one) for one in found["total"]] == ["4.00", "3.00"]
    assert [str(one) for one in found["quantity"]] == ["2", "1"]
    assert (found["sku"], found["kind"], found["category"]) == (
        ["A", "B"], ["product", "service"], ["x", "y"],
    )  # fmt: skip
