"""The stores' own prices, derived from what the receipts charge, and wrong prices at one store.

A store publishes the price of a product shortly before the first receipt that charges it, so
receipts and published prices agree, and stores differ lawfully from each other and from online.
In a planted error the store published less than its tills charge, until it is put right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from devtools.sample.baskets import Basket, BasketLine
from devtools.sample.calendar_de import DAY, HOUR, MINUTE, written
from devtools.sample.offers import MARKET, PriceYear, price_error
from devtools.sample.stream import Stream
from devtools.sample.truth import euros

ASSORTMENT_SIZE, CANDIDATES = 90, 300
CANDIDATE_SALES_MIN = 25
PRICE_MIN = 50
"""Cheaper products are no part of the assortment, and of no planted error (cents)."""
STORE_ERRORS = 24
LATE_TILLS = 24
RUN_GAP_MAX, RUN_SPAN_MIN = 48 * HOUR, 26 * HOUR
LEAD_MAX, APART_MIN = HOUR, 2 * MINUTE
LATE_TILL_MAX = 18 * HOUR


class Sale(NamedTuple):
    """One receipt line as a shelf sees it; price in cents, after the promotion."""

    at: int
    price: int
    basket: int
    exact: bool
    """The charged price has no fraction of a cent."""


class StoreOffer(NamedTuple):
    """A price that one store publishes."""

    at: int
    store: int
    sku: int
    price: int


Shelf = tuple[int, int]
"""(product, store)"""


def sale_of(basket: Basket, line: BasketLine) -> Sale | None:
    """What a line says of the shelf price; None for a line that says nothing of it."""
    charged = line.total + line.match
    if line.quantity <= 0 or line.is_fuel:
        return None
    price = (2 * charged + line.quantity) // (2 * line.quantity)
    if price <= 0:
        return None
    exact = charged % line.quantity == 0 and line.promotion % line.quantity == 0
    return Sale(basket.at, price, basket.number, exact)


class Shelves:
    """Gathers what receipts charge, then plans what stores publish. Order of use: gather every
    till basket, `choose_assortment`, `plan`, then read and `say`."""

    def __init__(self) -> None:
        self.silent: set[tuple[int, int]] = set()
        """(basket, product) whose lines name no unit price: two prices in one moment."""
        self.spoken: set[int] = set()
        """Baskets that charge a price of a shelf which publishes; they must not come late."""
        self.lawful_differences = 0
        self.late_tills = 0
        self.errors: list[dict[str, Any]] = []
        self._lawful: list[dict[str, Any]] = []
        self._sales: dict[Shelf, list[Sale]] = defaultdict(list)
        self._offers: list[StoreOffer] = []

    def gather(self, basket: Basket) -> None:
        """Take in one till basket."""
        for line in basket.lines:
            sale = sale_of(basket, line)
            if sale is not None:
                self._sales[line.product, basket.store].append(sale)

    def choose_assortment(self) -> dict[int, int]:
        """Product → median shelf price in cents, for often sold products with calm prices."""
        prices: dict[int, list[int]] = defaultdict(list)
        moves: dict[int, int] = defaultdict(int)
        for (product, _), sales in self._sales.items():
            sales.sort()
            prices[product].extend(sale.price for sale in sales)
            moves[product] += 1 + sum(a.price != b.price for a, b in pairwise(sales))
        often = sorted(prices, key=lambda product: (-len(prices[product]), product))[:CANDIDATES]
        enough = [p for p in often if len(prices[p]) >= CANDIDATE_SALES_MIN] or often
        pool = enough if len(enough) >= ASSORTMENT_SIZE else often
        calm = sorted(pool, key=lambda product: (moves[product] / len(prices[product]), product))
        middle = {p: sorted(prices[p])[len(prices[p]) // 2] for p in calm}
        worthy = [product for product in calm if middle[product] >= PRICE_MIN]
        return {product: middle[product] for product in worthy[:ASSORTMENT_SIZE]}

    def plan(self, year: PriceYear) -> None:
        """Decide every store price and every wrong price at a store."""
        wrong = self._choose_errors()
        assortment = set(year.assortment)
        for shelf in sorted(self._sales):
            if shelf in wrong or shelf[0] in assortment:
                self._publish_shelf(shelf, wrong.get(shelf), year)
        self._sales.clear()

    def say(self, stream: Stream, titles: dict[int, str]) -> None:
        """Publish the store prices, and enter errors and lawful differences in the truth."""
        for offer in sorted(self._offers):
            body = {
                "sku": str(offer.sku),
                "title": titles.get(offer.sku, ""),
                "location": str(offer.store),
                "price": euros(offer.price),
                "currency": "EUR",
            }
            source = {"system": "price-service", "store": str(offer.store)}
            stream.say("pos", "offer.published", offer.at, (), body, source=source, punctual=True)
        stream.truth.errors.extend(self.errors)
        stream.truth.lawful.extend(self._lawful)
        stream.cases["lawful_store_difference"] += self.lawful_differences
        stream.cases["late_till"] += self.late_tills
        stream.cases["price_wrong_at_store"] += len(self.errors)

    def _choose_errors(self) -> dict[Shelf, list[Sale]]:
        """The shelves where a store publishes too little, with the sales that overcharge."""
        found: dict[Shelf, list[Sale]] = {}
        for shelf in sorted(self._sales):
            run = _opening_run(sorted(self._sales[shelf]))
            if run:
                found[shelf] = run
        best = sorted(found, key=lambda shelf: (-len(found[shelf]), shelf))[:STORE_ERRORS]
        return {shelf: found[shelf] for shelf in best}

    def _publish_shelf(self, shelf: Shelf, wrong: list[Sale] | None, year: PriceYear) -> None:
        sales = sorted(self._sales[shelf])
        current: int | None = None
        if wrong:
            current = self._plant_error(shelf, wrong, sales)
            sales = sales[len(wrong) :]
        before: list[Sale] = []
        for at_once in _moments(sales):
            if self._is_muddled(shelf, at_once, before):
                continue
            sale = at_once[0]
            self.spoken.add(sale.basket)
            if sale.price != current:
                at = self._publication(shelf, sale, before, current)
                self._offer(StoreOffer(at, shelf[1], shelf[0], sale.price), year)
                current = sale.price
            before.append(sale)

    def _is_muddled(self, shelf: Shelf, at_once: list[Sale], before: list[Sale]) -> bool:
        """No single price can be said: several at once, or another one a moment ago."""
        prices = {sale.price for sale in at_once}
        hasty = bool(before) and at_once[0].at - before[-1].at < APART_MIN
        muddled = len(prices) > 1 or (hasty and before[-1].price not in prices)
        if muddled:
            self.silent.update((sale.basket, shelf[0]) for sale in at_once)
        return muddled

    def _publication(
        self, shelf: Shelf, sale: Sale, before: list[Sale], current: int | None
    ) -> int:
        """When the store publishes the price that this sale charges."""
        if not before:
            return sale.at - LEAD_MAX
        if self._may_lag(sale, before, current):
            self.late_tills += 1
            at = before[-1].at - 30 * MINUTE
            late = {"sku": str(shelf[0]), "channel": "pos", "location": str(shelf[1])}
            span = {"since": written(at), "until": written(sale.at)}
            self._lawful.append({"case": "late_till", "market": MARKET} | late | span)
            return at
        return sale.at - min(LEAD_MAX, (sale.at - before[-1].at) // 2)

    def _may_lag(self, sale: Sale, before: list[Sale], current: int | None) -> bool:
        """The till can take the new price over late, with one receipt in between at the old."""
        if self.late_tills >= LATE_TILLS or len(before) < 2:
            return False
        last, previous = before[-1], before[-2]
        calm = last.price == previous.price == current and last.at - previous.at > 2 * HOUR
        return calm and sale.at - last.at < LATE_TILL_MAX

    def _plant_error(self, shelf: Shelf, run: list[Sale], sales: list[Sale]) -> int:
        """Publish too little before the run and put it right after; returns the price then."""
        product, store = shelf
        charged = run[0].price
        published = round(charged * 0.84)
        rest = sales[len(run) :]
        free = rest[0].at - run[-1].at if rest else DAY
        corrected = run[-1].at + min(6 * HOUR, free // 2)
        self._offers.append(StoreOffer(run[0].at - 2 * DAY, store, product, published))
        self._offers.append(StoreOffer(corrected, store, product, charged))
        self.spoken.update(sale.basket for sale in run)
        since = run[0].at
        self.errors.append(
            price_error(
                "wrong_price", product, "pos", str(store), published, charged, since, corrected
            )
        )
        return charged

    def _offer(self, offer: StoreOffer, year: PriceYear) -> None:
        self._offers.append(offer)
        online = year.price("shop", offer.sku, offer.at)
        if online is None or abs(online - offer.price) <= 1:
            return
        self.lawful_differences += 1
        where = {"sku": str(offer.sku), "channel": "pos", "location": str(offer.store)}
        prices = {"price": euros(offer.price), "online_price": euros(online)}
        since = {"since": written(offer.at)}
        self._lawful.append({"case": "store_price", "market": MARKET} | where | prices | since)


def _moments(sales: list[Sale]) -> Iterator[list[Sale]]:
    """Sales of one shelf grouped by their second."""
    group: list[Sale] = []
    for sale in sales:
        if group and group[0].at != sale.at:
            yield group
            group = []
        group.append(sale)
    if group:
        yield group


def _opening_run(sales: list[Sale]) -> list[Sale]:
    """The first sales of a shelf while they charge one price in close succession; empty where
    they are too few or too soon over to tell an error from a delay."""
    first = sales[0]
    run = [first]
    for sale in sales[1:]:
        if sale.price != first.price or sale.at - run[-1].at > RUN_GAP_MAX:
            break
        run.append(sale)
    rest = sales[len(run) :]
    clear = not rest or rest[0].at - run[-1].at >= HOUR
    enough = run[-1].at - first.at >= RUN_SPAN_MIN and len({sale.basket for sale in run}) > 1
    exact = all(sale.exact for sale in run) and first.price >= PRICE_MIN
    return run if clear and enough and exact else []
