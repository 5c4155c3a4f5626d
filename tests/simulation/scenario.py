"""The events of one run: few people with many identifiers, one product, and everything that hurts.

Times tie, people share devices, numbers collide, the same events come again, earlier reports come
later, events are corrected or contradict themselves under one id, and some lines are no events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from typing import Any, NamedTuple

import orjson

from schemas.edge import Decision, Verdict
from schemas.incident import AnyIncident
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import from_ms
from schemas.records import ActionRecord, DecisionRecord
from schemas.rules.identity import IdentityRules, identity_rules
from services.consistency.adapters.memory import MemoryStore
from services.consistency.kinds import KINDS
from services.consistency.rules import ConsistencyRules
from services.consistency.writer import ConsistencyWriter
from services.ingest.core.event_processor import EventProcessor, Realm
from services.ingest.core.outcome import Accepted, Intake
from services.stream.claim_records import action_outgoing
from services.stream.ports import Outgoing
from tests.customer_kind import WITH_CUSTOMERS
from tests.events import core, identifier
from tests.planted import planters
from tests.simulation.stores import UNSTORABLE

REALMS = ("default", "outlet")
SHOP, POS = "touchpoints.shop", "touchpoints.pos"
TOPICS = {
    SHOP: 2,
    POS: 2,
    "c360.edges": 2,
    "c360.offers": 3,
    "c360.rejected": 2,
    "c360.profile-changes": 2,
    "c360.alerts": 2,
}
BEGIN = datetime(2026, 3, 5, tzinfo=UTC)
"""When a run begins, in virtual time; events are said to be up to three days older."""
STEP = timedelta(hours=6)
TRAFFIC_S = 5.0
QUICK: dict[str, Any] = {
    "max_age_hours": 30,
    "published_max_age_days": 5,
    "reopen_within_hours": 12,
    "grace_start_hours": {"shop": 6, "app": 0, "pos": 12, "default": 6},
    "grace_end_hours": {"shop": 6, "app": 12, "pos": 0, "default": 0},
}
Json = dict[str, Any]


class Sent(NamedTuple):
    """One record on its way to a topic."""

    at_s: float
    record: Outgoing


@cache
def rules() -> IdentityRules:
    """Rules under which a handful of neighbours makes a hub."""
    return identity_rules().model_copy(update={"hub_above": 6, "hub_above_personal": 3})


@cache
def price_rules() -> ConsistencyRules:
    """Rules under which an incident comes and goes within hours."""
    return ConsistencyRules.of(QUICK, WITH_CUSTOMERS)


@cache
def ingest_core() -> EventProcessor:
    """The one core of all processes: it is pure."""
    germany = Realm("DE", "EUR")
    return core(rules=rules(), realms=dict.fromkeys(REALMS, germany), kinds=WITH_CUSTOMERS)


def mixture_of(seed: int) -> Sequence[str]:
    """The kinds of events of a run: some runs are about all kinds of incidents, the others draw
    theirs."""
    if seed % 10 == 7:
        return ("store",) * 4 + ("case",) * 4 + ("price", "login")
    if seed % 10 == 5:
        return ("edition",) * 9 + ("price",)
    return ("planted",) * 9 + ("login",) if seed % 10 == 3 else ()


class Scenario:
    """Makes what is sent. `sent` is in the order of sending."""

    def __init__(self, rng: Random, kinds: Sequence[str] = ()) -> None:
        """`kinds` of events, each as often as it shall come; any mixture if there are none."""
        self._rng = rng
        self._people = rng.randint(2, 4)
        self._kinds = kinds or rng.choice(
            (
                ("login",) * 6 + ("price",) * 5 + ("speak",) * 2,
                ("login",) * 9 + ("speak",),
                ("login",) * 4 + ("city",) * 6,
                ("price",) * 9 + ("login",),
            )
        )
        self._is_in_order = rng.random() < 0.5
        self._events: list[Json] = []
        self._plants: list[Json] = []
        count = rng.randint(15, 40)
        for number in range(count):
            self._events.append(self._event(number))
        lines = [*self._events, *self._returning()]
        rng.shuffle(lines)
        if self._is_in_order:  # event time then comes on little by little, and prices fall due
            lines.sort(key=lambda fields: str(fields["occurred_at"]))
        sent = [self._touchpoint(fields) for fields in lines]
        if self._is_in_order:
            times = sorted(one.at_s for one in sent)
            sent = [Sent(at_s, one.record) for at_s, one in zip(times, sent, strict=True)]
        sent += [self._poison() for _ in range(rng.choice((0, 0, 1, 3)))]
        sent += [self._decision() for _ in range(rng.choice((0, 0, 2)))]
        sent += self._actions(rng.choice((0, 1, 3)))
        self.sent = sorted(sent, key=lambda one: one.at_s)

    def _event(self, number: int) -> Json:
        rng = self._rng
        kind = rng.choice(self._kinds)
        fields: Json = getattr(self, f"_{kind}")()
        prefix = UNSTORABLE if rng.random() < 0.02 else "e"
        usual: Json = {
            "event_id": f"{prefix}-{number:02}",
            "occurred_at": (BEGIN - STEP * rng.randint(1, 12)).isoformat(),
            "realm": rng.choice(("default", "default", "outlet")),
            "source": {"system": "webshop", "store": rng.choice(("", "S1"))},
        }
        return usual | fields

    def _someone(self) -> list[Json]:
        """One person's identifiers as an event names them, sometimes with another person's."""
        rng = self._rng
        who = rng.randrange(self._people)
        pool = [
            identifier("customer_number", f"10{who}", issuer="shop", verified=rng.random() < 0.8),
            identifier("email", f"p{who}@example.com", verified=rng.random() < 0.7),
            identifier("loyalty_card", f"77{who}", issuer="shop", verified=rng.random() < 0.9),
            identifier("cookie", f"c-{rng.randrange(self._people + 1)}", issuer="shop"),
            identifier("device_id", f"d-{who // 2}", issuer="shop"),
            identifier("session", f"s-{rng.randrange(8)}", issuer="shop"),
        ]
        named = rng.sample(pool, rng.randint(1, 3))
        if rng.random() < 0.1:
            other = (who + 1) % self._people
            named.append(identifier("email", f"p{other}@example.com", verified=True))
        return named

    def _login(self) -> Json:
        return {
            "type": "identity.linked",
            "channel": "shop",
            "identifiers": self._someone(),
            "body": {"reason": "login"},
        }

    def _speak(self) -> Json:
        person = {"channel": "shop", "identifiers": self._someone()}
        body: Json = {"purpose": "marketing", "channel": "email", "text_version": "1"}
        attributes = {"attributes": {"city": self._rng.choice(("Berlin", "Bonn"))}}
        return person | self._rng.choice(
            (
                {"type": "consent.given", "body": body},
                {"type": "consent.withdrawn", "body": body},
                {"type": "profile.updated", "body": attributes},
            )
        )

    def _city(self) -> Json:
        """A channel says where somebody lives."""
        return {
            "type": "profile.updated",
            "channel": self._rng.choice(("shop", "pos")),
            "identifiers": self._someone(),
            "body": {"attributes": {"city": self._rng.choice(("Berlin", "Bonn"))}},
        }

    def _store(self) -> Json:
        """A channel publishes data of a store; the day of a holiday passes within the run."""
        rng = self._rng
        body: Json = {"store": rng.choice(("S1", "S1", "S2"))}
        body |= rng.choice(
            (
                {"phone": rng.choice(("030 901820", "+49 30 901820", "030 901821"))},
                {"address": rng.choice(("Hauptstr. 5", "Hauptstraße 5, Bonn", "Am Markt 1"))},
                {"opening_hours": {"Mo-Di": rng.choice(("9-20", "9-18 Uhr", "closed"))}},
                {"holiday_hours": {"2026-03-04": rng.choice(("9-13", "closed"))}},
            )
        )
        channel = rng.choice(("shop", "pos"))
        return {"type": "store.published", "channel": channel, "identifiers": [], "body": body}

    def _case(self) -> Json:
        """Somebody asks or answers in a case; customers do so in the shop, staff anywhere."""
        rng = self._rng
        kind = rng.choice(("support.contacted", "support.answered", "complaint.opened"))
        body = {"case_id": rng.choice(("C1", "C2", "C3"))}
        channel = rng.choice(("shop", "shop", "pos"))
        return {"type": kind, "channel": channel, "identifiers": self._someone(), "body": body}

    def _planted(self) -> Json:
        """An event of a contradiction of any kind: one kind and one subject for a run, mostly."""
        rng = self._rng
        if not self._plants or rng.random() < 0.1:
            plant = rng.choice(list(planters().values()))
            self._plants = plant(BEGIN, rng.choice("AB")).events
        fields = rng.choice(self._plants)
        people = self._someone() if fields["identifiers"] and rng.random() < 0.3 else []
        return {
            "type": fields["type"],
            "channel": fields["channel"],
            "identifiers": fields["identifiers"] + people,
            "body": fields["body"],
        }

    def _price(self) -> Json:
        rng = self._rng
        sku, price = rng.choice(("A", "A", "B")), rng.choice(("8.00", "10.00", "10.00"))
        offer: Json = {"sku": sku, "price": price}
        if rng.random() < 0.3:
            begin = BEGIN - STEP * rng.randint(0, 10)
            offer |= {"valid_from": begin.isoformat(), "valid_to": (begin + 3 * STEP).isoformat()}
        lines = [{"sku": sku, "quantity": "1", "unit_price": price, "total": price}]
        order = {"order_id": f"o-{rng.randrange(100)}", "lines": lines}
        return rng.choice(
            (
                {"type": "offer.published", "channel": "shop", "identifiers": [], "body": offer},
                {"type": "offer.published", "channel": "pos", "identifiers": [], "body": offer},
                {
                    "type": "product.viewed",
                    "channel": "shop",
                    "identifiers": self._someone(),
                    "body": {"sku": sku, "offer": offer},
                },
                {"type": "order.placed", "channel": "pos", "identifiers": [], "body": order},
            )
        )

    def _edition(self) -> Json:
        """An offer in one of three editions of a price list, or the word that one is complete."""
        rng = self._rng
        edition = rng.randrange(3)
        named = {"price_list_id": "nightly", "price_list_edition": str(edition)}
        at = (BEGIN - STEP * (12 - 3 * edition - rng.randint(0, 2))).isoformat()
        sent = {"channel": "shop", "identifiers": [], "occurred_at": at}
        chance = rng.random()
        if chance < 0.3:
            body = named | {"offers": rng.choice((1, 1, 2))}
            return sent | {"type": "price_list.completed", "body": body}
        offer: Json = {"sku": rng.choice("AAB"), "price": rng.choice(("8.00", "9.00"))}
        if chance < 0.5:
            return sent | {"type": "offer.published", "channel": "pos", "body": offer}
        return sent | {"type": "offer.published", "body": offer | named}

    def _returning(self) -> list[Json]:
        """Events that come again: the same, as another report, corrected, or contradicting."""
        rng, found = self._rng, list[Json]()
        for fields in self._events:
            chance = rng.random()
            if chance < 0.15:
                found.append(fields)
            elif chance < 0.35:  # another report of the same identifiers, earlier or later
                occurred_at = (BEGIN - STEP * rng.randint(1, 12)).isoformat()
                again = {"event_id": f"{fields['event_id']}-again", "occurred_at": occurred_at}
                found.append(fields | again)
            elif chance < 0.38:
                found.append(fields | {"revision": 1, "identifiers": self._again(fields)})
            elif chance < 0.42:
                found += [fields | self._corrected(fields) for _ in range(rng.randint(1, 2))]
            elif chance < 0.45:
                found.append(fields | {"source": {"system": "webshop", "till": "9"}})
        return found

    def _corrected(self, fields: Json) -> Json:
        """Another body, on the same channel: it may say something else of somebody else."""
        made = (getattr(self, f"_{self._rng.choice(self._kinds)}")() for _ in range(20))
        fitting = (one for one in made if one["channel"] == fields["channel"])
        again = {"occurred_at": fields["occurred_at"], "revision": self._rng.choice((1, 2))}
        return next(fitting, fields) | again

    def _again(self, fields: Json) -> list[Json]:
        return self._someone() if fields["identifiers"] else []

    def _touchpoint(self, fields: Json) -> Sent:
        topic = SHOP if fields["channel"] == "shop" else POS
        key = fields["event_id"].encode()
        return self._sent(Outgoing(topic, orjson.dumps(fields), key))

    def _poison(self) -> Sent:
        value = self._rng.choice(
            (b"not json", b"", None, b'{"type": "no.such"}', b'{"event_id": "x", "realm": "mars"}')
        )
        headers = (("trace", b"1"),)
        return self._sent(Outgoing(SHOP, value, b"%d" % self._rng.randrange(9), headers=headers))

    def _decision(self) -> Sent:
        """A person's word on two identifiers that some events name."""
        rng = self._rng
        nodes = sorted(
            {
                (event.realm, node)
                for fields in self._events
                if isinstance(event := process(orjson.dumps(fields), BEGIN), Accepted)
                for edge in event.edges
                for node in (edge.a, edge.b)
            }
        )
        realm = rng.choice(REALMS)
        mine = [node for name, node in nodes if name == realm]
        if len(mine) < 2:
            return self._poison()
        a, b = sorted(rng.sample(mine, 2))
        verdict = rng.choice((Verdict.SAME, Verdict.DIFFERENT, Verdict.NONE))
        decision = Decision(a, b, verdict, "ann", "", rng.randint(0, 3))
        value = DecisionRecord.of(realm, decision).model_dump_json().encode()
        return self._sent(Outgoing("c360.edges", value, realm.encode()))

    def _actions(self, count: int) -> list[Sent]:
        """What people do with incidents that some events make; some of it is sent twice."""
        rng, sent = self._rng, list[Sent]()
        found = [incident for realm in REALMS for incident in self._incidents(realm)]
        for _ in range(count if found else 0):
            incident = rng.choice(found)
            action = rng.choice(list(ActionKind))
            ends = action is ActionKind.MUTE and rng.random() < 0.7
            entry = IncidentAction(
                incident_id=incident.incident_id,
                action=action,
                by=rng.choice(("ann", "bob")),
                reason="known",
                until=BEGIN - STEP * rng.randint(-1, 12) if ends else None,
                acted_at=from_ms(rng.randint(0, 3)),
            )
            record = ActionRecord.of(KINDS.book_of(incident), entry)
            outgoing = action_outgoing(record, TOPICS["c360.offers"])
            sent += [self._sent(outgoing) for _ in range(rng.choice((1, 1, 2)))]
        return sent

    def _incidents(self, realm: str) -> list[AnyIncident]:
        """The incidents of a realm if every event is in time and none is corrected."""
        claims = [
            claim
            for fields in self._events
            if isinstance(event := process(orjson.dumps(fields), BEGIN), Accepted)
            for claim in event.claims
            if claim.book.realm == realm
        ]
        writer = ConsistencyWriter(MemoryStore(), price_rules(), realm=realm)
        return writer.apply(claims, BEGIN)

    def _sent(self, record: Outgoing) -> Sent:
        return Sent(self._rng.random() * TRAFFIC_S, record)


@lru_cache(maxsize=1_000)
def process(line: bytes, received_at: datetime) -> Any:
    """What becomes of a line: `Accepted` or `Reject`."""
    return ingest_core().process(line, received_at, Intake.SERVER)
