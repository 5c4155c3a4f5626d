"""Decides for every basket who bought it and which events it becomes, before anything is written.

The price plan of the stores needs to know which baskets stay till receipts, so these decisions
come first and are kept; the events follow from them.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import NamedTuple

from devtools.sample.baskets import Basket
from devtools.sample.persons import Household, Person

ANONYMOUS, PLACEHOLDER = 0.08, 0.02
SHOP, APP, COLLECT = 0.16, 0.14, 0.02
ONE_GUEST_ORDER = 0.8
CONFIRMED_GUEST_ORDER = 0.6
MAIN_SHOPPER = 0.6


class Telling(StrEnum):
    """The events that a basket becomes."""

    RECEIPT = "receipt"
    """Till receipt with the loyalty card shown."""
    ANONYMOUS = "anonymous"
    """Till receipt without a customer."""
    PLACEHOLDER = "placeholder"
    """Till receipt with a placeholder where the card should be."""
    SHOP = "shop"
    APP = "app"
    COLLECT = "collect"
    """Ordered in the shop, picked up at the till: two reports of one order."""
    GUEST = "guest"
    """Shop checkout without an account, e-mail typed and never verified."""
    CONFIRMED_GUEST = "confirmed_guest"
    """The same, and a single-use link proves the address later."""


AT_TILL = frozenset({Telling.RECEIPT, Telling.ANONYMOUS, Telling.PLACEHOLDER})


class Told(NamedTuple):
    """The decision for one basket; `person` is the place in the household."""

    telling: Telling
    person: int


def decide_tellings(seed: int, household: Household, baskets: list[Basket]) -> dict[int, Told]:
    """Basket number → the events it becomes and their person."""
    rng = random.Random(f"{seed}/telling/{household.number}")
    told = {}
    for basket in baskets:
        place = _buyer(rng, len(household.persons))
        telling = _telling(rng, household.persons[place])
        told[basket.number] = Told(telling, place)
    for number, telling in _guest_orders(rng, baskets).items():
        told[number] = told[number]._replace(telling=telling)
    return told


def _buyer(rng: random.Random, persons: int) -> int:
    if persons == 1 or rng.random() < MAIN_SHOPPER:
        return 0
    return rng.randrange(1, persons)


def _telling(rng: random.Random, person: Person) -> Telling:
    roll = rng.random()
    if person.customer and roll < SHOP:
        return Telling.SHOP
    if person.app_user and SHOP <= roll < SHOP + APP:
        return Telling.APP
    if person.customer and person.card and roll > 1 - COLLECT:
        return Telling.COLLECT
    roll = rng.random()
    if roll < PLACEHOLDER:
        return Telling.PLACEHOLDER
    if roll < PLACEHOLDER + ANONYMOUS or not person.card:
        return Telling.ANONYMOUS
    return Telling.RECEIPT


def _guest_orders(rng: random.Random, baskets: list[Basket]) -> dict[int, Telling]:
    """One checkout without an account of each form, for most households."""
    chances = ((Telling.GUEST, ONE_GUEST_ORDER), (Telling.CONFIRMED_GUEST, CONFIRMED_GUEST_ORDER))
    wanted = [telling for telling, share in chances if rng.random() < share]
    if len(baskets) < len(wanted):
        return {}
    chosen = rng.sample(baskets, len(wanted))
    return {basket.number: telling for basket, telling in zip(chosen, wanted, strict=True)}
