"""A large invented customer base, written straight into the tables by SQL.

It bypasses ingest on purpose: only reads are measured afterwards, and a million nodes are
there in minutes. The rows have the shape that ingest gives them (a test holds the payloads to the
contract); the views fan them out. Edges are left out, because no profile read looks at them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from services.store.database import Database

REALM = "default"
ISSUERS = {
    "customer_number": "shop", "loyalty_card": "loyalty", "email": "", "cookie": "shop",
    "device_id": "app",
}  # fmt: skip
"""The nodes of every person, and whose number each is. The first is the profile's own."""
PERSONS_PER_CHUNK = 25_000
ONCE = 6
"""The first so many facts of a person are of one kind each; the kinds of the others are drawn."""
VALUES = {
    "customer_number": "concat('K', toString(100000 + person))",
    "loyalty_card": "concat('29', leftPad(toString(person), 11, '0'))",
    "email": "concat('person', toString(person), '@mail.example')",
    "cookie": "concat('c', lower(hex(sipHash64('cookie', person))))",
    "device_id": "concat('d', lower(hex(sipHash64('device', person))))",
}
# The number of facts is as skewed as in life: half the persons have 12 or fewer, one in a
# thousand some 500.
EVENTS = f"""
SELECT person, k, if(k < {ONCE}, k, {ONCE} + sipHash64(person, k, 'kind') % 20) AS slot,
    concat('e-', toString(person), '-', toString(k)) AS said,
    concat('o-', toString(person), '-', toString(k)) AS bought,
    1735689600000 + sipHash64(person, k, 'at') % 31536000000 AS ms,
    arrayMap(i -> sipHash64(person, k, i), range(1 + sipHash64(person, k, 'lines') % 18)) AS drawn,
    arrayMap(h -> toString(1000000 + h % 20000), drawn) AS skus,
    arrayMap(h -> toDecimal64(50 + intDiv(h, 65536) % 1000, 4) / 100, drawn) AS prices
FROM
(
    SELECT number AS person,
        least(1000, toUInt64(8 * pow((1 + sipHash64(number) % 1000000) / 1000000, -0.6))) AS facts
    FROM numbers({{first:UInt64}}, {{count:UInt64}})
)
ARRAY JOIN range(facts) AS k
"""


class Kind(NamedTuple):
    """One kind of event: its slots, and what stands in its envelope, columns and body (as SQL)."""

    type: str
    channel: str
    system: str
    slots: tuple[int, ...]
    named: tuple[str, ...]
    """Identifier types, the anchor first; none for an event that names nobody."""
    body: str
    columns: Mapping[str, str] = MappingProxyType({})
    event_id: str = "said"
    store: str = "''"
    where: str = "true"


def node(type_name: str) -> str:
    """SQL of the node id of a person's identifier."""
    return f"reinterpretAsUUID(sipHash128('{type_name}', person))"


def quoted(sql: str) -> str:
    """SQL of a JSON string."""
    return f"concat('\"', {sql}, '\"')"


def json_object(**members: str) -> str:
    """SQL of a JSON object; the members are SQL of JSON."""
    parts = [f"'\"{name}\":', {sql}" for name, sql in members.items()]
    return "concat('{', " + ", ',', ".join(parts) + ", '}')"


def json_array(sql: str) -> str:
    """SQL of a JSON array, of an SQL array of JSON."""
    return f"concat('[', arrayStringConcat({sql}, ','), ']')"


EACH = "arrayMap(_ -> {}, skus)"
PRICED = {
    "offers.sku": "skus", "offers.market": EACH.format("'DE'"), "offers.price": "prices",
    "offers.location": EACH.format("'300'"), "offers.basis": EACH.format("'charged'"),
    "offers.currency": EACH.format("'EUR'"), "offers.quantity": EACH.format("1"),
    "offers.terms": EACH.format("''"),
}  # fmt: skip
LINES = {
    "lines.sku": "skus", "lines.kind": EACH.format("'product'"), "lines.total": "prices",
    "lines.category": EACH.format("'SOFT DRINKS'"), "lines.quantity": EACH.format("1"),
}  # fmt: skip
JSON_LINE = json_object(
    sku=quoted("x"), quantity="'1'", unit_price=quoted("toString(y)"),
    total=quoted("toString(y)"), category="'\"SOFT DRINKS\"'",
)  # fmt: skip
JSON_LINES = json_array(f"arrayMap((x, y) -> {JSON_LINE}, skus, prices)")
ATTRIBUTES = {
    "first_name": "concat('Anna', toString(person % 997))",
    "last_name": "concat('Becker', toString(person % 4001))",
    "street": "concat('Lindenweg ', toString(person % 99))",
    "postal_code": "leftPad(toString(person % 99999), 5, '0')",
    "city": "'Dresden'",
    "language": "'de'",
}
MADE, GIVEN, CARD, TILL = "customer_number", "email", "loyalty_card", "till-backend"
CONSENT = json_object(
    purpose="'\"marketing\"'", channel="'\"email\"'", address=quoted(VALUES[GIVEN]),
    text_version="'\"2025-01\"'", double_opt_in="'true'",
)  # fmt: skip


def _order(action: str, issuer: str, order_id: str = "bought") -> dict[str, str]:
    return {
        "order_action": f"'{action}'",
        "order_issuer": f"'{issuer}'",
        "order_id": order_id,
        "order_counts": "true",
        "order_currency": "'EUR'",
        "order_value": "arraySum(prices)",
    }


def _placed(issuer: str) -> tuple[str, dict[str, str]]:
    body = json_object(
        order_id=quoted("bought"), currency="'\"EUR\"'", issuer=f"'\"{issuer}\"'", lines=JSON_LINES
    )
    return body, _order("placed", issuer) | LINES | PRICED


def _consents(action: str) -> dict[str, str]:
    said = {
        "action": f"'{action}'", "purpose": "'marketing'", "channel": "'email'",
        "address": node(GIVEN), "basis": "'consent'", "double_opt_in": "true",
        "text_version": "'2025-01'",
    }  # fmt: skip
    return {f"consents.{name}": f"[{value}]" for name, value in said.items()}


def _linked(slot: int, channel: str, system: str, *named: str) -> Kind:
    body = json_object(reason="'\"login\"'")
    return Kind("identity.linked", channel, system, (slot,), named, body)


def _viewed(slots: tuple[int, ...], channel: str, system: str, named: str) -> Kind:
    offer = json_object(sku=quoted("skus[1]"), price=quoted("toString(prices[1])"))
    seen = {name: f"arraySlice({sql}, 1, 1)" for name, sql in PRICED.items()}
    seen |= {"offers.basis": "['displayed']", "offers.quantity": "[0]"}
    body = json_object(sku=quoted("skus[1]"), offer=offer)
    return Kind("product.viewed", channel, system, slots, (named,), body, seen)


def _mailed(type_name: str, slots: tuple[int, ...], **more: str) -> Kind:
    body = json_object(
        address=quoted(VALUES[GIVEN]),
        campaign="'\"newsletter\"'",
        message_id=quoted("said"),
        **more,
    )
    return Kind(type_name, "email", "mail-service", slots, (GIVEN,), body)


KINDS = (
    _linked(0, "shop", "webshop", MADE, GIVEN, "cookie"),
    Kind(
        "profile.updated", "shop", "webshop", (1,), (MADE,),
        json_object(attributes=json_object(**{n: quoted(v) for n, v in ATTRIBUTES.items()})),
        {
            "attrs.name": f"{list(ATTRIBUTES)}",
            "attrs.value": f"[{', '.join(ATTRIBUTES.values())}]",
            "attrs.present": f"[{', '.join(['true'] * len(ATTRIBUTES))}]",
        },
    ),
    Kind("consent.given", "shop", "webshop", (2,), (MADE, GIVEN), CONSENT, _consents("given")),
    Kind(
        "consent.confirmed", "email", "mail-service", (3,), (GIVEN,), CONSENT,
        _consents("confirmed"),
    ),
    _linked(4, "pos", TILL, MADE, CARD),
    _linked(5, "app", "app-backend", MADE, "device_id"),
    _viewed((6, 7, 8, 9, 10), "shop", "webshop", "cookie"),
    _viewed((11, 12, 13), "app", "app-backend", "device_id"),
    Kind(
        "page.viewed", "shop", "webshop", (14, 15, 16), ("cookie",),
        json_object(url="'\"https://shop.example/\"'", title="'\"Startseite\"'"),
    ),
    Kind(
        "search.performed", "shop", "webshop", (17,), ("cookie",),
        json_object(query="'\"käse\"'", results="'29'"),
    ),
    _mailed("email.sent", (18, 19), purpose="'\"marketing\"'"),
    _mailed("email.opened", (20,)),
    Kind("order.placed", "pos", TILL, (21, 22, 23), (CARD,), *_placed("till"), store="'300'"),
    Kind("order.placed", "shop", "webshop", (24,), (MADE, "cookie"), *_placed("shop")),
    Kind(
        "order.status_changed", "shop", "webshop", (25,), (MADE,),
        json_object(order_id=quoted("bought"), issuer="'\"shop\"'", status="'\"shipped\"'"),
        {"order_action": "'status'", "order_issuer": "'shop'", "order_id": "bought"},
    ),
    # One till order in ten comes back to a till that does not ask who brings it: the profile's
    # reader has to follow the order to a record that names nobody.
    Kind(
        "order.returned", "pos", TILL, (21, 22, 23), (),
        json_object(order_id=quoted("bought"), issuer="'\"till\"'", return_id=quoted("event_id"),
                    currency="'\"EUR\"'", lines=JSON_LINES),
        _order("returned", "till") | LINES | {"return_id": "event_id"},
        "concat('r-', toString(person), '-', toString(k))", "'300'",
        "sipHash64(person, k, 'back') % 10 = 0",
    ),
)  # fmt: skip


def _payload(kind: Kind) -> str:
    named = [
        json_object(
            type=f"'\"{name}\"'", issuer=f"'\"{ISSUERS[name]}\"'", value=quoted(VALUES[name]),
            verified="'true'",
        )
        for name in kind.named
    ]  # fmt: skip
    return json_object(
        event_id=quoted("event_id"),
        occurred_at=quoted("concat(replaceOne(toString(at), ' ', 'T'), 'Z')"),
        channel=f"'\"{kind.channel}\"'",
        type=f"'\"{kind.type}\"'",
        identifiers=json_array(f"[{', '.join(named)}]::Array(String)"),
        source=json_object(system=f"'\"{kind.system}\"'", store=quoted(kind.store)),
        body=kind.body,
    )


def insert_sql(kind: Kind) -> str:
    """The statement that inserts all events of one kind of a chunk of persons."""
    anchor = kind.named[0] if kind.named else "record"
    columns = {
        "realm": f"'{REALM}'",
        "node": node(anchor) if kind.named else "reinterpretAsUUID(sipHash128('record', bought))",
        "event_id": "event_id",
        "version": "toUInt32(sipHash64(event_id))",
        "event_hash": "sipHash64(event_id)",
        "batch": "1",
        "occurred_at": "at",
        "corrected_at": "at",
        "received_at": "at",
        "channel": f"'{kind.channel}'",
        "type": f"'{kind.type}'",
        "intake": "'file'",
        "source_system": f"'{kind.system}'",
        "source_store": kind.store,
        "anchor_type": f"'{anchor}'",
        "anchor_verified": "true",
        "rules_version": "'1'",
        "secret_generation": "1",
        "ids.type": f"{list(kind.named)}::Array(String)",
        "ids.node": f"[{', '.join(map(node, kind.named))}]::Array(UUID)",
        "ids.verified": f"{[1] * len(kind.named)}::Array(Bool)",
        "payload": _payload(kind),
        **kind.columns,
    }
    names = ", ".join(f"`{name}`" for name in columns)
    slots = ", ".join(map(str, kind.slots))
    return f"""
INSERT INTO touchpoints ({names})
WITH {kind.event_id} AS event_id, fromUnixTimestamp64Milli(ms::Int64, 'UTC') AS at
SELECT {", ".join(columns.values())} FROM ({EVENTS}) WHERE slot IN ({slots}) AND {kind.where}
"""


def identity_sql(type_name: str) -> tuple[str, str]:
    """The statements for one node of each person: its value, and its place in the map."""
    persons = "FROM (SELECT number AS person FROM numbers({first:UInt64}, {count:UInt64}))"
    version = 1 << 48 | 1
    return (
        f"INSERT INTO node_values SELECT '{REALM}', {node(type_name)}, '{type_name}', "
        f"'{ISSUERS[type_name]}', {VALUES[type_name]}, 1 {persons}",
        f"INSERT INTO members SELECT '{REALM}', {node(MADE)}, {node(type_name)}, '{type_name}', "
        f"'person', {version} {persons}",
    )


def fill(database: Database, nodes: int, progress: Callable[[int, int], None]) -> int:
    """Write persons with so many nodes in all, and their facts; the number of persons.

    The tables must be empty. `progress` is called with (persons, persons in all).
    """
    persons = nodes // len(ISSUERS)
    statements = [insert_sql(kind) for kind in KINDS]
    statements += [sql for name in ISSUERS for sql in identity_sql(name)]
    for first in range(0, persons, PERSONS_PER_CHUNK):
        count = min(PERSONS_PER_CHUNK, persons - first)
        for sql in statements:
            database.command(sql, {"first": first, "count": count})
        progress(first + count, persons)
    return persons
