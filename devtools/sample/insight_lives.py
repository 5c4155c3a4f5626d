"""Customers who leave, each with a reason; carts that are rescued; too many mails for somebody."""

from __future__ import annotations

from typing import Any

from devtools.sample.calendar_de import DAY, HOUR, MINUTE, written
from devtools.sample.insight_cast import Cast, Customer
from devtools.sample.insight_truth import InsightTruth, share

GAPS = (28, 35, 31, 26)
"""Days between the orders of a regular; their median is 29.5."""
SILENT_DAYS = 95
EACH_REASON, REGULARS = 5, 10
REASONS = ("dissatisfaction", "service", "price", "changed_need", "unknown")
RESCUED, REMINDED_IN_VAIN, ABANDONED = 8, 4, 5
PRESSED = 6
MAIL_DAYS = (1, 3, 5, 6, 6, 7)
"""Days of the contacts of somebody who gets too many; the fifth is a text message, the last one a
survey."""
PRESSURE_DAY_FREE = 13
CAP = 3


class Lives:
    """Says what single customers do over the year, and what a list must find of them."""

    def __init__(self, cast: Cast, truth: InsightTruth, start: int, end: int) -> None:
        self._cast = cast
        self._stream = cast.stream
        self._truth = truth
        self._start = start
        self._end = end

    def say(self) -> None:
        """Everything of single customers."""
        for reason in REASONS:
            for n in range(EACH_REASON):
                self._leaves(reason, n)
        for n in range(REGULARS):
            customer, _ = self._regular(self._end - (2 + n) * DAY)
            self._truth.person(customer.label, "stays", days_since_last=2 + n)
        self._carts(self._start + 110 * DAY)
        for n in range(PRESSED):
            self._too_many(self._start + (160 + 10 * n) * DAY)

    def _regular(self, last: int) -> tuple[Customer, str]:
        """A customer with five orders, the last one at `last`; and the id of that one."""
        begin = last - sum(GAPS) * DAY
        customer, at = self._cast.join(begin - DAY), begin
        event_id = self._cast.buy(customer, at)
        for days in GAPS:
            at += days * DAY
            event_id = self._cast.buy(customer, at)
        return customer, event_id

    def _leaves(self, reason: str, n: int) -> None:
        last = self._end - SILENT_DAYS * DAY - n * HOUR
        customer, order = self._regular(last)
        evidence = getattr(self, f"_for_{reason}")(customer, last + 5 * DAY, n)
        self._truth.person(
            customer.label, "churner", reason=reason, last_order=order, evidence=evidence,
            median_gap_days=29.5, days_since_last=SILENT_DAYS,
        )  # fmt: skip

    def _for_dissatisfaction(self, customer: Customer, at: int, _n: int) -> list[str]:
        answer = {"question": "recommend", "score": 2, "scale_min": 0, "scale_max": 10}
        body = {"survey": "insight-leaving", "kind": "nps", "mode": "online", "answers": [answer]}
        return [self._stream.say("email", "survey.answered", at, customer.who, body)]

    def _for_service(self, customer: Customer, at: int, n: int) -> list[str]:
        """Told again to another team, and a complaint that nobody answers."""
        topic = {"case_id": f"insight-leaves-{n}", "subject": f"Reklamation {n} zur Kaffeemühle"}
        say = self._stream.say
        first = say("email", "support.contacted", at, customer.who, topic)
        again = topic | {"repeated": True, "team": "hotline"}
        second = say("phone", "support.contacted", at + DAY, customer.who, again)
        complaint = {**topic, "case_id": f"insight-complains-{n}"}
        third = say("email", "complaint.opened", at + 3 * DAY, customer.who, complaint)
        return [first, second, third]

    def _for_price(self, customer: Customer, at: int, _n: int) -> list[str]:
        """Looks at one product again and again, and does not order."""
        body = {"sku": "insight-basic", "category": "insight"}
        return [
            self._stream.say("shop", "product.viewed", at + days * DAY, customer.browser, body)
            for days in range(4)
        ]

    def _for_changed_need(self, customer: Customer, at: int, n: int) -> list[str]:
        about: dict[str, Any] = {"contract_id": f"insight-need-{n}", "kind": "subscription"}
        say = self._stream.say
        say("shop", "contract.started", at - 100 * DAY, customer.who, about)
        body = about | {"reason": "ins Ausland gezogen"}
        return [say("letter", "contract.ended", at, customer.who, body)]

    def _for_unknown(self, _customer: Customer, _at: int, _n: int) -> list[str]:
        return []

    def _carts(self, at: int) -> None:
        """Full carts that nobody orders for an hour; most are reminded of, some then order."""
        for n in range(RESCUED + REMINDED_IN_VAIN + ABANDONED):
            customer, begin = self._cast.join(at - 20 * DAY + n * HOUR), at + n * 7 * HOUR
            sku = f"insight-cart-{n}"
            body = {"cart_id": f"insight-cart-{n}", "items": [{"sku": sku, "quantity": 1}]}
            cart = self._stream.say("shop", "cart.updated", begin, customer.browser, body)
            is_rescued = n < RESCUED
            evidence = [cart]
            if n < RESCUED + REMINDED_IN_VAIN:
                evidence.append(self._cast.mail(customer, begin + DAY, "cart_reminder"))
            if is_rescued:
                evidence.append(self._cast.buy(customer, begin + 2 * DAY, sku=sku))
            role = "cart_rescued" if is_rescued else "cart_abandoned"
            self._truth.person(customer.label, role, evidence=evidence)
        carts = RESCUED + REMINDED_IN_VAIN + ABANDONED
        reminded = RESCUED + REMINDED_IN_VAIN
        self._truth.measure(
            "cart_rescue", share(RESCUED, carts), carts, {"cart_id": "insight-cart-*"},
            rescued=RESCUED, reminded=reminded,
        )  # fmt: skip

    def _too_many(self, at: int) -> None:
        """Six contacts within seven days, where three are allowed."""
        customer = self._cast.join(at - 30 * DAY)
        for n, day in enumerate(MAIL_DAYS):
            then = at + (day - 1) * DAY + n * MINUTE
            if n == 4:
                body = {
                    "purpose": "marketing",
                    "message_id": f"insight-sms-{customer.number.value}",
                }
                self._stream.say("sms", "message.sent", then, customer.who, body)
            else:
                self._cast.mail(customer, then, "survey" if n == 5 else "marketing")
        free = at + (PRESSURE_DAY_FREE - 1) * DAY + 3 * MINUTE
        self._truth.person(
            customer.label, "over_pressed", contacts=len(MAIL_DAYS), window_days=7, cap=CAP,
            over_by=len(MAIL_DAYS) - CAP, next_allowed_at=written(free),
        )  # fmt: skip
