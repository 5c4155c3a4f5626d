"""Turns baskets into receipts and orders, with their sequel: status, return, cancellation.

Lines keep products, quantities and money to the cent. Only till receipts name unit prices: the
prices of online baskets are those of some store and would contradict the shop's own offers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from devtools.sample.baskets import Basket, BasketLine
from devtools.sample.calendar_de import DAY, HOUR, MINUTE
from devtools.sample.persons import Person, Registry, mail_variant
from devtools.sample.shelves import Shelves, sale_of
from devtools.sample.stream import Mention, Placeholder, Stream, Who
from devtools.sample.truth import Ident, Order, euros

RETURNED, WHOLLY, THROUGH_ANOTHER, BEFORE_ITS_ORDER = 0.028, 0.4, 0.9, 0.4
CANCELLED = 0.016
NEVER_COUNTED = 0.012
WITH_TERMINAL = 0.35
BESIDE_PLACEHOLDER = 0.02
POINTS_EVERY = 4
LONG_BASKET = 120
PLACEHOLDER_CARD = Placeholder("loyalty_card", "loyalty", "0000000000000")
SIDE_PLACEHOLDERS = (
    Placeholder("customer_number", "shop", "guest"),
    Placeholder("phone", "", "0"),
    Placeholder("cookie", "shop", "undefined"),
    Placeholder("email", "", "test@test.example"),
)


def exact(numerator: int, denominator: int) -> str:
    """Cents / quantity as euros with four decimals, rounded half up."""
    scaled = (200 * numerator + denominator) // (2 * denominator)
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"


class Orders:
    """Generates the orders of one household after another.

    Args:
        shelves: says which lines name no unit price and which receipts must not come late.
        end: epoch seconds after which nothing happens any more.
    """

    def __init__(
        self,
        stream: Stream,
        registry: Registry,
        seed: int,
        shelves: Shelves,
        categories: dict[int, str],
        end: int,
    ) -> None:
        self._stream = stream
        self._registry = registry
        self._seed = seed
        self._shelves = shelves
        self._categories = categories
        self._end = end
        self._rng = random.Random()

    def begin(self, number: int) -> None:
        """Turn to another household: its chances do not depend on those before."""
        self._rng = random.Random(f"{self._seed}/orders/{number}")

    def receipt(self, basket: Basket, person: Person | None, placeholder: bool = False) -> None:
        """A till receipt, with or without a loyalty card."""
        rng, stream = self._rng, self._stream
        till = str(1 + basket.number % 4)
        who = self._at_till(basket, person, till)
        if placeholder:
            who = [PLACEHOLDER_CARD]
            stream.cases["blocked_only_receipt"] += 1
        elif person is None:
            stream.cases["anonymous_receipt"] += 1
        if rng.random() < NEVER_COUNTED:
            self._uncounted(basket, who, till)
        label = person.label if person else ""
        order = stream.truth.order(label, str(basket.number), "till", basket.gross)
        back = self._return_lines(basket)
        delay = self._order_delay(back, basket)
        self._place("pos", basket, who, {"issuer": "till"}, till=till, delay=delay)
        if back:
            self._return(order, basket, back, "pos", who)
        if person:
            self._add_points(person, basket)

    def online(
        self, channel: str, basket: Basket, person: Person, seen_on: Sequence[Mention]
    ) -> None:
        """An order of a logged-in person in the shop or app; `seen_on`: cookie, device, session."""
        who: list[Mention | Placeholder] = [self._login(channel, person), *seen_on]
        if self._rng.random() < BESIDE_PLACEHOLDER:
            who.append(self._rng.choice(SIDE_PLACEHOLDERS))
        order_id = f"{channel[0].upper()}{basket.number}"
        order = self._stream.truth.order(person.label, order_id, "shop", basket.gross)
        facts = {"issuer": "shop", "fulfilment": "delivery", "order_id": order_id}
        cancelled = self._rng.random() < CANCELLED
        back = [] if cancelled else self._return_lines(basket)
        delay = self._order_delay(back, basket)
        self._place(channel, basket, who, facts, delay=delay)
        if cancelled:
            self._cancel(order, basket, channel, who[:1])
            return
        self._ship(order_id, basket.at, channel, who[:1])
        if back:
            self._return(order, basket, back, *self._way_back(channel, person, who[:1]))

    def collected(self, basket: Basket, person: Person) -> None:
        """Ordered in the shop and picked up at the till: both systems report the one order."""
        ordered_at = basket.at - self._rng.randint(3, 24) * HOUR
        order_id = f"C{basket.number}"
        facts = {"issuer": "shop", "fulfilment": "click_and_collect", "order_id": order_id}
        self._stream.truth.order(person.label, order_id, "shop", basket.gross)
        who = [self._login("shop", person), *_known(person.cookie)]
        self._place("shop", basket._replace(at=ordered_at), who, facts)
        self._place("pos", basket, [_card_at(person, basket.at, self._end)], facts, till="1")
        self._stream.cases["click_and_collect_twice"] += 1

    def guest(self, basket: Basket, typed: Ident, cookie: Ident, owner: str) -> None:
        """A checkout without an account under a fresh guest number, the e-mail only typed."""
        number = self._registry.guest_number(owner)
        written = mail_variant(self._rng, typed) if self._rng.random() < 0.3 else ""
        who = [Mention(number), Mention(cookie), Mention(typed, written=written)]
        order_id = f"G{basket.number}"
        self._stream.truth.order(owner, order_id, "shop", basket.gross)
        facts = {"issuer": "shop", "fulfilment": "delivery", "order_id": order_id}
        self._place("shop", basket, who, facts)

    def redeem(
        self, basket: Basket, person: Person, coupon: int, campaign: int, alone: bool
    ) -> None:
        """A coupon was used in this basket; `alone`: its value is that of the whole basket."""
        body: dict[str, Any] = {"code": str(coupon), "campaign": f"TCJ-{campaign}"}
        value = sum(line.coupon + line.match for line in basket.lines)
        if alone and value:
            body |= {"value": euros(value), "currency": "EUR"}
        body["order_id"] = str(basket.number)
        source = {"store": str(basket.store)}
        who = [_card_at(person, basket.at, self._end)]
        self._stream.say("pos", "voucher.redeemed", basket.at, who, body, source=source)
        self._stream.cases["voucher_redeemed"] += 1

    def _at_till(
        self, basket: Basket, person: Person | None, till: str
    ) -> list[Mention | Placeholder]:
        """Who a receipt names: the card, on some tills also the terminal itself."""
        if person is None:
            return []
        who: list[Mention | Placeholder] = [_card_at(person, basket.at, self._end)]
        if self._rng.random() < WITH_TERMINAL:
            name = f"TERM-{basket.store}-{till}"
            self._stream.truth.use(f"terminal:{name}", person.label)
            who.append(Mention(Ident("device_id", "till", name, f"terminal:{name}")))
        if self._rng.random() < BESIDE_PLACEHOLDER:
            who.append(self._rng.choice(SIDE_PLACEHOLDERS))
        return who

    def _login(self, channel: str, person: Person) -> Mention:
        ident = person.app_user if channel == "app" else person.customer
        return Mention(ident, verified=True) if ident else person.root

    def _place(
        self,
        channel: str,
        basket: Basket,
        who: Who,
        facts: dict[str, Any],
        till: str = "",
        delay: int = 0,
    ) -> None:
        """Say `order.placed`; `facts` overrides the order id, which is the basket's number."""
        priced = facts["issuer"] == "till" and "receipt_kind" not in facts
        body = {"order_id": str(basket.number), "currency": "EUR"} | facts
        body["lines"] = self._lines(basket, priced)
        body["gross"] = euros(basket.gross)
        source = {"store": str(basket.store), "till": till} if till else None
        punctual = basket.number in self._shelves.spoken
        self._stream.say(
            channel, "order.placed", basket.at, who, body,
            source=source, punctual=punctual, delay=delay,
        )  # fmt: skip

    def _lines(self, basket: Basket, priced: bool) -> list[dict[str, Any]]:
        categories = self._categories if len(basket.lines) <= LONG_BASKET else {}
        found = []
        for place, line in enumerate(basket.lines, 1):
            told = told_line(place, line, priced and self._names_price(basket, line))
            if categories.get(line.product):
                told["category"] = categories[line.product]
            found.append(told)
        return found

    def _names_price(self, basket: Basket, line: BasketLine) -> bool:
        """The line's unit price is one that its shelf can have had: not a gift, not one of two."""
        if line.is_fuel:
            return True
        muddled = (basket.number, line.product) in self._shelves.silent
        return sale_of(basket, line) is not None and not muddled

    def _uncounted(self, basket: Basket, who: Who, till: str) -> None:
        """A receipt of the same goods minutes before that was broken off, or a cashier's lesson."""
        kind = self._rng.choice(("void", "training", "aborted"))
        facts = {"issuer": "till", "receipt_kind": kind, "order_id": f"X{basket.number}"}
        earlier = basket._replace(at=basket.at - 3 * MINUTE)
        named = () if kind == "training" else who
        self._place("pos", earlier, named, facts, till=till)
        self._stream.cases["receipt_never_counted"] += 1

    def _ship(self, order_id: str, at: int, channel: str, who: Who) -> None:
        for status, hours in (("shipped", 20), ("delivered", 52)):
            then = at + hours * HOUR + self._rng.randrange(6 * HOUR)
            if then < self._end:
                body = {"order_id": order_id, "issuer": "shop", "status": status}
                self._stream.say(channel, "order.status_changed", then, who, body)

    def _cancel(self, order: Order, basket: Basket, channel: str, who: Who) -> None:
        order.cancelled = True
        at = basket.at + self._rng.randint(5, 90) * MINUTE
        body = {
            "order_id": order.order_id,
            "issuer": order.issuer,
            "reason": "bestellt aus Versehen",
        }
        self._stream.say(channel, "order.cancelled", at, who, body)
        self._stream.cases["order_cancelled"] += 1

    def _return_lines(self, basket: Basket) -> list[BasketLine]:
        """What comes back of this basket: usually nothing."""
        if self._rng.random() >= RETURNED or basket.at + 20 * DAY > self._end:
            return []
        worth = [line for line in basket.lines if line.total > 0]
        if not worth or self._rng.random() < WHOLLY:
            return worth
        return sorted(self._rng.sample(worth, self._rng.randint(1, len(worth))))

    def _order_delay(self, back: list[BasketLine], basket: Basket) -> int:
        """Some orders arrive after their own return (0: as usual)."""
        early = (
            back
            and basket.number not in self._shelves.spoken
            and self._rng.random() < BEFORE_ITS_ORDER
        )
        if not early:
            return 0
        self._stream.cases["return_before_its_order"] += 1
        return 21 * DAY

    def _return(
        self, order: Order, basket: Basket, back: list[BasketLine], channel: str, who: Who
    ) -> None:
        at = basket.at + self._rng.randint(1, 18) * DAY
        order.returned = sum(line.total for line in back)
        lines = [told_line(place, line, False) for place, line in enumerate(back, 1)]
        for line in lines:
            line.pop("discounts", None)
        body = {
            "order_id": order.order_id,
            "issuer": order.issuer,
            "return_id": f"R-{order.order_id}",
            "currency": "EUR",
            "lines": lines,
            "refund": euros(order.returned),
        }
        source = {"store": str(basket.store)} if channel == "pos" else None
        # It must precede an order that is reported three weeks late, so it is never late itself.
        self._stream.say(channel, "order.returned", at, who, body, source=source, punctual=True)
        partly = order.returned < basket.gross
        self._stream.cases["return_in_part" if partly else "return_of_all"] += 1

    def _way_back(self, channel: str, person: Person, who: Who) -> tuple[str, Who]:
        """The channel of a return, and whom it names there."""
        if person.card and self._rng.random() < THROUGH_ANOTHER:
            self._stream.cases["return_through_another_channel"] += 1
            return "pos", [Mention(person.card, verified=True)]
        return channel, who

    def _add_points(self, person: Person, basket: Basket) -> None:
        """One point for each full euro; the programme reports the balance now and then."""
        person.points += max(0, basket.gross) // 100
        if basket.number % POINTS_EVERY == 0:
            body = {"programme": "loyalty", "points_balance": person.points}
            who = [_card_at(person, basket.at, self._end)]
            self._stream.say("pos", "loyalty.changed", basket.at + 1, who, body)


def told_line(place: int, line: BasketLine, priced: bool) -> dict[str, Any]:
    """One order line; without `priced` it names no unit price."""
    told: dict[str, Any] = {"line_id": str(place), "sku": str(line.product)}
    told["quantity"] = line.quantity
    if line.is_fuel:
        told |= {"quantity": f"{line.quantity / 1000:.3f}", "unit": "l"}
    if priced:
        before = line.total + line.promotion + line.match
        told["unit_price"] = exact(before * (1000 if line.is_fuel else 1), line.quantity)
    discounts = [("promotion", line.promotion), ("coupon", line.match)]
    given = [{"kind": kind, "amount": euros(cents)} for kind, cents in discounts if cents > 0]
    if given:
        told["discounts"] = given
    told["total"] = euros(line.total)
    return told


def _known(*idents: Ident | None) -> list[Mention]:
    return [Mention(ident) for ident in idents if ident]


def _card_at(person: Person, at: int, end: int) -> Mention:
    """The card a person shows: the replacement in the second half of the stream's year."""
    replaced = person.second_card is not None and at > replacement_at(end)
    card = person.second_card if replaced else person.card
    if card is None:
        raise ValueError(f"{person.label} has no card")
    return Mention(card, verified=True)


def replacement_at(end: int) -> int:
    """When lost cards are replaced, in epoch seconds."""
    return end - 180 * DAY
