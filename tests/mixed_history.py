"""What is drawn at random of everything that changes identities: events of few people with many
identifiers, what people decide about these, other rules, and whom to erase.

Whoever plays a history draws from here, on a data directory or with workers on a log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import as_uuid, node_id
from schemas.instants import to_ms
from schemas.placement import ProfileKind
from schemas.records import DecisionRecord, ErasureRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE
from services.store.database import Database
from services.store.profile_map import ProfileMap
from tests.events import SECRET, event, identifier, line

REALM = "default"
PACKAGED = rules_text(RULES_FILE)
MARKETING = {"purpose": "marketing", "channel": "email"}
IDENTIFIERS = [
    *(identifier("customer_number", str(n), issuer="shop") for n in (90001001, 90001002, 90001003)),
    *(identifier("email", f"zq.{name}@mail.example") for name in "abcd"),
    *(identifier("loyalty_card", f"8800{n}", issuer="shop") for n in (71, 72, 73)),
    *(identifier("phone", f"+49302312501{n}") for n in range(3)),
    *(identifier("payment_token", f"token-zq-{n}", issuer="bank") for n in range(2)),
    *(identifier("device_id", f"tablet-zq-{n}") for n in range(3)),
    *(identifier("cookie", f"cookie-zq-{n}") for n in range(4)),
]
BODIES: list[tuple[str, dict[str, Any]]] = [
    ("identity.linked", {"reason": "login"}),
    ("identity.linked", {"reason": "login"}),
    ("identity.linked", {}),
    ("page.viewed", {}),
    ("page.viewed", {}),
    ("search.performed", {}),
    ("email.delivered", {}),
    ("email.opened", {}),
    ("email.clicked", {"single_use_token": True}),
    ("profile.updated", {"attributes": {"city": "Bonn"}}),
    ("profile.updated", {"attributes": {"city": "Jena"}}),
    ("consent.given", MARKETING),
    ("objection.made", MARKETING),
    ("order.placed", {}),
    ("message.sent", {"purpose": "marketing"}),
]


def rules(version: str, unique: str = "", **limits: int) -> str:
    """The packaged rules with other limits, or a type unique; anchors stay what they were."""
    text = re.sub(r"(?m)^version = .*$", f'version = "{version}"', PACKAGED)
    for name, value in limits.items():
        text, found = re.subn(rf"(?m)^{name} = \d+", f"{name} = {value}", text, count=1)
        assert found == 1
    head = f'name = "{unique}"\nkind = "personal"'
    assert not unique or head in text
    return text.replace(head, f"{head}\nunique = true") if unique else text


RULES = [
    PACKAGED,
    rules("cards", unique="loyalty_card"),
    rules("addresses", unique="email"),
    rules("two", hub_above=2),
    rules("alone", hub_above_personal=1),
    rules("slow", suspicious_above=1, suspicious_above_shareable=2),
    rules("both", unique="loyalty_card", hub_above=3),
]


def node_of(one: dict[str, Any]) -> Node:
    """The node of an identifier as events name it."""
    type_name, issuer, value = one["type"], one["issuer"], one["value"]
    return Node(node_id(SECRET, REALM, type_name, issuer, value), type_name, issuer)


VALUES = {node_of(one).id: str(one["value"]) for one in IDENTIFIERS}
"""The values of all identifiers."""
NODES = {node_of(one).id: node_of(one) for one in IDENTIFIERS}


def drawn_event(
    rng: Random,
    number: int,
    since: datetime,
    hours: int,
    *,
    public: bool,
    among: Sequence[dict[str, Any]] = IDENTIFIERS,
    bodies: Sequence[tuple[str, dict[str, Any]]] = BODIES,
) -> bytes:
    """The line of an event of that number, which occurred in one of the hours from an instant on
    and names some of the identifiers. With a public write key somebody only looks at a page."""
    type_name, body = rng.choice(bodies)
    if public:
        type_name, body = "page.viewed", {}
    named = [
        {**one, "verified": rng.random() < 0.7}
        for one in rng.sample(among, rng.choice((1, 2, 2, 3)))
    ]
    if type_name == "order.placed":
        body = {"order_id": f"O-{number}", "lines": [{"sku": "A", "total": "5.00"}]}
    at = since + timedelta(hours=rng.randrange(hours))
    sent = event(
        type_name, event_id=f"e-{number}", identifiers=named, body=body,
        channel="email" if type_name.startswith(("email.", "message.")) else "shop",
        occurred_at=at.isoformat(),
    )  # fmt: skip
    return line(sent)


def drawn_decision(rng: Random, number: int, now: datetime) -> DecisionRecord:
    """What somebody decides about a pair, or decided some days ago."""
    a, b = sorted(rng.sample(list(NODES.values()), 2), key=lambda node: node.id)
    verdict = rng.choice((Verdict.SAME, Verdict.SAME, Verdict.DIFFERENT, Verdict.NONE))
    ago = timedelta(hours=rng.choice((0, 0, 1, 24, 72)))
    made = Decision(a, b, verdict, rng.choice(("ann", "bob")), "", to_ms(now - ago) + number)
    return DecisionRecord.of(REALM, made)


def drawn_erasure(rng: Random, database: Database, now: datetime) -> ErasureRecord | None:
    """The erasure of a profile as it is stored; None of nobody, or of what several use."""
    stored = database.rows("SELECT DISTINCT node FROM node_values ORDER BY node")
    if not stored:
        return None
    node = rng.choice(stored)[0].int
    mapped = ProfileMap(database)
    placed = mapped.placements_of(REALM, [node]).get(node)
    if placed is not None and placed.kind is ProfileKind.SHARED:
        return None
    profile = node if placed is None else placed.profile
    nodes = sorted(mapped.members_of(REALM, [profile]).holder)
    return ErasureRecord(realm=REALM, nodes=list(map(as_uuid, nodes)), erased_ms=to_ms(now))
