"""Equal facts, equal everything: corrections leave nothing of what they replace (real engine).

Events come with several bodies that lose, move and regain lines, prices, attributes, consents,
identifiers and orders: in any order, twice, in any batches, with restarts and kills. The state must
be that of a store which was only ever sent the bodies that count. Edges only ever grow (identity
does not take back that two identifiers were seen together), so every pair is named beforehand.

The workers are tried with the same kind of events in tests/simulation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.api.digest import state_digest
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import ProfileReader, personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.settings import RealmSettings
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, core, event, identifier, line
from tests.integration.test_recovery import Killed, pipeline
from tests.tiers import always

Json = dict[str, Any]
REALM = RealmSettings()
ANNA = [
    identifier("customer_number", "1001", issuer="shop", verified=True),
    identifier("email", "anna@example.com", verified=True),
    identifier("loyalty_card", "77", issuer="shop", verified=True),
]
BEN = [identifier("customer_number", "1002", issuer="shop", verified=True)]
PLACE = {"system": "webshop"}


def frame() -> list[Json]:
    """Every pair of identifiers before, and on both channels the end of time after."""
    pairs = [
        event("identity.linked", event_id=f"a-{n}", identifiers=list(pair), body={},
              occurred_at="2026-10-01T00:00:00Z")
        for n, pair in enumerate([*combinations(ANNA, 2), BEN])
    ]  # fmt: skip
    ends = [
        event(event_id=f"z-{channel}", channel=channel, occurred_at="2026-11-20T00:00:00Z")
        for channel in ("shop", "pos")
    ]
    return [*pairs, *ends]


def body(rng: random.Random) -> Json:
    """One body of an event: what it says, of whom, when."""
    sku, price = rng.choice(("A", "A", "B")), rng.choice(("8.00", "10.00", "13.00"))
    number = f"O-{rng.randrange(3)}"
    lines = [
        {"sku": rng.choice(("A", "B")), "unit_price": price, "total": price}
        for _ in range(rng.randrange(4))
    ]
    said: list[tuple[str, Json]] = [
        ("order.placed", {"order_id": number, "lines": lines}),
        ("order.placed", {"order_id": number, "receipt_kind": "void", "lines": lines}),
        ("offer.published", {"sku": sku, "price": price}),
        ("offer.published", {"sku": "A", "price": price}),
        ("product.viewed", {"sku": "A", "offer": {"sku": "A", "price": price}}),
        ("order.placed", {"order_id": "V", "receipt_kind": "void", "voids": number}),
        ("order.placed", {"order_id": "U", "receipt_kind": "void", "lines": lines}),
        ("order.cancelled", {"order_id": number, "lines": lines}),
        ("order.cancelled", {"order_id": number}),
        ("order.returned", {"order_id": number, "return_id": "R", "lines": lines}),
        ("profile.updated", {"attributes": {"city": rng.choice(("Bonn", "Köln", None))}}),
        ("consent.given", {"purpose": "marketing", "channel": "email"}),
        ("consent.withdrawn", {"purpose": "marketing", "channel": "email"}),
        ("survey.answered", {"kind": "nps", "answers": [{"question": "q", "score": 9}]}),
        ("page.viewed", {"url": "/"}),
    ]
    type_, content = rng.choice(said)
    nameless = type_.startswith(("order.", "offer.")) and rng.random() < 0.4
    who = rng.choice((rng.sample(ANNA, rng.randint(1, 3)), BEN))
    return event(
        type_,
        body=content,
        identifiers=[] if nameless else who,
        channel=rng.choice(("shop", "pos")),
        source=PLACE | {"synthetic": rng.random() < 0.1},
        occurred_at=f"2026-11-{rng.randint(1, 9):02}T10:00:00Z",
    )


def histories(rng: random.Random) -> list[Json]:
    """Events with one to four bodies each; some share a revision."""
    return [
        body(rng) | {"event_id": f"e-{number}", "revision": rng.choice((0, 0, 1, 2))}
        for number in range(rng.randint(2, 7))
        for _ in range(rng.randint(1, 4))
    ]


def that_count(bodies: list[Json]) -> list[Json]:
    """Of each event the body of the highest version."""
    found: dict[str, tuple[int, Json]] = {}
    for one in bodies:
        said = core().process(line(one), RECEIVED_AT)
        assert isinstance(said, Accepted), said
        if said.version >= found.get(said.event_id, (0, one))[0]:
            found[said.event_id] = (said.version, one)
    return [one for _, one in found.values()]


def batches(rng: random.Random, bodies: list[Json]) -> Iterator[list[Json]]:
    """All bodies in any order, some twice."""
    arriving = bodies + rng.sample(bodies, len(bodies) // 2)
    rng.shuffle(arriving)
    size = rng.choice((1, 2, 3, 7, len(arriving)))
    for start in range(0, len(arriving), size):
        yield arriving[start : start + size]


def send(database: Database, rng: random.Random, bodies: list[Json]) -> None:
    """Through the embedded pipeline, which is restarted and killed now and then."""
    running = pipeline(database)
    for batch in batches(rng, bodies):
        sent = [Line(line(one), len(line(one))) for one in batch]
        if rng.random() < 0.2:
            killed = pipeline(database, batches_left=0)
            with pytest.raises(Killed):
                killed.finish(killed.decode(sent, Intake.FILE))
            running = pipeline(database)
        if rng.random() < 0.3:
            running = pipeline(database)
        running.recover()
        running.finish(running.decode(sent, Intake.FILE))
        if rng.random() < 0.3:
            running.tick()
    running.tick()


def digest(database: Database) -> dict[str, str]:
    """The state, section by section."""
    reader = ProfileReader(
        database, {"default": REALM}, profile_rules(), identity_rules(), lambda: RECEIVED_AT
    )
    return state_digest(database, reader)


@pytest.mark.parametrize("seed", always({1, 2}, range(5)))
def test_equal_facts_equal_everything(database: Database, seed: int) -> None:
    """The digest after all bodies is the digest after those alone that count."""
    rng = random.Random(seed)
    bodies = histories(rng)
    states = []
    for sent in (that_count(bodies), bodies):
        empty_tables(database)
        register_realms(database, {"default": REALM}, personal_types(identity_rules()))
        # First the frame, so that no time is judged before all of it is known.
        run = pipeline(database)
        first = [Line(line(one), len(line(one))) for one in frame()]
        run.finish(run.decode(first, Intake.FILE))
        send(database, rng, sent)
        states.append(digest(database))
    assert states[0] == states[1], bodies


@pytest.mark.parametrize("void_first", [False, True])
def test_a_voided_receipt_leaves_no_incident(database: Database, void_first: bool) -> None:
    """A receipt above the shown price opens an incident, and its void takes that back."""
    register_realms(database, {"default": REALM}, personal_types(identity_rules()))
    usual: Json = {"identifiers": [], "source": PLACE}
    shown = event(
        "offer.published",
        body={"sku": "A", "price": "10.00"},
        occurred_at="2026-11-01T10:00:00Z",
        **usual,
    )
    lines = [{"sku": "A", "unit_price": "32.41", "total": "32.41"}]
    paid = event(
        "order.placed",
        channel="pos",
        body={"order_id": "R", "lines": lines},
        occurred_at="2026-11-09T10:00:00Z",
        **usual,
    )
    void = paid | {"revision": 1, "body": paid["body"] | {"receipt_kind": "void"}}
    open_ = []
    for batch in ([*frame(), shown], *([[void], [paid]] if void_first else [[paid], [void]])):
        run = pipeline(database)
        run.finish(run.decode([Line(line(one), len(line(one))) for one in batch], Intake.FILE))
        run.tick()
        sql = "SELECT count() FROM incident_states FINAL WHERE state != 'retracted'"
        open_.append(database.rows(sql)[0][0])
    assert open_ == ([0, 0, 0] if void_first else [0, 1, 0])
