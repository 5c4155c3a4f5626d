"""Whatever strangers send with a public write key, known customers stay as they were.

A generated crowd of strangers names the customers' identifiers in every public event type, under
the ids of the customers' own events, in any volume, before, between and after these. Everything
read of the customers must equal what it is without the strangers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from schemas.examples import EXAMPLES
from schemas.profile import Profile
from schemas.rules.identity import IdentifierKind, identity_rules
from schemas.rules.profile import profile_rules
from schemas.touchpoint import PUBLIC_TYPES
from services.ingest.adapters.audit import StoreAudit
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import ProfileReader, personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.batching import bounded
from services.runtime.settings import RealmSettings
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, core, event, identifier, line, order
from tests.integration.test_recovery import pipeline
from tests.tiers import LONG

REALM = "default"
CUSTOMERS = 6
STRANGERS = 5
ATTACKS = 1_200
FLOOD = 260
"""More than any degree limit, on each identifier of one customer."""
BATCH = 400
TYPES = identity_rules().type
Json = dict[str, Any]
Sent = tuple[Intake, Json]


class Known(NamedTuple):
    """What is read of the customers."""

    profiles: dict[int, Profile]
    placements: list[tuple[Any, ...]]
    facts: list[tuple[Any, ...]]


def names_of(customer: int) -> list[Json]:
    """One identifier of each personal and reference type, and a second one of some: which of two
    gives a profile its id depends on their times."""
    special = {"email": f"kunde{customer}@example.com", "phone": f"+49302312501{customer}"}
    first = [
        identifier(row.name, special.get(row.name, f"{row.name}-{customer}"), issuer="shop")
        for row in TYPES
        if row.kind is not IdentifierKind.DEVICE
    ]
    return [
        *first,
        identifier("app_user", f"second-{customer}", issuer="shop"),
        identifier("email", f"zweit{customer}@example.com"),
        identifier("phone", f"+49302312502{customer}"),
    ]


def own_events() -> list[Sent]:
    """What the retailer's systems send of their customers."""
    events: list[Json] = []
    for customer in range(CUSTOMERS):
        names = [one | {"verified": True} for one in names_of(customer)]
        device = identifier("cookie", f"random-{customer}", issuer="shop")
        source = {"system": "webshop"}
        said: Json = {"attributes": {"city": f"Town {customer}", "first_name": "Anna"}}
        consent = {"purpose": "marketing", "channel": "email"}
        events += [
            event("identity.linked", body={"reason": "login"}, identifiers=[*names, device]),
            event("profile.updated", body=said, identifiers=names[:2]),
            event("consent.confirmed", body=consent, identifiers=[names[0], names[3]]),
            order(f"O-{customer}", "10.00", "5.00", identifiers=[names[0]], source=source),
            event("page.viewed", identifiers=[device]),
        ]
    return [
        (Intake.SERVER, one | {"event_id": f"own-{number}"}) for number, one in enumerate(events)
    ]


def attacks(seed: int) -> Iterator[Sent]:
    """Random events of strangers, and a flood over all identifiers of one customer."""
    rng = Random(seed)
    victims = [one | {"verified": True} for n in range(CUSTOMERS) for one in names_of(n)]
    for number in range(ATTACKS):
        yield Intake.PUBLIC, attack(rng, number, rng.sample(victims, rng.randint(0, 5)))
    for number in range(FLOOD):
        yield Intake.PUBLIC, attack(rng, number, names_of(1)) | {"event_id": f"flood-{number}"}


def attack(rng: Random, number: int, named: list[Json]) -> Json:
    """One event of a stranger: any public type, some victims, and perhaps a device of his own."""
    sent = copy.deepcopy(EXAMPLES[rng.choice(sorted(PUBLIC_TYPES))])
    device = rng.choice([row.name for row in TYPES if row.kind is IdentifierKind.DEVICE])
    own = identifier(device, f"stranger-{number % (STRANGERS * 50)}", verified=True)
    identifiers = [*named, *([own] if rng.random() < 0.8 else [])]
    rng.shuffle(identifiers)
    for one in ("address", "order_id"):
        if one in sent["body"]:
            sent["body"][one] = "kunde1@example.com" if one == "address" else "O-1"
    taken = rng.random() < 0.5
    if "attributes" in sent["body"] and taken:
        sent["body"]["attributes"] = {"city": None, "first_name": None}
    return sent | {
        "occurred_at": rng.choice(["2000-01-01T00:00:00Z", sent["occurred_at"]]),
        "from_public_key": rng.choice([False, True]),
        "event_id": f"own-{rng.randrange(CUSTOMERS * 5)}" if taken else f"attack-{number}",
        "revision": rng.choice([0, 0, 1, 9]),
        "identifiers": identifiers[:20],
        "source": {"system": rng.choice(["webshop", "crm", "till"])},
    }


def known_after(database: Database, sent: list[Sent]) -> Known:
    """What is read of the customers when all of it was processed and the store was repaired."""
    empty_tables(database)
    realms = {REALM: RealmSettings()}
    register_realms(database, realms, personal_types(identity_rules()))
    run = pipeline(database)
    for part in bounded(sent, BATCH):
        for intake in (Intake.PUBLIC, Intake.SERVER):
            lines = [line(one) for way, one in part if way is intake]
            if lines:
                run.finish(run.decode([Line(one, len(one)) for one in lines], intake))
    audit = StoreAudit(database)
    audit.keep_one_anchor(list(audit.double_anchors()))
    rules = identity_rules()
    reader = ProfileReader(database, realms, profile_rules(), rules, lambda: RECEIVED_AT)
    outcomes = [core().process(line(one), RECEIVED_AT, Intake.SERVER) for _, one in own_events()]
    nodes = {node.id for one in outcomes if isinstance(one, Accepted) for node, _ in one.values}
    held = reader.resolve(REALM, sorted(nodes))
    return Known(
        {node: reader.profile(REALM, node) for node in sorted(nodes)},
        sorted((node, *one) for node, one in held.items()),
        database.rows(
            "SELECT event_id, node, version, intake FROM touchpoints FINAL "
            "WHERE intake != 'public' ORDER BY event_id"
        ),
    )


@pytest.mark.parametrize(
    ("when", "seed"),
    [pytest.param("before", 0, marks=LONG), ("between", 1), pytest.param("after", 2, marks=LONG)],
)
def test_strangers_change_no_customer(database: Database, when: str, seed: int) -> None:
    """Nobody is merged, read, renamed, objected for, opted in, split or made shared, and no event
    id or order is taken."""
    own, strangers = own_events(), list(attacks(seed))
    mixed = {"before": [*strangers, *own], "after": [*own, *strangers], "between": own + strangers}
    if when == "between":
        Random(seed).shuffle(mixed[when])
    undisturbed = known_after(database, own)
    assert len(undisturbed.facts) == len(own)
    assert {one.kind for one in undisturbed.profiles.values()} == {"person"}
    attacked = known_after(database, mixed[when])
    assert attacked.facts == undisturbed.facts
    assert attacked.placements == undisturbed.placements
    assert attacked.profiles == undisturbed.profiles
    [(public,)] = database.rows("SELECT count() FROM touchpoints FINAL WHERE intake = 'public'")
    assert public > ATTACKS // 3
