"""Marketing without consent: what was permitted, what could be known, and for how long."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas.claim import Book, Statement
from schemas.identifiers import WHOLE_PERSON, NodeId, as_uuid
from schemas.incident import AnyIncident
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.contacts import read_node, written
from services.consistency.core.joins import Joins, Link
from services.consistency.core.kind import Heard
from services.consistency.kinds.marketing_without_consent import (
    KIND,
    NAME,
    Cause,
    ConsentBreachRules,
    claims,
    met,
)
from services.profiles.core.consent import ConsentRecord
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.customer(1))
RULES = ConsentBreachRules()
MAIL, CARD, NUMBER, OTHER = 11, 12, 13, 14
LATE = Cause.LATE_KNOWLEDGE
DAY = 24


def heard(
    type_: str, at: float, anchor: NodeId, body: dict[str, Any], **fields: Any
) -> list[Statement]:
    """The claims of an event at an hour, in the book of one customer."""
    name = f"{type_}-{anchor}-{at:g}"
    given = event(type_, channel="email", event_id=name, body=body, source={"system": "crm"})
    parsed = TouchpointAdapter.validate_python(given)
    one = Heard(parsed, hour(at), 0, anchor, "DE", "EUR")._replace(**fields)
    return [claim._replace(book=BOOK) for claim, _ in claims(one)]


def sent(at: float, anchor: NodeId = MAIL, purpose: str = "marketing") -> list[Statement]:
    """A message to the address, sent under an identifier."""
    return heard("message.sent", at, anchor, {"purpose": purpose}, address=MAIL)


def said(action: str, at: float, anchor: NodeId = MAIL, address: NodeId = MAIL) -> list[Statement]:
    """A word about marketing by e-mail, under an identifier."""
    types = {
        "objection": "objection.made",
        "complained": "email.complained",
        "bounced": "email.bounced",
    }
    type_ = types.get(action, f"consent.{action}")
    reach = WHOLE_PERSON if action == "objection" else address
    name = f"{type_}-{anchor}-{at:g}"
    record = ConsentRecord(action, "marketing", "email", reach, "", False, name, hour(at))
    return heard(type_, at, anchor, {}, consents=(record,))


def linked(at: float, anchor: NodeId, *others: NodeId) -> list[Statement]:
    """An event that proves identifiers to be one person's."""
    return heard("identity.linked", at, anchor, {}, proven=others)


def incidents(
    statements: Iterable[Statement], now: float, rules: ConsentBreachRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(statements)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.cause))


@pytest.mark.parametrize(
    ("statements", "cause"),
    [
        (said("given", 0) + said("objection", DAY) + sent(200), Cause.OBJECTED),
        (said("given", 0) + said("withdrawn", DAY) + sent(200), Cause.WITHDRAWN),
        (said("given", 0) + said("complained", DAY) + sent(200), Cause.COMPLAINED),
        (said("given", 0) + said("bounced", DAY) + sent(200), None),
        (said("given", 0) + sent(200), None),
        (sent(200), None),
        (said("withdrawn", DAY) + sent(DAY + 47.99), None),
        (said("withdrawn", DAY) + sent(DAY + 48), Cause.WITHDRAWN),
        (said("withdrawn", 0) + said("withdrawn", 190) + sent(200), Cause.WITHDRAWN),
        (said("withdrawn", 0) + said("given", 160) + said("withdrawn", 190) + sent(200), None),
        (said("objection", 0) + said("given", 0) + sent(200), Cause.OBJECTED),
        (said("objection", 0) + said("given", 1) + sent(200), None),
        (said("objection", 0) + sent(200, purpose="service"), None),
        (said("objection", 0) + sent(200, purpose="cart_reminder"), Cause.OBJECTED),
        (said("withdrawn", 0, OTHER, OTHER) + sent(200), None),
        (said("objection", 0, CARD) + sent(200), LATE),
        (linked(300, NUMBER, CARD, MAIL) + said("objection", 0, CARD) + sent(200), LATE),
        (linked(100, NUMBER, CARD, MAIL) + said("objection", 0, CARD) + sent(200), Cause.OBJECTED),
        (linked(190, NUMBER, CARD, MAIL) + said("objection", 0, CARD) + sent(200), LATE),
        (
            linked(100, CARD, OTHER) + linked(100, MAIL, OTHER)
            + said("objection", 0, CARD) + sent(200), LATE,
        ),
    ],
)  # fmt: skip
def test_a_message(statements: list[Statement], cause: Cause | None) -> None:
    """What one message is, by all that was said and was known."""
    assert [one.cause for one in incidents(statements, 400)] == ([cause] if cause else [])


def test_late_knowledge_opens_with_its_proof() -> None:
    """Not before, not if it is over by then; the id stays when the sender goes on."""
    known = said("objection", 0, CARD) + sent(200) + linked(300, CARD, MAIL)
    assert incidents(known, 299) == []
    [late] = incidents(known, 300)
    assert (late.since, late.due_at, late.opened_at) == (hour(200), hour(300), hour(300))
    assert late.evidence[1] == ["objection.made-12-0", "identity.linked-12-300"]
    both = incidents(known + sent(400), 400)
    assert [one.cause for one in both] == [Cause.LATE_KNOWLEDGE, Cause.OBJECTED]
    assert both[0].incident_id == late.incident_id
    assert incidents(said("objection", 0, CARD) + sent(200) + linked(920, CARD, MAIL), 2000) == []
    opted_in = said("given", 250)
    assert incidents(known + opted_in, 300) == []


def test_an_incident_ends() -> None:
    """With a permission, or thirty days after the last message; the next one begins anew."""
    refused = said("objection", 0)
    [aged] = incidents(refused + sent(100) + sent(200), 200 + 720)
    assert (aged.until, aged.details.model_dump()["messages"]) == (hour(920), 2)
    assert [one.since for one in incidents(refused + sent(100) + sent(820), 900)] == [
        hour(100),
        hour(820),
    ]
    [ended] = incidents(refused + sent(100) + said("given", 150), 160)
    assert ended.resolved_at == hour(150)


def test_a_correction_takes_a_message_back() -> None:
    """Also one that is no marketing any more: its book is read again without it."""
    [message] = sent(100)
    wrong = message._replace(version=1, value=message.value.replace("marketing", "survey"))
    [found] = incidents([*said("objection", 0), wrong, message], 200)
    assert found.details.model_dump()["purpose"] == "survey"


def test_statements_are_short() -> None:
    """Whatever is sent: identifiers, numbers and names are bounded."""
    body = {"purpose": "marketing", "message_id": "\x01" * 100}
    given = event("message.sent", channel="email", body=body, source={"system": "\x01" * 100})
    one = Heard(TouchpointAdapter.validate_python(given), hour(0), 0, MAIL, "DE", "EUR")
    made = claims(one._replace(proven=tuple(range(2**127, 2**127 + 19)), address=MAIL))
    assert [len(claim.value) <= 1000 for claim, _ in made] == [True, True]


def test_page_views_prove_nothing_here() -> None:
    """Frequent links are not kept; nor are events without a word, a message or a link."""
    assert heard("page.viewed", 0, CARD, {}, proven=(MAIL,)) == []
    assert heard("identity.linked", 0, CARD, {}) == []
    found: Any = incidents(said("objection", 0) + sent(100), 200)[0]
    assert met(found, [], RULES) == []


def reached(links: Sequence[Link], start: NodeId, goal: NodeId) -> bool:
    """Whether a chain of links leads there."""
    seen = {start}
    while True:
        more = {end for one in links for end in (one.a, one.b) if {one.a, one.b} & seen} - seen
        if not more:
            return goal in seen
        seen |= more


@pytest.mark.parametrize("seed", range(30))
def test_joins_as_by_searching(seed: int) -> None:
    """The time of the join is the first at which the links so far lead from one to the other."""
    draw = random.Random(seed)
    links = [
        Link(hour(draw.randint(0, 20)), f"e-{number}", draw.randint(1, 9), draw.randint(1, 9))
        for number in range(draw.randint(0, 15))
    ]
    among = set(range(1, 8))
    counted = sorted(one for one in links if {one.a, one.b} <= among)
    joins = Joins(links, among)
    for a in among:
        for b in among - {a}:
            ends = range(1, len(counted) + 1)
            first = next((counted[end - 1] for end in ends if reached(counted[:end], a, b)), None)
            assert joins.between(a, b) == first


def history(draw: random.Random) -> list[Statement]:
    """Words, messages and links at random, at different hours."""
    hours = draw.sample(range(1000), 16)
    found: list[Statement] = []
    for at in hours:
        anchor = draw.choice([MAIL, CARD, NUMBER])
        match draw.randint(0, 5):
            case 0 | 1:
                found += sent(at, draw.choice([MAIL, NUMBER]))
            case 2:
                found += said("objection", at, anchor)
            case 3:
                found += said(draw.choice(["given", "withdrawn"]), at, anchor)
            case 4:
                found += said("given", at, anchor)
            case _:
                found += linked(at, *draw.sample([MAIL, CARD, NUMBER], 2))
    return found


def permitted(words: list[list[Any]]) -> bool | None:
    """A second reading of the rules for one address: True, False, or None without a word."""
    if not words:
        return None
    refusals = [at for at, action, *_ in words if action in ("objection", "withdrawn")]
    grants = [at for at, action, *_ in words if action == "given"]
    return bool(grants) and (not refusals or max(grants) > max(refusals))


def oracle(statements: Sequence[Statement]) -> set[tuple[datetime, bool]]:
    """Each message without permission, and whether that could be known, hour by hour."""
    words = [
        [one.occurred_at, values[0], read_node(values[-1])]
        for one in statements
        if one.terms == "consent"
        for values in [orjson.loads(one.value)]
    ]
    links = [
        Link(one.occurred_at, "", read_node(ends[0]), read_node(ends[1]))
        for one in statements
        if one.terms == "link"
        for ends in [one.value.split()]
    ]
    anchors = {word[2] for word in words} | {link.a for link in links} | {MAIL}
    anchors |= {
        read_node(orjson.loads(one.value)[-1]) for one in statements if one.terms == "message"
    }
    links = [one for one in links if {one.a, one.b} <= anchors]
    found = set()
    for one in statements:
        if one.terms != "message":
            continue
        ends, at = (MAIL, read_node(orjson.loads(one.value)[-1])), one.occurred_at

        def known(word: list[Any], time: datetime, ends: tuple[NodeId, ...] = ends) -> bool:
            so_far = [link for link in links if link.at <= time]
            direct = word[2] in ends or word[1] != "objection"
            return direct or any(reached(so_far, word[2], end) for end in ends)

        window = [at - timedelta(hours=back) for back in range(49)]
        in_truth = [permitted([word for word in words if word[0] <= time]) for time in window]
        as_known = [
            permitted([word for word in words if word[0] <= time and known(word, time)])
            for time in window
        ]
        if all(answer is False for answer in in_truth):
            found.add((at, all(answer is False for answer in as_known)))
    return found


@pytest.mark.parametrize("seed", range(30))
def test_as_by_the_oracle_in_any_order(seed: int) -> None:
    """The same messages, whatever the order, the repetitions and the ticks in between."""
    draw = random.Random(seed)
    statements = history(draw)
    rules = ConsentBreachRules(published_max_age_days=3650)
    final = incidents(statements, 1001, rules)
    messages = {f"{one.event_id}": one.occurred_at for one in statements}
    known = {
        (messages[name], one.cause != Cause.LATE_KNOWLEDGE)
        for one in final
        for name in one.evidence[0]
    }
    wanted = oracle(statements)
    reported = {one for one in wanted if one[1]}
    assert {one for one in known if one[1]} == reported
    assert {one for one in known if not one[1]} <= wanted
    shuffled = draw.sample(statements, len(statements)) + draw.sample(statements, 3)
    book = KIND.judge(BOOK, rules)
    for number, one in enumerate(shuffled):
        book.add([one])
        book.advance(hour(draw.randint(0, 60) * number / 10))
        assert book.incidents() is not None
    book.advance(hour(1001))
    assert sorted(book.incidents().values(), key=lambda one: (one.since, one.cause)) == final


@pytest.mark.parametrize("seed", range(15))
def test_nothing_changes_between_due_times(seed: int) -> None:
    """A book that is judged when it is due has at every hour what one judged then would have."""
    statements, rules = history(random.Random(seed)), ConsentBreachRules(published_max_age_days=5)
    book = KIND.judge(BOOK, rules)
    book.add(statements)
    due, former = book.next_due, dict[str, AnyIncident]()
    for at in range(0, 1300, 5):
        if due is not None and due <= hour(at):
            book.advance(hour(at))
            due, former = book.next_due, book.incidents()
        fresh = KIND.judge(BOOK, rules)
        fresh.add(statements)
        fresh.advance(hour(at))
        assert fresh.incidents() == former


def test_the_subject_is_the_customer() -> None:
    """And nodes are written as they are read."""
    [found] = incidents(said("objection", 0) + sent(100), 200)
    assert found.about == BOOK.subject
    assert read_node(written(CARD)) == CARD
    assert as_uuid(CARD).hex == written(CARD)
