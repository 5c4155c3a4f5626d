"""Invents the persons of a household and the identifiers each of them holds.

A person is what a correct system must find: all identifiers that a person owns are linked by
verified events which `registration` writes. What a family shares has an owner of its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from devtools.sample import names
from devtools.sample.stream import Mention
from devtools.sample.truth import Ident, Truth

SEVERAL_PERSONS, THIRD_PERSON = 0.6, 0.25
HAS_SHOP, HAS_APP, HAS_CARD = 0.8, 0.5, 0.8
CARD_HAS_MAIL, HAS_PHONE = 0.5, 0.75
SECOND_MAIL, SECOND_CARD, IDN_MAIL = 0.25, 0.2, 0.2
FAMILY_PHONE, FAMILY_TABLET = 0.6, 0.8


@dataclass
class Person:
    """One invented person; identifiers that are None do not exist for this person."""

    label: str
    first_name: str
    last_name: str
    salutation: str
    birth_date: str
    customer: Ident | None = None
    app_user: Ident | None = None
    card: Ident | None = None
    second_card: Ident | None = None
    email: Ident | None = None
    second_email: Ident | None = None
    phone: Ident | None = None
    cookie: Ident | None = None
    device: Ident | None = None
    points: int = 0
    mail_from: int | None = None
    """Since when mailings are allowed, in epoch seconds."""
    mail_until: int | None = None

    @property
    def root(self) -> Mention:
        """The identifier that everything else of the person is linked to, verified."""
        ident = self.customer or self.card
        if ident is None:
            raise ValueError(f"{self.label} has neither customer number nor card")
        return Mention(ident, verified=True)

    def accepts_mail(self, at: int) -> bool:
        """A confirmed consent holds at this time."""
        begun = self.mail_from is not None and self.mail_from <= at
        return begun and (self.mail_until is None or at < self.mail_until)


@dataclass
class Household:
    """Persons under one roof, with what they share."""

    number: int
    persons: list[Person]
    street: str
    old_street: str
    postal_code: str
    city: str
    family_phone: Ident | None = None
    tablet: Ident | None = None
    tablet_users: list[Person] = field(default_factory=list)


class Registry:
    """Gives out identifiers that nobody else has. One for each stream."""

    def __init__(self, seed: int, truth: Truth) -> None:
        self._seed = seed
        self._truth = truth
        self._issued = 0
        self._phones = 0

    def household(self, number: int) -> Household:
        """The invented household of one number of the data: the same for the same draw."""
        rng = random.Random(f"{self._seed}/household/{number}")
        last = rng.choice(names.LAST)
        size = 1
        if rng.random() < SEVERAL_PERSONS:
            size = 3 if rng.random() < THIRD_PERSON else 2
        persons = [self._person(rng, f"person:{number}.{i + 1}", last, i) for i in range(size)]
        street, old = (f"{s} {rng.randint(1, 120)}" for s in rng.sample(names.STREETS, 2))
        postal_code, city = rng.choice(names.CITIES)
        streets = (street.replace("_", " "), old.replace("_", " "))
        household = Household(number, persons, *streets, postal_code, city)
        self._share(rng, household)
        return household

    def _person(self, rng: random.Random, label: str, family: str, place: int) -> Person:
        woman = rng.random() < 0.5
        first = rng.choice(names.FEMALE if woman else names.MALE)
        last = family if place == 0 or rng.random() < 0.8 else rng.choice(names.LAST)
        born = f"{rng.randint(1940, 1998)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        person = Person(label, first, last, "Frau" if woman else "Herr", born)
        shops = rng.random() < HAS_SHOP
        if shops:
            person.customer = self._ident(
                "customer_number", "shop", f"K{200_000 + self._next()}", label
            )
            person.cookie = self.random_ident(rng, "cookie", "shop", label)
        if not shops or place == 0 or rng.random() < HAS_CARD:
            person.card = self._card(rng, label)
            if rng.random() < SECOND_CARD:
                person.second_card = self._card(rng, label)
        if shops or rng.random() < CARD_HAS_MAIL:
            self._give_mail(rng, person)
        if person.email and rng.random() < HAS_APP:
            person.app_user = self.random_ident(rng, "app_user", "app", label)
            person.device = self.random_ident(rng, "device_id", "app", label)
        if rng.random() < HAS_PHONE:
            person.phone = self._phone(label)
        return person

    def _give_mail(self, rng: random.Random, person: Person) -> None:
        person.email = self.mail(rng, person.first_name, person.last_name, person.label)
        if rng.random() < SECOND_MAIL:
            nickname = person.first_name[:3] + person.birth_date[2:4]
            person.second_email = self.mail(rng, nickname, "privat", person.label)

    def _share(self, rng: random.Random, household: Household) -> None:
        """A phone and a tablet that belong to the family, that is to nobody."""
        if len(household.persons) < 2:
            return
        if rng.random() < FAMILY_PHONE:
            household.family_phone = self._phone(self._truth.label("shared"))
        users = [p for p in household.persons if p.customer or p.app_user][:2]
        if len(users) == 2 and rng.random() < FAMILY_TABLET:
            kind = rng.choice((("device_id", "app"), ("cookie", "shop")))
            household.tablet = self.random_ident(rng, *kind, self._truth.label("shared"))
            household.tablet_users = users

    def mail(self, rng: random.Random, first: str, last: str, owner: str) -> Ident:
        """A new e-mail address, in its normalised form."""
        domains = names.IDN_DOMAINS if rng.random() < IDN_MAIL else names.MAIL_DOMAINS
        local = f"{names.ascii_name(first)}.{names.ascii_name(last)}{self._next()}"
        domain = rng.choice(domains).encode("idna").decode("ascii")
        return Ident("email", "", f"{local}@{domain}", owner)

    def random_ident(self, rng: random.Random, kind: str, issuer: str, owner: str) -> Ident:
        """A new identifier that machines make: cookie, session, device, app user."""
        return Ident(kind, issuer, f"{kind[0]}{rng.getrandbits(80):020x}", owner)

    def guest_number(self, owner: str) -> Ident:
        """A new number of the shop for a checkout without an account."""
        return self._ident("guest_number", "shop", f"G{700_000 + self._next()}", owner)

    def _card(self, rng: random.Random, owner: str) -> Ident:
        number = f"29{rng.randint(100, 999)}{10_000_000 + self._next()}"
        return self._ident("loyalty_card", "loyalty", number, owner)

    def _phone(self, owner: str) -> Ident | None:
        """A number of the film blocks in E.164; None when all of them are given out."""
        block, number = divmod(self._phones, 1_000)
        if block >= len(names.FICTION_BLOCKS):
            return None
        self._phones += 1
        area, first_digits = names.FICTION_BLOCKS[block]
        return Ident("phone", "", f"+49{area}{first_digits}{number:03d}", owner)

    def _ident(self, kind: str, issuer: str, value: str, owner: str) -> Ident:
        return Ident(kind, issuer, value, owner)

    def _next(self) -> int:
        self._issued += 1
        return self._issued


def mail_variant(rng: random.Random, email: Ident) -> str:
    """The address as people and systems write it: case, blanks, the domain in its own script."""
    local, _, domain = email.value.partition("@")
    own_script = domain.encode("ascii").decode("idna")
    forms = (local.upper() + "@" + domain, local.title() + "@" + domain.upper(), f" {email.value} ")
    if own_script != domain:
        return f"{local}@{own_script}"
    return rng.choice(forms)


def phone_variant(rng: random.Random, phone: Ident) -> str:
    """The number as people write it in Germany."""
    digits = phone.value.removeprefix("+49")
    area = next(area for area, _ in names.FICTION_BLOCKS if digits.startswith(area))
    rest = digits.removeprefix(area)
    forms = (
        f"0{area} {rest}",
        f"0{area}/{rest[:3]} {rest[3:]}",
        f"0049 {area} {rest}",
        f"(0{area}) {rest[:-3]}-{rest[-3:]}",
        f"+49 {area} {rest}",
    )
    return rng.choice(forms)
