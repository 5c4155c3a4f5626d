"""Everything that changes identities, mixed at random, on real brokers, with real workers that are
killed in between.

Some dozens of persons share devices and cards. Their events come twice, late and among broken
lines; people decide, withdraw, apply other rules (also in the place of some that are being
applied), suppress, lift and erase. Meanwhile workers get SIGKILL, and groups are set back. In the
end everything is sent again: the map is `resolve` of what is stored, all that the ledgers let stand
is stored, what is published is what is stored, and receipts hold.

`FUZZ_SEED=<seed> pytest tests/e2e/test_operations_on_kafka.py` plays one seed; what was done is in
the failure, and what the workers said in their logs.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.edge import Node
from schemas.identifiers import NodeId, as_uuid
from schemas.topics import CATALOGUE
from services.erasure.adapters.orders import ErasureOrders
from services.erasure.adapters.runs import ErasureRuns
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake
from services.ingest.ledger import Ledger
from services.runtime.settings import Settings
from services.store.database import Database, open_server
from services.store.rules_in_force import ClickHouseRules, FollowedRules
from services.store.suppressions import Suppressions
from services.stream.ports import Outgoing
from services.stream.producer import Producer
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.accounts import alerts_astray, dead_letters, profile_changes_astray
from tests.e2e.distributed import SERVICES, Distributed, Worker
from tests.e2e.runs import wait_for
from tests.events import SECRET, event, identifier, line
from tests.kafka import kafka_settings, renew_catalogue
from tests.mixed_checks import (
    FACTS,
    KEPT_SALE,
    decisions_of,
    edges_of,
    require_forgotten,
    require_resolved,
)
from tests.mixed_history import REALM, RULES, drawn_event, node_of
from tests.tiers import always

SEEDS = range(6)
FUZZ_SEED = os.environ.get("FUZZ_SEED")
HOUSEHOLDS = 9
HOURS = 72
"""Events are said to be up to so much older than they are."""
DONE, REFUSED, NOT_THERE, UNDER_WAY = 0, 1, 4, 75
SETTINGS: dict[str, Any] = {
    "C360_IDENTITY_SECRET": SECRET.decode(),
    # Events are of now, so each tick is a record: on a busy machine the topics would have no end at
    # which all stand still. Time passes by the command at the end.
    "C360_TICK_INTERVAL_S": "600",
}
SUPPRESSED_SQL = """SELECT DISTINCT node FROM suppressions WHERE node IN (
    SELECT node FROM node_values UNION ALL SELECT arrayJoin(`ids.node`) FROM touchpoints FINAL)"""
RUNS_SQL = "SELECT erasure_id, nodes FROM erasure_runs FINAL ORDER BY erasure_id"


def household(number: int) -> list[dict[str, Any]]:
    """Identifiers of a few persons, among them what they share."""
    own = f"{number:02}"
    return [
        *(identifier("customer_number", f"91{own}100{n}", issuer="shop") for n in range(3)),
        *(identifier("email", f"zq.{name}{own}@mail.example") for name in "abcd"),
        *(identifier("loyalty_card", f"8800{own}7{n}", issuer="shop") for n in range(3)),
        *(identifier("phone", f"+49302312{own}1{n}") for n in range(3)),
        *(identifier("payment_token", f"token-zq-{own}-{n}", issuer="bank") for n in range(2)),
        *(identifier("device_id", f"tablet-zq-{own}-{n}") for n in range(3)),
        *(identifier("cookie", f"cookie-zq-{own}-{n}") for n in range(4)),
    ]


def settings_of(run: Distributed) -> Settings:
    """What the processes of a run go by."""
    given: dict[str, Any] = {
        "clickhouse_url": run.endpoint.url,
        "clickhouse_database": run.database,
        "identity_secret": SECRET.decode(),
    }
    return Settings(**given)


def opened(run: Distributed) -> Database:
    """A connection to the store of a run."""
    return open_server(settings_of(run))


class Shop:
    """A run, and everything that happens to it. `trace` says what was done."""

    def __init__(self, seed: int, run: Distributed) -> None:
        self.rng = Random(seed)
        self.run = run
        self.trace: list[str] = []
        self.done: Counter[str] = Counter()
        self.households = [household(number) for number in range(HOUSEHOLDS)]
        self.lines: list[tuple[bytes, datetime]] = []
        self.garbage: list[bytes] = []
        self.late: list[bytes] = []
        self._number = 0
        self._rules = run.directory / "rules.toml"

    def open(self) -> None:
        """Workers, and what they have heard of everybody before anything happens to them."""
        for service in SERVICES:
            self.run.add(service)
        self.run.wait_ready()
        self._publish([line for _ in range(20) for line in self._drawn()])
        self.run.wait_drained()

    def hand_out_two_cards(self) -> None:
        """A customer of one household has two of its cards."""
        customer, *_ = household(0)
        cards = [one for one in household(0) if one["type"] == "loyalty_card"]
        for number, card in enumerate(cards[:2]):
            named = [{**one, "verified": True} for one in (customer, card)]
            now = datetime.now(UTC).isoformat()
            sent = event(
                "identity.linked", event_id=f"card-{number}", identifiers=named,
                body={"reason": "login"}, occurred_at=now,
            )  # fmt: skip
            self._publish([line(sent)])
        self.run.wait_drained()

    def act(self, steps: int) -> None:
        """So many things happen; workers die in between."""
        rng = self.rng
        acts = (
            (self._events, 12), (self._again, 2), (self._decide, 4), (self._withdraw, 1),
            (self._apply, 2.5), (self._erase, 5), (self._suppress, 1), (self._kill, 5),
            (self._set_back, 0.7), (self._new_groups, 0.5),
        )  # fmt: skip
        weights = [weight for _, weight in acts]
        for _ in range(steps):
            rng.choices([one for one, _ in acts], weights)[0]()
            self._events()

    def come_to_rest(self) -> None:
        """Everything that was sent, also late, is processed to its end. A suppression is lifted if
        anything of the person is stored, for a new store would refuse it."""
        self._publish(self.late)
        self.late.clear()
        self.wait_at_rest()
        with closing(self.opened()) as database:
            while nodes := [node for (node,) in database.rows(SUPPRESSED_SQL)]:
                found = Suppressions(database).of_nodes(REALM, [one.int for one in nodes])
                if not found:
                    break
                node = as_uuid(found[0].nodes[0])
                self._ask("profile", "unsuppress", str(node), "--by", "kim", "--reason", "asked to",
                          allowed=(DONE,))  # fmt: skip
        self._say("everything is sent again")
        self._publish([one for one, _ in self.lines])
        self.wait_at_rest()
        self.run.final_tick()

    def opened(self) -> Database:
        """A connection to the store of the run."""
        return opened(self.run)

    def wait_at_rest(self) -> None:
        """Until all is read, and no erasure and no change of rules is under way."""
        with closing(self.opened()) as database:
            orders, rules = ErasureOrders(database), ClickHouseRules(database)

            def at_rest() -> bool:
                return not orders.open() and all(one.is_done for one in rules.latest().values())

            self.run.wait_drained()
            self.run.wait(at_rest, "at rest", 120)
        self.run.wait_drained()

    def _say(self, text: str) -> None:
        self.trace.append(f"{datetime.now(UTC):%H:%M:%S} {text}")

    def _ask(
        self, *arguments: str, allowed: Sequence[int] = (DONE, REFUSED, NOT_THERE)
    ) -> tuple[int, str]:
        """A command; the exit code, which has to be one of these, and what it prints."""
        given = self.run.attempt(*arguments)
        self._say(f"{' '.join(arguments)} → {given.returncode} {given.stderr.strip()}")
        assert given.returncode in allowed, given.stderr
        assert "Traceback" not in given.stderr
        self.done[f"{arguments[0]} {arguments[1]} {given.returncode}"] += 1
        return given.returncode, given.stdout

    def _events(self) -> None:
        """Of somebody, some of them held back until the end."""
        drawn = self._drawn()
        if self.rng.random() < 0.15:
            self.late += drawn
        else:
            self._publish(drawn)

    def _drawn(self) -> list[bytes]:
        """Lines about one household; now and then one that is no event."""
        rng = self.rng
        among = rng.choice(self.households)
        since = datetime.now(UTC) - timedelta(hours=HOURS)
        drawn = []
        for _ in range(rng.choice((1, 2, 4, 8))):
            self._number += 1
            drawn.append(drawn_event(rng, self._number, since, HOURS, public=False, among=among))
        self.lines += ((one, datetime.now(UTC)) for one in drawn)
        if rng.random() < 0.2:
            self.garbage.append(b'{"type": "no.such.type", "number": %d}' % self._number)
            drawn.append(self.garbage[-1])
        return drawn

    def _publish(self, lines: Sequence[bytes]) -> None:
        topics = [one.name for one in CATALOGUE.touchpoints]
        records = [Outgoing(self.rng.choice(topics), one, one[:64]) for one in lines]

        async def send() -> None:
            outbox = Producer(kafka_settings(self.run.servers))
            await outbox.send_all(records)
            await outbox.stop()

        asyncio.run(send())

    def _again(self) -> None:
        """A source sends again what it has sent."""
        some = self.rng.sample(self.lines, min(len(self.lines), self.rng.choice((1, 5, 40))))
        self._say(f"{len(some)} lines again")
        self._publish([one for one, _ in some])

    def _somebody(self) -> str:
        one = self.rng.choice(self.rng.choice(self.households))
        issuer = f"@{one['issuer']}" if one["issuer"] else ""
        return f"{one['type']}{issuer}={one['value']}"

    def _pair(self) -> list[str]:
        """Two identifiers, mostly of one household."""
        rng = self.rng
        among = list(rng.choice(self.households))
        if rng.random() < 0.2:
            among += rng.choice(self.households)
        a, b = rng.sample(among, 2)
        return [str(as_uuid(node_of(one).id)) for one in (a, b)]

    def _decide(self) -> None:
        verdict = self.rng.choice(("same", "same", "different"))
        self._ask("identity", "decide", verdict, *self._pair(), "--by", "ann", "--reason", "x")

    def _withdraw(self) -> None:
        with closing(self.opened()) as database:
            standing = [one for one in decisions_of(database) if one.verdict.value != "none"]
        if standing:
            one = self.rng.choice(standing)
            pair = [str(as_uuid(node.id)) for node in (one.a, one.b)]
            self._ask("identity", "withdraw", *pair, "--by", "bob", "--reason", "y")

    def _apply(self) -> None:
        self._rules.write_text(self.rng.choice(RULES))
        instead = ("--instead",) if self.rng.random() < 0.5 else ()
        said = ("--by", "kim", "--reason", "a try", *instead)
        self._ask("identity", "apply", str(self._rules), *said)

    def _erase(self) -> None:
        how = self.rng.choice(
            ((), (), ("--anonymise",), ("--suppress", "--by", "kim", "--reason", "by letter"))
        )
        within = self.rng.choice(("0", "0", "2"))
        self._ask("profile", "erase", self._somebody(), *how, "--yes", "--within-s", within,
                  allowed=(DONE, REFUSED, NOT_THERE, UNDER_WAY))  # fmt: skip

    def _suppress(self) -> None:
        what = self.rng.choice(("suppress", "suppress", "unsuppress"))
        self._ask("profile", what, self._somebody(), "--by", "kim", "--reason", "by letter")

    def _kill(self) -> None:
        """A moment after what happened last, or while the worker starts."""
        rng = self.rng
        worker: Worker = rng.choice([*self.run.workers, *self.run.of("identity")])
        time.sleep(rng.random() * rng.choice((0.2, 1, 3)))
        self._say(f"kill {worker.name}")
        self.done[f"kill {worker.service}"] += 1
        worker.kill()
        worker.start()
        if rng.random() < 0.7:
            self.run.wait_ready()

    def _set_back(self) -> None:
        """What kafka-consumer-groups --reset-offsets does: ingest reads something again."""
        self.run.stop(self.run.of("ingest"))
        count = asyncio.run(_set_back(self.run.servers, f"{self.run.prefix}-ingest", self.rng))
        self._say(f"ingest is set back by {count} records")
        self.done["set back"] += 1
        self.run.add("ingest")

    def _new_groups(self) -> None:
        """As docs/replay.md says it: all read what there is from the beginning."""
        self._say("new groups")
        self.done["new groups"] += 1
        self.run.stop_all()
        self.run.prefix += "-again"
        for service in SERVICES:
            self.run.add(service)
        self.run.wait_ready()


async def _set_back(servers: str, group: str, rng: Random) -> int:
    places = [
        TopicPartition(topic.name, number)
        for topic in CATALOGUE.touchpoints
        for number in range(topic.partitions)
    ]
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        stood = {place: await consumer.committed(place) or 0 for place in places}
        back = {place: rng.randrange(at + 1) for place, at in stood.items() if rng.random() < 0.5}
        await consumer.commit(back)
        return sum(stood[place] - at for place, at in back.items())
    finally:
        await consumer.stop()


class Proof:
    """What must hold of a run that has come to rest."""

    def __init__(self, shop: Shop, database: Database) -> None:
        self.shop, self.run, self.database = shop, shop.run, database

    def require_all(self) -> None:
        """Of the store, the topics, and what commands say of it."""
        nodes: dict[NodeId, str] = {
            node_of(one).id: str(one["value"]) for some in self.shop.households for one in some
        }
        rules = FollowedRules(settings_of(self.run), self.database)
        require_resolved(self.database, rules.of(REALM))
        require_forgotten(self.database, nodes)
        self.run.c360("identity", "verify")
        self._require_kept()
        assert profile_changes_astray(self.run) == []
        assert alerts_astray(self.run) == []
        refused = set(dead_letters(self.run))
        assert set(self.shop.garbage) <= refused
        self._require_receipts()

    def _require_kept(self) -> None:
        """Stored is what the ledgers let stand of all that was sent, and sales that were kept."""
        ledger = Ledger()
        ledger.refresh(ClickHouseFactStore(self.database))
        newest = FollowedRules(settings_of(self.run), self.database).newest
        core = EventProcessor(
            ingest_config(settings_of(self.run), newest),
            ledger.erased_at,
            ledger.kept_since,
            is_suppressed=ledger.is_suppressed,
        )
        said = [core.process(line, at, Intake.SERVER) for line, at in self.shop.lines]
        kept = [one for one in said if isinstance(one, Accepted)]
        stored = Counter(event_id for (event_id,) in self.database.rows(FACTS))
        sales = [one for one in stored if KEPT_SALE.fullmatch(one)]
        for one in sales:
            assert stored.pop(one) == 1
        assert stored == Counter({one.event_id: 1 for one in kept})
        edges = edges_of(self.database)
        assert not {(e.a.id, e.b.id) for one in kept for e in one.edges} - edges.keys()
        words: list[tuple[Node, Node, int]] = [(e.a, e.b, e.first_seen_ms) for e in edges.values()]
        words += [(one.a, one.b, one.decided_ms) for one in decisions_of(self.database)]
        for a, b, at_ms in words:
            for end in (a, b):
                until = ledger.erased_at(REALM, end.id)
                assert until is None or at_ms > until, f"{end} was erased, and there is {a}–{b}"

    def _require_receipts(self) -> None:
        """Of nobody who was erased anything is left, and the receipts of some say so."""
        runs = ErasureRuns(self.database)
        shown = 0
        for erasure_id, nodes in self.database.rows(RUNS_SQL):
            run = runs.run(REALM, erasure_id)
            assert run is not None
            assert run.is_removed
            assert runs.remaining(REALM, run.nodes, run.stated) == {}
            if shown < 2 and not runs.newer(REALM, run.nodes):
                shown += self._require_receipt(str(nodes[0]))

    def _require_receipt(self, node: str) -> bool:
        receipt = self.run.directory / "receipt.json"
        asked = ("profile", "erase", "--id", node, "--yes", "--within-s", "20",
                 "--output", str(receipt))  # fmt: skip
        given = self.run.attempt(*asked)
        if given.returncode in (REFUSED, NOT_THERE):  # another erasure went on with its identifiers
            return False
        assert given.returncode == DONE, given.stderr
        told = self.run.c360("profile", "erased", str(receipt)).stdout
        assert "the receipt is genuine" in told
        return True


@pytest.fixture
def run(
    kafka: str, clickhouse_endpoint: ClickHouseEndpoint, tmp_path: Path
) -> Iterator[Distributed]:
    """Empty topics and an empty database, and no workers yet."""
    asyncio.run(renew_catalogue(kafka))
    with Distributed(tmp_path, kafka, clickhouse_endpoint, **SETTINGS) as made:
        yield made.prepare()
    made.drop()


@pytest.mark.parametrize("seed", [int(FUZZ_SEED)] if FUZZ_SEED else always((0,), SEEDS))
def test_operations_traffic_and_kills_give_the_state_that_the_log_says(
    seed: int, run: Distributed
) -> None:
    """In any order, and whoever dies."""
    shop = Shop(seed, run)
    try:
        shop.open()
        shop.act(12)
        shop.come_to_rest()
        with closing(shop.opened()) as database:
            Proof(shop, database).require_all()
        assert set(run.stop_all()) == {0}
    except Exception as error:
        told = "\n".join([f"seed {seed}: {dict(shop.done)}", *shop.trace])
        pytest.fail(f"{told}\n\n{type(error).__name__}: {error}", pytrace=True)


STRUCK: dict[str, dict[str, Any]] = {
    "before they are in force": {"match": "INSERT INTO .*identity_rules", "drop": True},
    "when they are in force": {
        "match": "INSERT INTO .*identity_rules", "drop": True, "when": "after",
    },
    "before a part is written": {"match": "INSERT INTO .*members", "drop": True},
    "when a part is written and not told": {
        "match": "INSERT INTO .*members", "drop": True, "when": "after",
    },
    "with a write under way": {"match": "INSERT INTO .*members", "delay_s": 9},
}  # fmt: skip
"""Statements of a change of rules at which its worker dies. The delayed one runs when the next
worker has begun, or is done."""


CARDS = 1
"""Rules under which a customer with two cards is two, so that each change has a part to write."""
FEW = ("before a part is written", "when a part is written and not told")


@pytest.mark.parametrize("points", always((FEW,), (FEW, tuple(STRUCK))), ids=len)
def test_rules_are_applied_wherever_the_worker_is_killed(
    points: Sequence[str], run: Distributed
) -> None:
    """The next holder of the partition completes the change: the map is `resolve` under the new
    rules, and it is published. A write of the dead one that lands later changes nothing."""
    shop = Shop(1, run)
    shop.open()
    shop.hand_out_two_cards()
    file = run.directory / "other.toml"
    for number, fault in enumerate(map(STRUCK.__getitem__, points)):
        file.write_text(RULES[(CARDS, 0)[number % 2]])
        kind = "drop" if "drop" in fault else "delay"
        before = run.injected(kind)
        # Until it is healed: the worker tries a statement again that was dropped.
        run.endpoint.fault(**fault, count=0 if "drop" in fault else 1)
        run.c360("identity", "apply", str(file), "--by", "kim", "--reason", "a try")
        [worker] = run.of("identity")
        wait_for(lambda n=before, kind=kind: run.injected(kind) > n)
        worker.kill()
        run.endpoint.heal()
        worker.start()
        shop.wait_at_rest()
        with closing(opened(run)) as database:
            [now] = ClickHouseRules(database).latest().values()
            assert now.text == file.read_text()
            require_resolved(database, now.rules)
        assert profile_changes_astray(run) == []
    run.c360("identity", "verify")
