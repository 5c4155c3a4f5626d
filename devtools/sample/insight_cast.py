"""Customers who are there for measures only: none of them has a basket of the data.

Each has a customer number, an address and a cookie, linked by a registration, so that the truth
knows everything they ever did.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from devtools.sample.calendar_de import DAY, HOUR, MINUTE, written
from devtools.sample.stream import Mention, Stream
from devtools.sample.truth import Ident, euros

NUMBERS_FROM = 900_001
NET_PERCENT = 119
"""Gross amounts are multiples of it, so that amounts without 19 % of tax are whole cents."""
COST_SHARE = 60


class Customer(NamedTuple):
    """A customer with the identifiers that events name."""

    label: str
    number: Ident
    email: Ident
    cookie: Ident

    @property
    def who(self) -> list[Mention]:
        """As whoever is logged in is named."""
        return [Mention(self.number, verified=True)]

    @property
    def mailbox(self) -> list[Mention]:
        """As a mail service names whom it writes to."""
        return [Mention(self.email)]

    @property
    def browser(self) -> list[Mention]:
        """As the shop names a visitor who has not logged in."""
        return [Mention(self.cookie)]


class Cast:
    """Makes customers, and says what many of them do: register, get a mail, buy."""

    def __init__(self, stream: Stream, seed: int) -> None:
        self.stream = stream
        self._rng = random.Random(f"{seed}/insights")
        self._customers = self._messages = self._orders = 0

    def join(self, at: int, *, consents: bool = True) -> Customer:
        """A new customer, who registers at `at` and mostly allows mail."""
        number = NUMBERS_FROM + self._customers
        self._customers += 1
        label = f"person:insight.{number}"
        found = Customer(
            label,
            Ident("customer_number", "shop", f"K{number}", label),
            Ident("email", "", f"kunde.{number}@mail.example", label),
            Ident("cookie", "shop", f"c{self._rng.getrandbits(80):020x}", label),
        )
        proven = [*found.who, Mention(found.email, verified=True), *found.browser]
        self.stream.say("shop", "identity.linked", at, proven, {"reason": "registration"})
        if consents:
            self._consent(found, at + MINUTE)
        return found

    def mail(
        self, customer: Customer, at: int, purpose: str, *, bounces: bool = False, **about: str
    ) -> str:
        """A mail that arrives, or does not; returns the id of the event that it was sent."""
        self._messages += 1
        body: dict[str, Any] = {
            "address": customer.email.value,
            "message_id": f"insight-{self._messages:05d}",
        }
        of_campaign = {key: text for key, text in about.items() if key == "campaign"}
        sent = body | {"purpose": purpose} | about
        event_id = self.stream.say("email", "email.sent", at, customer.mailbox, sent)
        body |= of_campaign
        if bounces:
            body |= {"bounce": "hard", "reason": "550 no such mailbox"}
        kind = "email.bounced" if bounces else "email.delivered"
        self.stream.say("email", kind, at + MINUTE, customer.mailbox, body)
        return event_id

    def buy(
        self,
        customer: Customer,
        at: int,
        *,
        euros_net: int = 20,
        sku: str = "insight-basic",
        promised_days: int = 0,
        delivered_days: int = 0,
    ) -> str:
        """An order in the shop, with a promise if days are given; returns its event id.

        No line names a unit price: this is no assortment whose prices are compared.
        """
        self._orders += 1
        order_id, gross = f"I{self._orders:05d}", euros_net * NET_PERCENT
        net = euros_net * 100
        line = {
            "line_id": "1",
            "sku": sku,
            "category": "insight",
            "quantity": 1,
            "total": euros(gross),
            "tax_rate": "0.19",
            "cost": euros(net * COST_SHARE // 100),
            "margin": euros(net - net * COST_SHARE // 100),
        }
        body: dict[str, Any] = {
            "order_id": order_id,
            "issuer": "shop",
            "currency": "EUR",
            "lines": [line],
            "fulfilment": "delivery",
        }
        if promised_days:
            body["promised_at"] = written(at + promised_days * DAY)
        self.stream.truth.order(customer.label, order_id, "shop", gross)
        event_id = self.stream.say("shop", "order.placed", at, customer.who, body)
        if delivered_days:
            status = {"order_id": order_id, "issuer": "shop", "status": "delivered"}
            then = at + delivered_days * DAY - HOUR
            self.stream.say("shop", "order.status_changed", then, customer.who, status)
        return event_id

    def _consent(self, customer: Customer, at: int) -> None:
        body: dict[str, Any] = {
            "purpose": "marketing",
            "channel": "email",
            "address": customer.email.value,
            "text_version": "2016-11",
            "double_opt_in": True,
        }
        who = [*customer.who, *customer.mailbox]
        self.stream.say("shop", "consent.given", at, who, body)
        proven = [Mention(customer.email, verified=True)]
        self.stream.say("email", "consent.confirmed", at + 5 * MINUTE, proven, body)
