"""Permission and mail: consents, campaigns of the data and newsletters, with the reactions.

Mail goes only to addresses with a confirmed opt-in. An address is verified by a click only where
the link carried a single-use token.
"""

from __future__ import annotations

import random
from typing import Any

from devtools.sample.baskets import Campaign
from devtools.sample.calendar_de import DAY, HOUR, MINUTE
from devtools.sample.persons import Household, Person
from devtools.sample.stream import Mention, Stream
from devtools.sample.truth import Ident

GIVES_CONSENT, CONFIRMS, WITHDRAWS, OBJECTS = 0.8, 0.85, 0.2, 0.18
BOUNCED, OPENED, CLICKED, TOKEN, UNSUBSCRIBES = 0.01, 0.4, 0.35, 0.6, 0.01
NEWSLETTER_EVERY = 14 * DAY


class Mailings:
    """Generates consents and mails of one household after another."""

    def __init__(self, stream: Stream, seed: int, campaigns: list[Campaign], end: int) -> None:
        self._stream = stream
        self._seed = seed
        self._campaigns = {campaign.number: campaign for campaign in campaigns}
        self._end = end
        self._rng = random.Random()
        self._mails = 0

    def begin(self, number: int) -> None:
        """Turn to another household: its chances do not depend on those before."""
        self._rng = random.Random(f"{self._seed}/mail/{number}")

    def publish(self, start: int) -> None:
        """Announce the campaigns of the data."""
        for campaign in self._campaigns.values():
            if start < campaign.starts_at < self._end:
                body = {"campaign": _name(campaign.number), "title": f"Kampagne {campaign.kind}"}
                self._stream.say("email", "campaign.published", campaign.starts_at, (), body)
                self._stream.cases["campaign_published"] += 1

    def consent(self, person: Person, at: int) -> None:
        """The person's permission over the year; sets when mailings are allowed."""
        email, rng = person.email, self._rng
        if email is None or rng.random() >= GIVES_CONSENT:
            return
        who = [person.root, Mention(email)]
        self._consent("given", at, who, email, double_opt_in=True)
        if rng.random() >= CONFIRMS:
            self._stream.cases["consent_never_confirmed"] += 1
            return
        person.mail_from = at + rng.randint(5, 300) * MINUTE
        self._consent(
            "confirmed", person.mail_from, [Mention(email, True)], email, double_opt_in=True
        )
        roll, then = rng.random(), rng.randrange(at + 20 * DAY, max(at + 21 * DAY, self._end))
        if then >= self._end:
            return
        if roll < WITHDRAWS:
            self._stop(person, then)
            self._consent("withdrawn", then, [person.root], email)
        elif roll < WITHDRAWS + OBJECTS:
            self._stop(person, then)
            body = {"purpose": "marketing", "reason": "keine Werbung mehr"}
            self._stream.say("phone", "objection.made", then, [person.root], body)
            self._stream.cases["objection"] += 1

    def campaign_mail(self, household: Household, numbers: list[int]) -> None:
        """What the data's campaigns sent to this household: mail where allowed, else a letter."""
        reader = next((p for p in household.persons if p.email), None)
        for number in sorted(numbers):
            campaign = self._campaigns.get(number)
            if campaign is None or not campaign.starts_at < self._end - DAY:
                continue
            at = campaign.starts_at + 7 * HOUR + self._rng.randrange(4 * HOUR)
            if reader and reader.accepts_mail(at):
                self._mail(reader, at, _name(number))
            else:
                self._letter(household.persons[0], at, number)

    def newsletters(self, person: Person) -> None:
        """The fortnightly newsletter, as long as the person wants it."""
        if person.mail_from is None:
            return
        at = person.mail_from + self._rng.randrange(NEWSLETTER_EVERY)
        while at < self._end - DAY and person.accepts_mail(at):
            self._mail(person, at, f"newsletter-{at // NEWSLETTER_EVERY}")
            at += NEWSLETTER_EVERY + self._rng.randrange(HOUR)

    def order_mail(self, email: Ident, order_id: str, at: int) -> str:
        """The confirmation of an order, to whatever address was typed; returns its message id."""
        self._mails += 1
        message = f"m{self._mails:06d}"
        body = {"purpose": "transactional", "address": email.value, "message_id": message}
        body["subject"] = f"Ihre Bestellung {order_id}"
        self._stream.say("email", "email.sent", at, [Mention(email)], body)
        return message

    def token_click(self, email: Ident, cookie: Ident, message: str, at: int) -> None:
        """A click on a single-use link: it proves access to the mail of this address."""
        body = {"address": email.value, "message_id": message, "single_use_token": True}
        who = [Mention(email, verified=True), Mention(cookie)]
        self._stream.say("email", "email.clicked", at, who, body)

    def _consent(
        self, change: str, at: int, who: list[Mention], email: Ident, double_opt_in: bool = False
    ) -> None:
        body: dict[str, Any] = {"purpose": "marketing", "channel": "email", "address": email.value}
        if double_opt_in:
            body |= {"text_version": "2016-11", "double_opt_in": True}
        channel = "email" if change == "confirmed" else "shop"
        self._stream.say(channel, f"consent.{change}", at, who, body)
        self._stream.cases[f"consent_{change}"] += 1

    def _stop(self, person: Person, at: int) -> None:
        person.mail_until = at

    def _letter(self, person: Person, at: int, number: int) -> None:
        who = [Mention(person.root.ident)]
        body = {"campaign": _name(number)}
        self._stream.say("letter", "campaign.reached", at, who, body)

    def _mail(self, person: Person, at: int, campaign: str) -> None:
        email = person.email
        if email is None:
            return
        self._mails += 1
        about = {"address": email.value, "campaign": campaign, "message_id": f"m{self._mails:06d}"}
        who = [Mention(email)]
        self._stream.say("email", "email.sent", at, who, {"purpose": "marketing"} | about)
        if self._rng.random() < BOUNCED:
            reason = {"reason": "550 mailbox unavailable"}
            self._stream.say("email", "email.bounced", at + MINUTE, who, about | reason)
            self._stop(person, at + MINUTE)
            return
        self._stream.say("email", "email.delivered", at + MINUTE, who, about)
        if self._rng.random() < OPENED:
            self._react(person, email, at + self._rng.randint(10, 900) * MINUTE, about)

    def _react(self, person: Person, email: Ident, at: int, about: dict[str, Any]) -> None:
        who = [Mention(email)]
        self._stream.say("email", "email.opened", at, who, about)
        if self._rng.random() < CLICKED:
            self._click(person, email, at + MINUTE, about)
        if self._rng.random() < UNSUBSCRIBES:
            self._stream.say("email", "email.unsubscribed", at + 2 * MINUTE, who, about)
            self._stop(person, at + 2 * MINUTE)

    def _click(self, person: Person, email: Ident, at: int, about: dict[str, Any]) -> None:
        """A click, proving the address only with a token; then the person's own cookie is seen."""
        body = about | {"url": "https://shop.example/angebote"}
        if self._rng.random() >= TOKEN:
            self._stream.say("email", "email.clicked", at, [Mention(email)], body)
            return
        who = [Mention(email, verified=True)]
        if person.cookie:
            who.append(Mention(person.cookie))
        self._stream.say("email", "email.clicked", at, who, body | {"single_use_token": True})
        self._stream.cases["click_with_token"] += 1


def _name(number: int) -> str:
    return f"TCJ-{number}"
