"""Service cases with several contacts, and conversations with a bot that hands over."""

from __future__ import annotations

from typing import Any

from devtools.sample.calendar_de import DAY, HOUR, MINUTE
from devtools.sample.insight_cast import Cast, Customer
from devtools.sample.insight_truth import InsightTruth, share

AT_ONCE, ASKED_AGAIN, TOLD_TWICE, UNANSWERED = 24, 8, 6, 2
BOTS, HANDED_OVER, CAME_BACK = 200, 60, 20
QUICK, SLOW, SILENT = 36, 24, 6
"""Of those handed over: whom an agent answers after one and after five minutes; and how many of
all of them say nothing more."""
QUICK_S, SLOW_S = MINUTE, 5 * MINUTE
FORM = "contact_form"


class ServiceCases:
    """Says 40 cases that begin on the contact form, and 200 conversations with a bot."""

    def __init__(self, cast: Cast, truth: InsightTruth, start: int) -> None:
        self._cast = cast
        self._stream = cast.stream
        self._truth = truth
        self._start = start

    def say(self) -> None:
        """Everything of service."""
        for n in range(AT_ONCE + ASKED_AGAIN + TOLD_TWICE + UNANSWERED):
            customer = self._cast.join(self._start + 2 * DAY + n * HOUR, consents=False)
            self._case(customer, n, self._start + 30 * DAY + n * 7 * HOUR)
        cases = AT_ONCE + ASKED_AGAIN + TOLD_TWICE + UNANSWERED
        population = {"channel": FORM}
        self._truth.measure(
            "first_contact_solved", share(AT_ONCE, cases), cases, population, solved=AT_ONCE
        )
        self._truth.measure(
            "answered_in_time", share(AT_ONCE, cases), cases, population, in_time=AT_ONCE,
            late=ASKED_AGAIN + TOLD_TWICE, unanswered=UNANSWERED,
        )  # fmt: skip
        self._truth.measure("told_twice", share(TOLD_TWICE, cases), cases, population)
        for n in range(BOTS):
            customer = self._cast.join(self._start + 3 * DAY + n * HOUR, consents=False)
            self._conversation(customer, n, self._start + 60 * DAY + n * 5 * HOUR)
        alone = BOTS - HANDED_OVER
        chat = {"channel": "chat"}
        self._truth.measure(
            "containment", share(alone - CAME_BACK, BOTS), BOTS, chat, handed_over=HANDED_OVER,
            came_back=CAME_BACK,
        )  # fmt: skip
        self._truth.measure("handover_rate", share(HANDED_OVER, BOTS), BOTS, chat)
        self._truth.measure("handover_wait_p50_s", QUICK_S, HANDED_OVER, chat)
        self._truth.measure("handover_wait_p90_s", SLOW_S, HANDED_OVER, chat)
        self._truth.measure("lost_at_handover", share(SILENT, HANDED_OVER), HANDED_OVER, chat)

    def _case(self, customer: Customer, n: int, at: int) -> None:
        case = f"insight-case-{n:03d}"
        topic = {"case_id": case, "subject": f"Garantie zu Gerät {n}"}
        first = self._asks(FORM, at, customer, topic)
        if n < AT_ONCE:
            self._answers(at + 2 * HOUR, customer, topic, "desk", solved=True)
        elif n < AT_ONCE + ASKED_AGAIN:
            self._answers(at + 30 * HOUR, customer, topic, "desk", solved=False)
            self._asks(FORM, at + 3 * DAY, customer, topic)
            self._answers(at + 3 * DAY + HOUR, customer, topic, "desk", solved=True)
        elif n < AT_ONCE + ASKED_AGAIN + TOLD_TWICE:
            again = self._asks("phone", at + DAY, customer, topic | {"repeated": True})
            self._answers(at + 30 * HOUR, customer, topic, "workshop", solved=True)
            self._truth.person(customer.label, "told_twice", case_id=case, evidence=[first, again])
        else:
            again = self._asks(FORM, at + 4 * DAY, customer, topic)
            self._truth.person(
                customer.label, "never_answered", case_id=case, evidence=[first, again]
            )

    def _asks(self, channel: str, at: int, customer: Customer, topic: dict[str, Any]) -> str:
        spoken = {"kind_of_agent": "person", "wait_s": 95, "team": "hotline"}
        body = topic | {"direction": "customer"} | (spoken if channel == "phone" else {})
        source = {"agent": "agent-phone"} if channel == "phone" else None
        return self._stream.say(channel, "support.contacted", at, customer.who, body, source=source)

    def _answers(
        self, at: int, customer: Customer, topic: dict[str, Any], team: str, *, solved: bool
    ) -> None:
        body = topic | {"team": team, "kind_of_agent": "person", "solved": solved}
        source = {"agent": f"agent-{team}"}
        self._stream.say("email", "support.answered", at, customer.who, body, source=source)

    def _conversation(self, customer: Customer, n: int, at: int) -> None:
        """The customer asks; the bot answers, or hands over, and then an agent comes."""
        name = f"insight-chat-{n:03d}"
        intent = ("delivery_status", "return", "defect")[n % 3]
        self._writes(customer, name, at, "customer", intent=intent)
        if n >= HANDED_OVER:
            self._writes(customer, name, at + 5, "bot", intent=intent)
            if n < HANDED_OVER + CAME_BACK:
                again = f"{name}-again"
                self._writes(customer, again, at + 6 * HOUR, "customer")
                self._writes(customer, again, at + 6 * HOUR + 30, "agent")
            return
        self._writes(customer, name, at + 5, "bot", intent=intent, handed_over=True)
        then = at + 5 + (QUICK_S if n < QUICK else SLOW_S)
        self._writes(customer, name, then, "agent")
        if n < HANDED_OVER - SILENT:
            self._writes(customer, name, then + MINUTE, "customer")
            self._writes(customer, name, then + 2 * MINUTE, "agent")

    def _writes(self, customer: Customer, name: str, at: int, author: str, **more: Any) -> None:
        body = {"conversation_id": name, "author": author, **more}
        self._stream.say("chat", "message.exchanged", at, customer.who, body)
