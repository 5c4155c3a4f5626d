"""Decisions of people through the whole pipeline: previews, splits and merges of a large profile.

One store for the whole file; each test puts back what it changed, which the state digest shows.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from schemas.edge import Decision, Verdict
from schemas.identifiers import as_uuid, node_id
from schemas.instants import to_ms
from schemas.records import DecisionRecord
from services.api.operation import plain
from services.api.operations import OPERATIONS
from services.api.ports import Access
from services.api.queries.decisions import UNSEEN
from services.api.read_store import access_to
from services.embedded.pipeline import Pipeline
from services.runtime.clock import utc_now
from services.runtime.errors import C360Error, InvalidInput, InvalidState, NotFound
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.secret import register_secret
from tests.conftest import empty_tables
from tests.events import event, identifier, line, order
from tests.pipelines import ingested, pipeline_on
from tests.tiers import LONG

REALM = "default"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
VISITS = 100
"""Sessions at each end of the long profile."""
LENGTH = 6 + 2 * VISITS
"""Its identifiers."""
NUMBER, END = "customer_number=1", "loyalty_card=c5"
SHARED, BEN, BEN_MAIL = "email=shop@example.com", "customer_number=2", "email=ben@example.com"
SAID = {"by": "kim", "reason": "ticket 4711"}
CHAIN = [
    identifier("customer_number", "1", verified=True),
    *(
        identifier("email", f"m{at}@example.com", verified=True)
        if at % 2 == 0
        else identifier("loyalty_card", f"c{at}", verified=True)
        for at in range(1, 6)
    ),
]


def linked(at: int, *who: dict[str, Any]) -> bytes:
    """An event that names some of them, some hours after the one before."""
    occurred_at = (BEGIN + timedelta(hours=at)).isoformat()
    sent = event("identity.linked", event_id=f"l-{at}", occurred_at=occurred_at, identifiers=[*who])
    return line(sent)


def everything() -> Iterator[bytes]:
    """A profile with hundreds of visits and orders at its ends; Ben; a mailbox that eleven
    customers gave."""
    for at in range(len(CHAIN) - 1):
        yield linked(at, CHAIN[at], CHAIN[at + 1])
    for at in range(VISITS):
        yield linked(10 + at, CHAIN[0], identifier("session", f"s{at}", issuer="shop"))
        yield linked(310 + at, CHAIN[5], identifier("session", f"t{at}", issuer="shop"))
    for at in (0, 1, 4, 5):
        yield line({**order(f"o-{at}", "10.00", event_id=f"o-{at}"), "identifiers": [CHAIN[at]]})
    ben = identifier("customer_number", "2", verified=True)
    yield linked(700, ben, identifier("email", "ben@example.com", verified=True))
    yield line({**order("o-ben", "7.00", event_id="o-ben"), "identifiers": [ben]})
    for at in range(11):
        staff = identifier("customer_number", f"9{at:02d}", verified=True)
        yield linked(710 + 30 * at, staff, identifier("email", "shop@example.com", verified=True))


class Desk:
    """Somebody who asks, decides, and looks at what came of it."""

    def __init__(self, access: Access, pipeline: Pipeline) -> None:
        self.access = access
        self.pipeline = pipeline

    def run(self, name: str, **asked: Any) -> list[dict[str, Any]]:
        """The rows of an operation."""
        operation = OPERATIONS[name]
        request = operation.request(**{"realm": REALM, **asked})
        return [plain(row) for row in operation.run(self.access, request)]

    def decide(self, verdict: str, a: str, b: str, **more: Any) -> dict[str, Any]:
        """The answer to a decision."""
        [done] = self.run("identity_decide", verdict=verdict, a=a, b=b, **{**SAID, **more})
        return done

    def profile(self, who: str) -> dict[str, Any]:
        """The profile that holds an identifier."""
        [found] = self.run("profile_get", who=who)
        return found

    def timeline(self, who: str) -> set[str]:
        """The events of a profile."""
        operation = OPERATIONS["profile_timeline"]
        found, cursor = set[str](), ""
        while True:
            asked = operation.request(realm=REALM, who=who, limit=500, cursor=cursor)
            [page] = [plain(one) for one in operation.run(self.access, asked)]
            found |= {one["event_id"] for one in page["entries"]}
            cursor = page["next_cursor"]
            if not cursor:
                return found

    def digest(self) -> dict[str, str]:
        """The state by section."""
        return self.access.reads.digest()

    def require_right_map(self) -> None:
        """What is stored is what the edges and decisions make."""
        [told] = self.run("identity_verify")
        assert (told["wrong_map_rows"], told["wrong_refusals"]) == (0, 0), told


@pytest.fixture(scope="module")
def desk(engine: Database, settings: Settings) -> Iterator[Desk]:
    """The store with everything in it."""
    empty_tables(engine)
    ingested(engine, everything())
    register_secret(engine, settings.secret(), "the test's store")
    pipeline = pipeline_on(engine)
    pipeline.recover()
    yield Desk(access_to(settings, engine, pipeline.act), pipeline)
    empty_tables(engine)


@pytest.fixture(scope="module")
def settings(server_settings: Settings) -> Settings:
    """Those of the embedded engine."""
    return server_settings


def compared(part: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Identifiers, orders and revenue of profiles, the largest first."""
    rows = [(one["identifiers_count"], one["orders"], str(one["revenue"])) for one in part]
    return sorted(rows, reverse=True)


def together(done: dict[str, Any]) -> tuple[bool, bool]:
    """Whether one profile holds both, before and after."""
    return done["effect"]["together_before"], done["effect"]["together_after"]


@pytest.mark.parametrize(
    ("a", "b", "smallest"),
    [
        pytest.param(NUMBER, "loyalty_card=c3", VISITS + 3, id="in-the-middle"),
        pytest.param(NUMBER, "loyalty_card=c1", VISITS + 1, id="at-the-canonical-one", marks=LONG),
        pytest.param(NUMBER, "session@shop=s7", 1, id="one-visit", marks=LONG),
    ],
)
def test_a_large_profile_is_split_and_merged_back(
    desk: Desk, a: str, b: str, smallest: int
) -> None:
    """Everything is on one of the two, the preview told it, every id still resolves, and
    after the withdrawal the state is what it was; the same a second time."""
    whole, before = desk.profile(NUMBER), desk.digest()
    events = desk.timeline(NUMBER)
    assert (whole["identifiers_count"], len(events)) == (LENGTH, 5 + 2 * VISITS + 4)
    for _ in range(2 if smallest > VISITS + 1 else 1):
        preview = desk.decide("different", a, b, dry_run=True)
        assert not preview["is_recorded"]
        assert desk.digest() == before
        done = desk.decide("different", a, b)
        assert done["effect"] == preview["effect"]
        assert (done["effect"]["together_before"], done["effect"]["together_after"]) == (
            True,
            False,
        )
        parts = [desk.profile(one) for one in (a, b)]
        assert parts[0]["profile_id"] != parts[1]["profile_id"]
        assert compared(parts) == compared(done["effect"]["after"])
        assert sum(one["identifiers_count"] for one in parts) == LENGTH
        assert min(one["identifiers_count"] for one in parts) == smallest
        assert sum(float(one["revenue"]) for one in parts) == float(whole["revenue"])
        timelines = [desk.timeline(one) for one in (a, b)]
        assert timelines[0] | timelines[1] == events
        assert not timelines[0] & timelines[1]
        for one in whole["identifiers"][:: LENGTH // 10]:
            assert desk.profile(one["node_id"])["profile_id"] in {p["profile_id"] for p in parts}
        desk.require_right_map()
        back = desk.decide("none", a, b)
        assert (back["effect"]["together_before"], back["effect"]["together_after"]) == (
            False,
            True,
        )
        desk.require_right_map()
        assert desk.digest() == before
    assert desk.profile(whole["profile_id"])["profile_id"] == whole["profile_id"]


def test_two_customers_are_merged_and_parted(desk: Desk) -> None:
    """Although each has a number of its own; it shows in 'why', in the list, and is gone again."""
    before = desk.digest()
    done = desk.decide("same", NUMBER, BEN_MAIL)
    assert compared(done["effect"]["after"]) == [(LENGTH + 2, 5, "47.00")]
    assert desk.profile(BEN)["profile_id"] == desk.profile(NUMBER)["profile_id"]
    assert "o-ben" in desk.timeline(NUMBER)
    [why] = desk.run("identity_why", a=NUMBER, b=BEN)
    assert next(one for one in why["path"] if one["rule"] == "decision")["author"] == "kim"
    [identity] = desk.run("profile_identity", who=BEN_MAIL, limit=500)
    assert "same" in {one["verdict"] for one in identity["decisions"]}
    desk.require_right_map()
    again = desk.decide("same", BEN_MAIL, NUMBER)
    assert (again["is_recorded"], again["decided_at"]) == (False, done["decided_at"])
    refused = desk.decide("different", NUMBER, BEN, dry_run=True)
    assert refused["effect"]["together_after"] is False
    desk.decide("none", NUMBER, BEN_MAIL)
    assert desk.digest() == before
    [of_profile] = desk.run("identity_decisions", node=BEN, whole_profile=True)
    [page] = desk.run("identity_decisions", node=BEN_MAIL)
    assert of_profile == page
    assert desk.run("identity_decisions", node=BEN)[0]["entries"] != page["entries"]
    assert [(one["verdict"], one["author"]) for one in page["entries"]] == [("none", "kim")]


def test_what_joins_nobody_is_told_at_once(desk: Desk) -> None:
    """A shared mailbox, and a pair that must not come together: recorded, with what blocks it."""
    before = desk.digest()
    done = desk.decide("same", BEN, SHARED)
    assert done["refused_because"] == "hub"
    assert [one["value"] for one in done["blocked_by"]] == ["shop@example.com"]
    assert not done["effect"]["together_after"]
    desk.require_right_map()
    desk.decide("different", NUMBER, BEN)
    blocked = desk.decide("same", END, BEN_MAIL)
    assert blocked["refused_because"] == "different"
    assert {one["value"] for one in blocked["blocked_by"]} == {"1", "2"}
    [page] = desk.run("identity_decisions", verdict="same")
    assert [one["refused_because"] for one in page["entries"]] == ["different", "hub"]
    desk.require_right_map()
    joined = desk.decide("none", NUMBER, BEN)
    assert joined["effect"]["together_after"], "what blocked the other decision is gone"
    assert desk.profile(BEN)["profile_id"] == desk.profile(NUMBER)["profile_id"]
    desk.require_right_map()
    desk.decide("none", END, BEN_MAIL)
    desk.decide("none", BEN, SHARED)
    assert desk.digest() == before


def test_a_clock_behind_that_of_an_earlier_decision(desk: Desk) -> None:
    """Who decides later overrules, whatever the clocks of the two machines say."""
    before = desk.digest()
    nodes = [desk.access.reads.decisions.node(REALM, int_of(desk, one)) for one in (NUMBER, BEN)]
    a, b = sorted(one for one in nodes if one is not None)
    ahead = utc_now() + timedelta(hours=1)
    early = Decision(a, b, Verdict.SAME, "ann", "clock is ahead", to_ms(ahead))
    desk.pipeline.act([DecisionRecord.of(REALM, early)])
    assert desk.profile(BEN)["profile_id"] == desk.profile(NUMBER)["profile_id"]
    for verdict, together in (("different", False), ("same", True), ("none", False)):
        desk.decide(verdict, NUMBER, BEN)
        one = desk.profile(BEN)["profile_id"] == desk.profile(NUMBER)["profile_id"]
        assert one is together, verdict
    assert desk.digest() == before


def int_of(desk: Desk, who: str) -> int:
    """The node of an identifier."""
    [found] = desk.run("identity_why", a=who, b=who)
    return int(found["a"]["node_id"].replace("-", ""), 16)


WRONG: list[tuple[dict[str, Any], type[C360Error], str]] = [
    ({"b": NUMBER}, InvalidInput, "one identifier"),
    ({"b": "email=typo@example.com"}, NotFound, "no event has named"),
    ({"b": "11111111-2222-3333-4444-555555555555"}, NotFound, "no event has named"),
    ({"b": "customer_number=77"}, NotFound, "customer_number"),
    ({"b": "shoe_size=44"}, NotFound, "shoe_size"),
    ({"realm": "mars"}, NotFound, "'mars' is not"),
    ({"by": " "}, InvalidInput, "by: "),
    ({"by": "x" * 101}, InvalidInput, "by: "),
    ({"reason": " "}, InvalidInput, "reason: "),
    ({"reason": "x" * 301}, InvalidInput, "reason: "),
    ({"verdict": "perhaps"}, InvalidInput, "verdict"),
    ({"verdict": "none"}, InvalidState, "nobody decided"),
]


@pytest.mark.parametrize(("changed", "error", "message"), WRONG)
def test_what_cannot_be_decided(
    desk: Desk, changed: dict[str, Any], error: type[C360Error], message: str
) -> None:
    """Nothing is recorded, and the message says what is wrong."""
    [before] = desk.run("identity_decisions")
    asked = {"verdict": "same", "a": NUMBER, "b": "email=m2@example.com", **changed}
    with pytest.raises(error, match=message):
        desk.decide(**asked)
    assert desk.run("identity_decisions") == [before]


def test_an_identifier_that_nobody_has_named_yet(desk: Desk) -> None:
    """Only where it is asked for: then its first event finds the decision."""
    before = desk.digest()
    new = "email=Future@Example.com"
    with pytest.raises(NotFound) as raised:
        desk.decide("same", BEN, new)
    assert raised.value.reason == UNSEEN
    done = desk.decide("same", BEN, new, unseen=True)
    assert done["effect"]["together_after"]
    assert {done["a"]["type"], done["b"]["type"]} == {"email", "customer_number"}
    desk.require_right_map()
    desk.decide("none", BEN, new)
    desk.require_right_map()
    assert desk.digest() == before


def test_decisions_go_to_another_store(desk: Desk, settings: Settings) -> None:
    """As they were listed: recorded once, also where another secret gives other node ids; an
    older one never overrules a newer one."""
    others = ("customer_number=901", "customer_number=902")
    for one in (*others, BEN):
        desk.decide("different", NUMBER, one)
    listed = []
    cursor: str | None = ""
    while cursor is not None:
        [page] = desk.run("identity_decisions", limit=2, cursor=cursor)
        listed += page["entries"]
        cursor = page["next_cursor"]
    assert [one["verdict"] for one in listed].count("different") == 3
    times = [one["decided_at"] for one in listed]
    assert times == sorted(times, reverse=True)
    operation = OPERATIONS["identity_import_decisions"]

    def imported(access: Access) -> dict[str, Any]:
        asked = json.dumps({"realm": REALM, "decisions": listed}).encode()
        [counted] = [plain(one) for one in operation.run(access, operation.parse(asked))]
        return counted

    assert imported(desk.access) == {"recorded": 0, "known": len(listed), "erased": 0}
    other = settings.model_copy(update={"identity_secret": SecretStr("quite another secret")})
    sent = list[DecisionRecord]()
    elsewhere = access_to(other, desk.access.reads.freshness._database, sent.extend)  # type: ignore[attr-defined,arg-type]
    assert imported(elsewhere)["recorded"] == len(listed)
    pairs = [{one.a.id.int, one.b.id.int} for one in sent if one.verdict is Verdict.DIFFERENT]
    numbers = (node_id(other.secret(), REALM, "customer_number", "", n) for n in ("1", "2"))
    assert set(numbers) in pairs
    masked = listed[0] | {"a": listed[0]["a"] | {"value": "…01"}}
    whole, listed = listed, [masked]
    with pytest.raises(InvalidInput, match=r"decisions\.0: a value is masked"):
        imported(elsewhere)
    # Somebody of whom there are events since: what was decided before is not in force again.
    node = node_id(other.secret(), REALM, "customer_number", "", "1")
    stored, now = desk.access.reads.freshness._database, utc_now()  # type: ignore[attr-defined]
    stored.insert_rows("erasures", ("realm", "node", "erased_at"), [(REALM, node, now)])
    stored.insert_rows(
        "node_values",
        ("realm", "node", "type", "issuer", "value", "batch"),
        [(REALM, node, "customer_number", "", "1", 1)],
    )
    wanted = {"type": "customer_number", "value": "1"}
    listed = [row for row in whole if any(wanted.items() <= row[end].items() for end in ("a", "b"))]
    # A test of clocks may have left one that claims to be later.
    listed = [row for row in listed if row["decided_at"] < now.isoformat()]
    assert listed
    assert imported(elsewhere) == {"recorded": 0, "known": 0, "erased": len(listed)}
    for table in ("erasures", "node_values"):
        stored.command(f"DELETE FROM {table} WHERE node = '{as_uuid(node)}'")
    listed = [one | {"decided_at": "2999-01-01T00:00:00Z"} for one in listed[:1]]
    with pytest.raises(InvalidInput, match="lies in the future"):
        imported(desk.access)
    for one in (*others, BEN):
        desk.decide("none", NUMBER, one)


def test_previews_tell_what_happens(desk: Desk) -> None:
    """Random decisions about everything: the map afterwards is the one that was announced."""
    rng = random.Random(7)
    before = desk.digest()
    some = [NUMBER, BEN, BEN_MAIL, SHARED, END, "customer_number=901", "customer_number=902"]
    some += [f"loyalty_card=c{n}" for n in (1, 3)]
    pairs = set[tuple[str, str]]()
    for _ in range(6):
        a, b = sorted(rng.sample(some, 2))
        verdict = rng.choice(("same", "same", "different"))
        effect = desk.decide(verdict, a, b)["effect"]
        pairs.add((a, b))
        shown = {one: desk.profile(one) for one in (a, b)}
        for name, who in (("a", a), ("b", b)):
            [part] = [p for p in effect["after"] if p["profile_id"] == shown[who]["profile_id"]]
            assert part["identifiers_count"] == shown[who]["identifiers_count"]
            assert part["orders"] == shown[who]["orders"], name
        together = shown[a]["profile_id"] == shown[b]["profile_id"]
        assert effect["together_after"] == together
    desk.require_right_map()
    for a, b in pairs:
        desk.decide("none", a, b)
    assert desk.digest() == before
