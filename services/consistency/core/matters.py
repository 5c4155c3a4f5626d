"""Matters: what a customer wants, told once or several times, in whatever cases it is kept.

What was said is written into a statement, and read from it, here. Texts are not kept, only the
words of a subject. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import NamedTuple

from schemas.claim import Statement
from schemas.events.dialogue import ComplaintChanged, SupportExchanged
from schemas.subject import SEPARATOR
from services.consistency.core.case_steps import STEP_ORDER, CaseStep, step_of
from services.consistency.core.kind import Heard

SUBJECT_MAX = 300
REPEATED = "repeated"
REPLY_MARKS = frozenset({"re", "aw", "antw", "antwort", "fw", "fwd", "wg"})
WORDS = re.compile(r"[^\W_]+")


class Said(NamedTuple):
    """A contact or an answer."""

    claim: Statement
    step: CaseStep
    repeated: bool
    """The event says that the customer had to explain it again."""
    subject: str
    """Its words, as `plain` gives them."""
    agent: str
    """Who took the contact; empty if unknown."""
    conversation: str
    """The channel whose conversation it is; empty for a case."""
    number: str
    """Of the case or conversation."""

    @classmethod
    def of(cls, claim: Statement) -> Said:
        """What a statement of `said_by` says."""
        step, repeated, subject, agent = claim.value.split(SEPARATOR, 3)
        conversation, _, number = claim.terms.partition(SEPARATOR)
        is_repeated = repeated == REPEATED
        return cls(claim, CaseStep(step), is_repeated, subject, agent, conversation, number)

    @property
    def at(self) -> datetime:
        """When it was said."""
        return self.claim.occurred_at

    @property
    def order(self) -> tuple[datetime, int, str, int]:
        """A total order: by time, questions before answers."""
        return self.at, STEP_ORDER.index(self.step), self.claim.event_id, self.claim.ordinal


class Matter:
    """One matter of one customer, filled in the order of time."""

    def __init__(self, begin: datetime) -> None:
        self.contacts: list[Said] = []
        self.tellings: list[tuple[Said, str]] = []
        """The contacts in which it was told again, each with what makes it the same matter."""
        self.told_before: list[Said] = []
        """The contacts before the first of these."""
        self.answer: Said | None = None
        self.handed_over: set[str] = set()
        """Numbers of the conversations that a bot handed over to a person."""
        self.channels: set[str] = set()
        self.agents: set[str] = set()
        """Those who are known to have taken a contact."""
        self.subjects: set[str] = set()
        self.latest = begin
        """When anybody said anything of it last."""

    def add(self, said: Said, subject: str) -> None:
        """Add a contact; `subject` is empty if it says nothing of the matter."""
        self.contacts.append(said)
        self.channels.add(said.claim.channel)
        self.latest = said.at
        if said.agent:
            self.agents.add(said.agent)
        if subject:
            self.subjects.add(subject)

    def tell_again(self, said: Said, cause: str) -> None:
        """In this contact, which is yet to be added, it is told again."""
        if not self.tellings and self.contacts:
            self.told_before = self.contacts[:]
        self.tellings.append((said, cause))


def plain(subject: str) -> str:
    """The words of a subject in small letters, without the marks of replies."""
    words = WORDS.findall(unicodedata.normalize("NFKC", subject[:SUBJECT_MAX]).casefold())
    while words and words[0] in REPLY_MARKS:
        words.pop(0)
    return " ".join(words)[:SUBJECT_MAX]


def said_by(heard: Heard) -> tuple[str, str] | None:
    """Value and terms of the statement of an event; None if it is about no case."""
    found, body = step_of(heard), heard.event.body
    if found is None:
        return None
    is_case = isinstance(body, SupportExchanged | ComplaintChanged)
    repeated = REPEATED if isinstance(body, SupportExchanged) and body.repeated else ""
    parts = (found.step, repeated, plain(body.subject) if is_case else "", heard.event.source.agent)
    return SEPARATOR.join(parts), SEPARATOR.join((found.conversation, found.case_id))
