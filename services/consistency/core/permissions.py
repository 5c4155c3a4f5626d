"""Whether a marketing message was permitted: messages, and what people said about contact.

Statements carry both, and which identifiers an event proves to be one person's. The answer is that
of the consent core (services/profiles/core/consent.py), whose rules ingest has applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import orjson

from schemas.claim import Book, Statement
from schemas.events.messages import MessageSent
from schemas.identifiers import WHOLE_PERSON, NodeId
from schemas.kept_objection import KeptObjection
from schemas.offer import PUBLISHED
from schemas.rules.profile import ConsentRules
from schemas.touchpoint import Touchpoint
from services.consistency.core.contacts import contact_key, marketing_message, read_node, written
from services.consistency.core.joins import Link
from services.consistency.core.kind import Heard
from services.profiles.core.consent import (
    ERASED_EVENT,
    ConsentRecord,
    Consents,
    Permission,
    Target,
)

MESSAGE, CONSENT, LINK = "message", "consent", "link"
"""Terms of the statements: what was sent, what was said about it, which identifiers are one's."""
AS_RULED = ConsentRules()
MARKETING = "marketing"
BOUNCED = "bounced"
FREQUENT = frozenset({"page.viewed", "product.viewed", "search.performed", "cart.updated"})
"""Types whose links are not noted: there are too many of them."""
REACTION = "email."


class MarketingMessage(NamedTuple):
    """A marketing message. Messages are ordered by time."""

    at: datetime
    event_id: str
    channel: str
    purpose: str
    sender: str
    key: str
    anchor: NodeId
    address: NodeId | None
    campaign: str = ""


class Word(NamedTuple):
    """What somebody said about contact, and under which anchor."""

    record: ConsentRecord
    anchor: NodeId


class Permissions:
    """Who may be contacted at which time, by the words known; remembers what it was asked."""

    def __init__(self, words: Iterable[Word]) -> None:
        self.words = sorted(words, key=lambda word: (word.record.occurred_at, word.record.event_id))
        self._asked: dict[tuple[int, ...], Consents] = {}

    def permission(self, message: MarketingMessage, known: tuple[int, ...]) -> Permission:
        """By the words of these numbers. Marketing decides for the purposes that nobody named."""
        if known not in self._asked:
            records = [self.words[number].record for number in known]
            self._asked[known] = Consents(records, AS_RULED)
        consents = self._asked[known]
        own = self._of_purpose(consents, known, message, message.purpose)
        if message.purpose == MARKETING or (own.by and own.by.purpose == message.purpose):
            return own
        return self._of_purpose(consents, known, message, MARKETING)

    def _of_purpose(
        self, consents: Consents, known: tuple[int, ...], message: MarketingMessage, purpose: str
    ) -> Permission:
        channel = message.channel
        if message.address is not None:
            return consents.permission(Target(message.address, channel, purpose))
        # Nobody knows which address it was: any that may be contacted will do.
        addresses = {self.words[number].record.address for number in known}
        answers = [
            consents.permission(Target(address, channel, purpose)) for address in sorted(addresses)
        ]
        allowed = next((one for one in answers if one.allowed), None)
        return allowed or consents.permission(Target(WHOLE_PERSON, channel, purpose))


def statements_of(heard: Heard) -> list[tuple[str, str]]:
    """Terms and value of each statement of an event; each value has 1,000 characters at most."""
    event, found = heard.event, list[tuple[str, str]]()
    message = marketing_message(event)
    if message is not None:
        address = "" if heard.address is None else written(heard.address)
        sent = [message.purpose, event.source.system, contact_key(event, message), address]
        sent.append(written(heard.anchor))
        named = [message.campaign] if message.campaign else []
        found.append((MESSAGE, _packed(*sent, *named)))
    for one in heard.consents:
        if one.action != BOUNCED:  # says nothing of what the customer wants
            said = [one.action, one.purpose, one.channel, written(one.address), one.basis]
            found.append((CONSENT, _packed(*said, one.double_opt_in, written(heard.anchor))))
    if heard.proven and (found or _is_linking(event)):
        found.append((LINK, " ".join(map(written, (heard.anchor, *heard.proven)))))
    return found


def _is_linking(event: Touchpoint) -> bool:
    is_message = event.type.startswith(REACTION) or isinstance(event.body, MessageSent)
    return event.type not in FREQUENT and not is_message


def _packed(*values: str | bool) -> str:
    return orjson.dumps(values).decode()


def read_message(claim: Statement) -> MarketingMessage:
    """The message of a statement."""
    purpose, sender, key, address, anchor, *campaign = orjson.loads(claim.value)
    return MarketingMessage(
        claim.occurred_at, claim.event_id, claim.channel, purpose, sender, key,
        read_node(anchor), read_node(address) if address else None, *campaign,
    )  # fmt: skip


def kept_statements(book: Book, kept: Iterable[KeptObjection]) -> Iterator[Statement]:
    """What was kept of erased people, as statements of a customer's book. No event has their id:
    ids do not begin with a space."""
    for ordinal, one in enumerate(sorted(kept)):
        address, node = written(one.address), written(one.node)
        value = _packed(one.action, one.purpose, one.channel, address, "", False, node)
        yield Statement(
            book, one.occurred_at, f" {ERASED_EVENT}", ordinal, 0, one.channel, "", "",
            PUBLISHED, value, CONSENT,
        )  # fmt: skip


def read_word(claim: Statement) -> Word:
    """What was said, of a statement."""
    action, purpose, channel, address, basis, double_opt_in, anchor = orjson.loads(claim.value)
    record = ConsentRecord(
        action, purpose, channel, read_node(address), basis, double_opt_in,
        claim.event_id.strip(), claim.occurred_at,
    )  # fmt: skip
    return Word(record, read_node(anchor))


def read_links(claim: Statement) -> Iterator[Link]:
    """What it proves to be of one person; the first end of each link is the anchor."""
    if claim.terms == LINK:
        anchor, *others = (read_node(text) for text in claim.value.split(" "))
        for other in others:
            yield Link(claim.occurred_at, claim.event_id, anchor, other)
