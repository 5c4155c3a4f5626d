"""Fields and types that measures need change nothing for anybody else."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.claim import Statement
from schemas.events.dialogue import AgentKind
from schemas.identifiers import node_id
from schemas.reject import RejectReason
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.profiles.core.summary import summarise
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line

COST, MARGIN = "7777.77", "8888.88"
ANSWER = {"kind": "nps", "answers": [{"question": "recommend", "score": 9}]}


def accepted(fields: dict[str, Any], intake: Intake = Intake.SERVER) -> Accepted:
    """The outcome of an event that is accepted."""
    outcome = core().process(line(fields), RECEIVED_AT, intake)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def test_an_anonymous_answer_is_not_kept_with_the_order_it_is_about() -> None:
    """Else whoever sees the order would see what its customer answered."""
    shop: dict[str, Any] = {"identifiers": [], "source": {"system": "webshop"}}
    order = accepted(event("order.placed", body={"order_id": "o-1", "gross": "5"}, **shop))
    fields = event("survey.answered", body=ANSWER | {"order_id": "o-1"}, **shop)
    answer = accepted(fields)
    assert order.node == node_id(SECRET, "default", "record", "webshop", "o-1")
    assert answer.node == node_id(SECRET, "default", "record", "webshop", fields["event_id"])


@pytest.mark.parametrize("type_", ["order.placed", "order.returned", "order.cancelled"])
def test_what_goods_cost_is_nowhere_but_in_the_stored_event(type_: str) -> None:
    """Neither in a claim, of which incidents and alerts are made, nor in a column or a summary."""
    lines: list[dict[str, str | list[Any]]] = [
        {"sku": "A", "unit_price": "20", "total": "20", "discounts": [{"amount": "1"}]},
        {"gtin": "04006381333931", "title": "Pen", "total": "9", "sale_kind": "promotion"},
    ]
    figures: dict[str, Any] = {"cost": COST, "margin": MARGIN}
    body = {"order_id": "o-1", "lines": [{**one, **figures} for one in lines]}
    outcome = accepted(event(type_, channel="pos", body=body, source={"store": "1", "till": "2"}))
    payload = outcome.row["payload"]
    assert COST.encode() in payload
    shown = repr({**outcome._asdict(), "row": {**outcome.row, "payload": b""}})
    assert "o-1" in shown
    assert COST not in shown
    assert MARGIN not in shown
    assert COST not in summarise(payload, "EUR")


def test_what_a_campaign_costs_is_no_price() -> None:
    """No kind of incident hears of it."""
    body = {"campaign": "spring", "cost": COST, "currency": "EUR"}
    outcome = accepted(event("campaign.published", channel="print", body=body, identifiers=[]))
    assert outcome.claims == []


@pytest.mark.parametrize(
    ("type_", "body", "may"),
    [
        ("community.posted", {"text": "Half a sachet does it."}, True),
        ("idea.submitted", {"text": "A quieter pump"}, True),
        ("contest.entered", {"contest": "latte-art"}, True),
        ("referral.redeemed", {"code": "ANNA-7"}, False),
        ("store.visited", {}, False),
        ("campaign.held_out", {"campaign": "spring"}, False),
        ("action.planned", {"action_id": "M-1"}, False),
        ("action.done", {"action_id": "M-1"}, False),
    ],
)
def test_a_page_sends_only_what_its_visitor_does(
    type_: str, body: dict[str, Any], may: bool
) -> None:
    """A reward, a visit to a store, a control group and an action are said by servers."""
    fields = event(type_, body=body)
    outcome = core().process(line(fields), RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(outcome, Accepted) is may
    assert isinstance(outcome, Accepted) or outcome.reason is RejectReason.NOT_ALLOWED
    accepted(fields)


def test_only_actions_may_be_for_nobody() -> None:
    """An improvement for everybody names no customer; a visit is somebody's."""
    outcome = accepted(event("action.done", body={"action_id": "M-1"}, identifiers=[]))
    assert outcome.row["anchor_type"] == "record"
    for type_, body in [("store.visited", {}), ("campaign.held_out", {"campaign": "spring"})]:
        refused = core().process(line(event(type_, body=body, identifiers=[])), RECEIVED_AT)
        assert isinstance(refused, Reject)
        assert refused.reason is RejectReason.NO_USABLE_IDENTIFIER


def test_a_redeemed_referral_names_the_new_customer_alone() -> None:
    """Its code is no identifier: who recommended and who came stay two persons."""
    anna, ben = (identifier("email", one, verified=True) for one in ("a@x.example", "b@x.example"))
    made = accepted(event("referral.made", body={"code": "ANNA-7"}, identifiers=[anna]))
    redeemed = accepted(event("referral.redeemed", body={"code": "ANNA-7"}, identifiers=[ben]))
    assert made.node != redeemed.node
    assert made.edges == redeemed.edges == []


@pytest.mark.parametrize(
    ("type_", "body", "steps"),
    [
        ("support.contacted", {}, ["asked"]),
        ("support.contacted", {"direction": "customer"}, ["asked"]),
        ("support.contacted", {"direction": "us"}, []),
        ("support.contacted", {"kind_of_agent": AgentKind.BOT}, ["asked"]),
        ("support.answered", {}, ["answered"]),
        ("support.answered", {"direction": "us"}, ["answered"]),
        ("support.answered", {"kind_of_agent": AgentKind.PERSON}, ["answered"]),
        ("support.answered", {"kind_of_agent": AgentKind.BOT}, ["bot_answered"]),
    ],
)
def test_who_waits_for_an_answer(type_: str, body: dict[str, Any], steps: list[str]) -> None:
    """Nobody, if the retailer began the contact; and the answer of a bot is known as one."""
    outcome = accepted(event(type_, channel="email", body={"case_id": "C-1"} | body))
    assert _values(outcome, "reply_overdue") == steps
    assert len(_values(outcome, "told_twice")) == len(steps)


def _values(outcome: Accepted, kind: str) -> list[str]:
    return [
        str(one.value)
        for one in outcome.claims
        if isinstance(one, Statement) and one.book.kind == kind
    ]
