"""Visits of shop and app: anonymous at first, then with a login, and sometimes an order.

A visit always has the cookie or device; only a seeded share has a session id too, so that no
cookie gathers so many sessions that it would exceed the degree limit.
"""

from __future__ import annotations

import random
from typing import Any

from devtools.sample.calendar_de import DAY, MINUTE
from devtools.sample.offers import PriceYear
from devtools.sample.persons import Household, Person, Registry
from devtools.sample.stream import Mention, Stream
from devtools.sample.truth import Ident, euros

WITH_SESSION = 0.3
LOOKS_BEFORE_ORDER = 0.6
VISITS_PER_MONTH = 3.2
LOGIN_ON_VISIT = 0.25
TABLET_LOGINS, TABLET_ANONYMOUS = 2, 3
SEARCHES = ("milch", "brot", "kaffee", "käse", "joghurt", "äpfel", "nudeln", "müsli", "eis")


class Journeys:
    """Generates visits of shop and app, of one household after another."""

    def __init__(
        self, stream: Stream, registry: Registry, year: PriceYear, seed: int, end: int
    ) -> None:
        self._stream = stream
        self._registry = registry
        self._year = year
        self._seed = seed
        self._end = end
        self._rng = random.Random()
        self._skus = year.assortment

    def begin(self, number: int) -> None:
        """Turn to another household: its chances do not depend on those before."""
        self._rng = random.Random(f"{self._seed}/visits/{number}")

    def before_order(self, channel: str, person: Person, at: int) -> list[Mention]:
        """What led to an order at `at`; returns the identifiers the order still carries."""
        seen_on = self._seen_on(channel, person)
        if self._rng.random() < LOOKS_BEFORE_ORDER:
            self._look_around(channel, seen_on, at - self._rng.randint(15, 40) * MINUTE)
            self._fill_cart(channel, seen_on, at - 6 * MINUTE)
            self.log_in(channel, person, seen_on, at - 3 * MINUTE)
            self._stream.cases["anonymous_then_login"] += 1
        return seen_on

    def visits(self, person: Person, start: int) -> None:
        """Visits without an order over the year, mostly without a login."""
        channels = [c for c, held in (("shop", person.cookie), ("app", person.device)) if held]
        if not channels:
            return
        at = start
        while True:
            at += int(self._rng.expovariate(VISITS_PER_MONTH / (30 * DAY))) + MINUTE
            if at + 30 * MINUTE >= self._end:
                return
            channel = self._rng.choice(channels)
            seen_on = self._seen_on(channel, person)
            self._look_around(channel, seen_on, at)
            if self._rng.random() < LOGIN_ON_VISIT:
                self.log_in(channel, person, seen_on, at + 20 * MINUTE)

    def family_tablet(self, household: Household, start: int) -> None:
        """One tablet, several people who log in on it, and anonymous visits."""
        tablet = household.tablet
        if tablet is None:
            return
        channel = "app" if tablet.type == "device_id" else "shop"
        for person in household.tablet_users * TABLET_LOGINS:
            session = self._session(channel, person.label)
            seen_on = [Mention(session), Mention(tablet)]
            at = self._any_time(start)
            self._look_around(channel, seen_on, at)
            self.log_in(channel, person, seen_on, at + 20 * MINUTE)
        for _ in range(TABLET_ANONYMOUS):
            session = self._session(channel, self._stream.truth.label("anon"))
            self._look_around(channel, [Mention(session), Mention(tablet)], self._any_time(start))
        self._stream.cases["family_tablet"] += 1

    def stranger(self, start: int, owner: str) -> Ident:
        """A visitor who never identifies themselves; returns the cookie."""
        cookie = self._registry.random_ident(self._rng, "cookie", "shop", owner)
        at = self._any_time(start)
        for _ in range(self._rng.randint(1, 4)):
            seen_on = [Mention(cookie)]
            if self._rng.random() < WITH_SESSION:
                seen_on.insert(0, Mention(self._session("shop", owner)))
            self._look_around("shop", seen_on, at)
            at = min(at + self._rng.randint(1, 9) * DAY, self._end - 30 * MINUTE)
        return cookie

    def new_cookie(self, owner: str) -> Ident:
        """A cookie of a browser that was never seen before."""
        return self._registry.random_ident(self._rng, "cookie", "shop", owner)

    def log_in(self, channel: str, person: Person, seen_on: list[Mention], at: int) -> None:
        """A login, which links the person to cookie, device and session."""
        login = person.app_user if channel == "app" and person.app_user else person.customer
        verified = Mention(login, verified=True) if login else person.root
        body = {"reason": "login"}
        self._stream.say(channel, "identity.linked", at, [verified, *seen_on], body)

    def test_journey(self, start: int, number: int) -> None:
        """A journey of the retailer's own tests, which no measure may count."""
        cookie = self._registry.random_ident(
            self._rng, "cookie", "shop", self._stream.truth.label("anon")
        )
        at, source = self._any_time(start), {"synthetic": True}
        who = [Mention(cookie)]
        body: dict[str, Any] = {"url": "https://shop.example/test"}
        self._stream.say("shop", "page.viewed", at, who, body, source=source)
        lines = [{"line_id": "1", "sku": "test", "quantity": 1, "total": "9.99"}]
        body = {"order_id": f"T{number}", "issuer": "shop", "currency": "EUR", "lines": lines}
        self._stream.say("shop", "order.placed", at + MINUTE, who, body, source=source)
        self._stream.cases["synthetic_journey"] += 1

    def _seen_on(self, channel: str, person: Person) -> list[Mention]:
        """Cookie or device of a visit, sometimes with a session."""
        ident = person.device if channel == "app" else person.cookie
        seen_on = [Mention(ident)] if ident else []
        if self._rng.random() < WITH_SESSION or not seen_on:
            seen_on.insert(0, Mention(self._session(channel, person.label)))
        return seen_on

    def _session(self, channel: str, owner: str) -> Ident:
        return self._registry.random_ident(self._rng, "session", channel, owner)

    def _any_time(self, start: int) -> int:
        return self._rng.randrange(start, self._end - DAY)

    def _look_around(self, channel: str, who: list[Mention], at: int) -> None:
        body: dict[str, Any] = {"url": f"https://{channel}.example/", "title": "Startseite"}
        self._stream.say(channel, "page.viewed", at, who, body)
        if self._rng.random() < 0.5:
            body = {"query": self._rng.choice(SEARCHES), "results": self._rng.randint(0, 60)}
            self._stream.say(channel, "search.performed", at + 30, who, body)
        for step in range(self._rng.randint(1, 3)):
            self._look_at_product(channel, who, at + (2 + 3 * step) * MINUTE)

    def _look_at_product(self, channel: str, who: list[Mention], at: int) -> None:
        """A product page, showing what the channel itself asks for at that moment."""
        if not self._skus:
            return
        sku = self._rng.choice(self._skus)
        body: dict[str, Any] = {"sku": str(sku)}
        price = self._year.price(channel, sku, at)
        if price is not None:
            body["offer"] = {"sku": str(sku), "price": euros(price), "currency": "EUR"}
        self._stream.say(channel, "product.viewed", at, who, body)

    def _fill_cart(self, channel: str, who: list[Mention], at: int) -> None:
        if not self._skus:
            return
        chosen = self._rng.sample(self._skus, min(2, len(self._skus)))
        items = [{"sku": str(sku), "quantity": 1} for sku in chosen]
        self._stream.say(channel, "cart.updated", at, who, {"items": items})
