"""Master data of a person: registrations that link identifiers, and differing copies per channel.

Shop, app and loyalty programme each keep their own copy of name, address and telephone, with an
old street, a typo or another way of writing, as separate systems do.
"""

from __future__ import annotations

import random
from typing import Any

from devtools.sample.calendar_de import DAY, HOUR, MINUTE
from devtools.sample.names import with_typo
from devtools.sample.orders import replacement_at
from devtools.sample.persons import Household, Person, mail_variant, phone_variant
from devtools.sample.stream import Mention, Stream
from devtools.sample.truth import Ident

TYPO, OLD_STREET, VARIANT = 0.3, 0.3, 0.6


class MasterData:
    """Generates registrations and profile copies of one household after another."""

    def __init__(self, stream: Stream, seed: int, end: int) -> None:
        self._stream = stream
        self._seed = seed
        self._end = end
        self._rng = random.Random()

    def register(self, household: Household, at: int) -> None:
        """Every person of a household comes into being, `at` and in the hours after it."""
        self._rng = random.Random(f"{self._seed}/master/{household.number}")
        for number, person in enumerate(household.persons):
            self._register(person, at + number * HOUR)
            self._copies(household, person, at + number * HOUR + 30 * MINUTE)
        if household.family_phone:
            self._stream.cases["family_phone"] += 1

    def typed_foreign_mail(self, person: Person, foreign: Ident, at: int) -> None:
        """A known person types somebody else's address into the profile; nothing is proved."""
        who = [person.root, Mention(foreign, written=mail_variant(self._rng, foreign))]
        body = {"attributes": {"email": foreign.value}}
        self._stream.say("shop", "profile.updated", at, who, body)
        self._stream.cases["foreign_email_typed"] += 1

    def _register(self, person: Person, at: int) -> None:
        root = person.root
        if person.email:
            seen = [Mention(person.cookie)] if person.cookie else []
            who = [root, Mention(person.email, True), *seen]
            self._link("shop" if person.customer else "pos", at, who, "registration")
        if person.customer and person.card:
            self._link("pos", at + 5 * MINUTE, [root, Mention(person.card, True)], "card_presented")
        if person.app_user and person.device and person.email:
            proof = root if self._rng.random() < 0.5 else Mention(person.email, True)
            who = [Mention(person.app_user, True), proof, Mention(person.device)]
            self._link("app", at + 10 * MINUTE, who, "login")
        if person.second_card and person.card:
            who = [Mention(person.card, True), Mention(person.second_card, True)]
            self._link("pos", replacement_at(self._end), who, "card_presented")
            self._stream.cases["card_replaced"] += 1
        if person.second_email:
            later = at + self._rng.randint(2, 60) * DAY
            self._link("shop", later, [root, Mention(person.second_email, True)], "token_presented")
            self._stream.cases["two_emails"] += 1

    def _link(self, channel: str, at: int, who: list[Mention], reason: str) -> None:
        self._stream.say(channel, "identity.linked", at, who, {"reason": reason})

    def _copies(self, household: Household, person: Person, at: int) -> None:
        """One `profile.updated` for each system that knows the person."""
        systems = (("shop", person.customer), ("app", person.app_user), ("pos", person.card))
        for channel, login in systems:
            if login:
                self._copy(household, person, channel, login, at)
                at += 7 * MINUTE

    def _copy(
        self, household: Household, person: Person, channel: str, login: Ident, at: int
    ) -> None:
        who = [Mention(login, verified=True)]
        attributes = self._attributes(household, person, channel)
        # The family's phone is everybody's second number; each person names it in every copy.
        for phone in (person.phone, household.family_phone):
            if phone:
                written = self._phone(phone)
                who.append(Mention(phone, written=written))
                attributes["phone"] = written or phone.value
        if person.email:
            written = self._mail(person.email)
            who.append(Mention(person.email, written=written))
            attributes["email"] = (written or person.email.value).strip()
        source = {"system": "crm"} if channel == "pos" else None
        body = {"attributes": attributes}
        self._stream.say(channel, "profile.updated", at, who, body, source=source)

    def _attributes(self, household: Household, person: Person, channel: str) -> dict[str, Any]:
        rng = self._rng
        copy = channel != "shop"
        old = copy and rng.random() < OLD_STREET
        first = person.first_name
        if channel == "pos" and rng.random() < TYPO:
            first = with_typo(first, rng.randrange(9))
        attributes = {
            "salutation": person.salutation,
            "first_name": first,
            "last_name": person.last_name.upper() if channel == "pos" else person.last_name,
            "street": household.old_street if old else household.street,
            "postal_code": household.postal_code,
            "city": household.city,
            "country": "DE",
        }
        if channel != "app":
            attributes["birth_date"] = person.birth_date
        return attributes

    def _phone(self, phone: Ident) -> str:
        if self._rng.random() >= VARIANT:
            return ""
        self._stream.cases["phone_variant"] += 1
        return phone_variant(self._rng, phone)

    def _mail(self, email: Ident) -> str:
        if self._rng.random() >= VARIANT:
            return ""
        written = mail_variant(self._rng, email)
        own_script = not written.isascii()
        self._stream.cases["email_idn_variant" if own_script else "email_case_variant"] += 1
        return written
