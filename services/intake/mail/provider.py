"""How a provider of e-mails writes its events: a declaration for each, read by `events.py`.

A path names a field of the event, `message.headers.subject`; of several paths the first that is
given counts. What no path can say is a function of the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.events.messages import Bounce
from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.fields import FieldAtFault, Fields

Paths = tuple[str, ...]


class MailMapping(NamedTuple):
    """What an event becomes."""

    type: str
    bounce: Bounce | None = None
    """Of a bounce; None where only the reply of the mailbox's server tells."""
    automated: bool = False
    """The provider says with the event's name that a program did it."""
    is_of_group: bool = False
    """It is about one group, list or stream of mails, which stands for a purpose."""


SENT = MailMapping("email.sent")
DELIVERED = MailMapping("email.delivered")
OPENED = MailMapping("email.opened")
OPENED_BY_PROGRAM = MailMapping("email.opened", automated=True)
CLICKED = MailMapping("email.clicked")
BOUNCED = MailMapping("email.bounced")
BOUNCED_HARD = MailMapping("email.bounced", Bounce.HARD)
BOUNCED_SOFT = MailMapping("email.bounced", Bounce.SOFT)
COMPLAINED = MailMapping("email.complained")
UNSUBSCRIBED = MailMapping("email.unsubscribed")
UNSUBSCRIBED_FROM_GROUP = MailMapping("email.unsubscribed", is_of_group=True)
RESUBSCRIBED = MailMapping("consent.given", is_of_group=True)

UNDER_WAY = "the mail is still under way: its delivery or its bounce follows"
IN_PREPARATION = "nothing has been sent yet"
OF_THE_ACCOUNT = "it is about the account at the provider, and about no mail"
OF_A_CONTACT = "it is about the provider's own list of contacts, and about no mail"
INCOMING = "it is about a mail that came in"
NO_TEMPLATE = "its template has an error, and nothing was sent"
ALREADY_SAID = "an event of its own says so, too"
NOT_BY_RECIPIENT = "the recipient did not do it"
REPLY_OF_PROGRAM = "a program answered, and the mail may have been delivered"
"""Why events are not taken."""


class Recipient(NamedTuple):
    """Somebody to whom a mail was addressed, and what the event says of this one alone."""

    address: str
    reason: str = ""


def _nothing(_: Fields) -> str:
    return ""


def _as_it_is(text: str) -> str:
    return text.strip("<> ")


@dataclass(frozen=True)
class MailProvider:
    """One provider. Of the functions, those that get Fields may raise NotTaken."""

    name: str
    """Name of the format, and `source.system` of its touchpoints."""
    title: str
    """How the provider writes its name."""
    events: Mapping[str, MailMapping | str]
    """What each event becomes, or why it is not taken."""
    event: Paths
    """Where the event's name is."""
    time: Paths
    """When it happened: RFC 3339, or seconds or milliseconds since 1970."""
    unpacked: Callable[[bytes], Sequence[Any] | Fault]
    """The events of a payload."""
    recipient: Paths
    """Where the address of the recipient is."""
    recipients: Callable[[Fields, str], list[Recipient]] | None = None
    """Whom the event is about (the second argument is its name), where that is no single field."""
    event_of: Callable[[Fields], str] | None = None
    """The key of an event in `events`, where the name alone does not say enough."""
    event_id: Paths = ()
    """The provider's own id of the event; without one it is derived from what the event says."""
    is_id_of_a_day: bool = False
    """That id may come again on another day."""
    is_utc: bool = False
    """Times that are written without a zone are in UTC."""
    message_id: Paths = ()
    message_id_of: Callable[[str], str] = _as_it_is
    """Of what stands there, the part that all events of a message share."""
    campaign: Paths = ()
    """A campaign, else a tag or category of the message."""
    subject: Paths = ()
    reason: Paths = ()
    url: Paths = ()
    user_agent: Paths = ()
    automated: Paths = ()
    """Where the provider says that a program opened or clicked."""
    variables: Paths = ()
    """Objects with what the sender gave to the message: its `purpose` and `campaign` are read. The
    empty path is the event itself."""
    group: Paths = ()
    """The group, list or stream of a subscription."""
    purposes: Callable[[Fields], list[str]] | None = None
    """The same, where there may be several."""
    stated_purpose: Callable[[Fields], str] = _nothing
    """The purpose of the mail as the provider itself says it; empty if it does not."""

    @property
    def refusals(self) -> list[FieldAtFault]:
        """The fields for which an event is refused."""
        invalid = RejectReason.INVALID_FIELD
        rows = [
            FieldAtFault("", RejectReason.NOT_JSON, "no object, half of a character, `NaN`, a "
                         "number that no float reaches, or more than 254 levels"),
            FieldAtFault(self.event[0], RejectReason.UNKNOWN_TYPE, "an event that is not taken, or "
                         "is not known"),
            FieldAtFault(self.time[0], invalid, "missing, or no time"),
            *(FieldAtFault(one, invalid, "no time") for one in self.time[1:]),
            FieldAtFault("purpose", invalid, "of a mail that was sent, none of the purposes of the "
                         "contract, or missing; of a new subscription missing"),
        ]  # fmt: skip
        missing = "no recipient, or of several recipients nobody can tell which"
        rows.append(FieldAtFault(self.recipient[0], RejectReason.NO_USABLE_IDENTIFIER, missing))
        return rows
