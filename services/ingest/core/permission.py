"""What an event says about contact permission: consents, refusals, and refusals in another form.

A consent is for one address, one channel and one purpose, each of the configured ones. A refusal
reaches at least as far as its sender meant: without a purpose it ends every purpose, without a
known address every address of the person. Whether a complaint or a bounce counts as a refusal is
decided when a profile is read (rules file); here it is only noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.events.dialogue import MessageExchanged
from schemas.events.master_data import ConsentChanged, ObjectionMade
from schemas.events.messages import Bounce, MessageReaction
from schemas.identifiers import WHOLE_PERSON, NodeId
from schemas.letter_case import lower_case
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_TYPES, Touchpoint
from services.ingest.core.fact_row import EMPTY_CONSENTS, Group
from services.ingest.core.outcome import Context, DropReason, Intake, Reject

ADDRESS_TYPES = {"email": "email", "phone": "phone", "sms": "phone", "voice": "phone"}
"""Identifier type of the address that a consent on a channel is for."""
REACTIONS = {
    "email.unsubscribed": "withdrawn",
    "email.complained": "complained",
    "email.bounced": "bounced",
}
"""Reactions to a mail that speak against further ones, by the action noted."""
MESSAGE = "message.exchanged"
STOP_CHANNELS = frozenset({"sms", "messenger"})
"""Where whoever wants no more messages answers with a word."""
CONSENT_TYPES = frozenset(
    name for name in EVENT_TYPES if name.startswith(("consent.", "objection."))
) | {*REACTIONS, MESSAGE}
"""Event types that may affect contact permission."""
EVERY_PURPOSE = ""
SIGNS = " .,;:!?\"'*„“”«»()-"
"""Around a stop word."""
WITHDRAWAL = "consent.withdrawn"
ENHANCED_STATUS = re.compile(r"\b([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
NO_SUCH_MAILBOX = re.compile(r"\b(550|551|553)\b|\b(hard|permanent)", re.IGNORECASE)
"""SMTP replies that refuse the address itself, and the words of mailing services."""

FindAddress = Callable[[Context, str, str | None], NodeId | None]
"""(context, channel, address) to the node of that address, or of the event's own one without it;
None for an address that cannot be read."""
ReadAddress = Callable[[str, str, str | None], NodeId | DropReason | None]
"""(realm, channel, address) to the node of that address, or why it cannot be read."""


def refuse_unlisted(
    event: Touchpoint, purposes: frozenset[str], channels: frozenset[str]
) -> Reject | None:
    """A reject if a consent or objection names a purpose or channel that is not configured."""
    body = event.body
    if not isinstance(body, ConsentChanged | ObjectionMade):
        return None
    if body.purpose not in purposes:
        return _unlisted(event, "purpose", purposes)
    if body.channel and body.channel not in channels:
        return _unlisted(event, "channel", channels)
    return None


def refuse_unreadable(event: Touchpoint, read: ReadAddress) -> Reject | None:
    """A reject if a consent is for an address that cannot be read: it must not become one for
    another address. A withdrawal is never rejected for that; it reaches further instead."""
    body = event.body
    if not isinstance(body, ConsentChanged) or event.type == WITHDRAWAL:
        return None
    if not isinstance(read(event.realm, body.channel, body.address), DropReason):
        return None
    message = "no address of this channel can be read from it; correct it, or leave it out"
    return Reject(RejectReason.INVALID_FIELD, "body.address", message, event.event_id)


def _unlisted(event: Touchpoint, name: str, listed: frozenset[str]) -> Reject:
    message = f"not a configured {name} of contact; use one of {', '.join(sorted(listed))}"
    return Reject(RejectReason.INVALID_FIELD, f"body.{name}", message[:300], event.event_id)


def consents_group(
    context: Context, find: FindAddress, purposes: frozenset[str], stop_words: frozenset[str]
) -> Group:
    """Columns of a consent, withdrawal or objection, or of a reaction that refuses more messages.

    `stop_words` are in lower case.
    """
    event, body = context.event, context.event.body
    if isinstance(body, MessageExchanged):
        return _answer(context, find, stop_words)
    if isinstance(body, ObjectionMade):
        return _consent("objection", body.purpose, body.channel, WHOLE_PERSON)
    if isinstance(body, ConsentChanged):
        action = event.type.removeprefix("consent.")
        address = find(context, body.channel, body.address)
        if address is None:
            address = (
                _reach(context) if action == "withdrawn" else context.identified.anchor.node.id
            )
        return _consent(
            action,
            body.purpose,
            body.channel,
            address,
            body.basis,
            body.double_opt_in,
            body.text_version,
        )
    return _reaction(context, find, purposes)


def _reaction(context: Context, find: FindAddress, purposes: frozenset[str]) -> Group:
    body, action = context.event.body, REACTIONS[context.event.type]
    address = find(context, "email", body.address) or find(context, "email", None)
    if action != "bounced":
        named = action == "withdrawn" and body.purpose in purposes
        reach = _reach(context) if address is None else address
        return _consent(action, body.purpose if named else EVERY_PURPOSE, "email", reach)
    if address is None or not is_hard_bounce(body):  # of an unknown address it says nothing
        return EMPTY_CONSENTS
    return _consent(action, EVERY_PURPOSE, "email", address)


def _answer(context: Context, find: FindAddress, stop_words: frozenset[str]) -> Group:
    """A message of the customer that consists of a stop word ends every purpose on its channel."""
    body, channel = context.event.body, context.event.channel
    if body.author != "customer" or channel not in STOP_CHANNELS:
        return EMPTY_CONSENTS
    if lower_case(" ".join(body.text.split()).strip(SIGNS)) not in stop_words:
        return EMPTY_CONSENTS
    address = find(context, channel, None)
    return _consent(
        "withdrawn", EVERY_PURPOSE, channel, _reach(context) if address is None else address
    )


def _reach(context: Context) -> NodeId:
    """Whom a refusal without an address is for: a public key speaks for its device alone."""
    if context.intake is Intake.PUBLIC:
        return context.identified.anchor.node.id
    return WHOLE_PERSON


def is_hard_bounce(body: MessageReaction) -> bool:
    """Whether the address does not exist: as `bounce` says, else as the SMTP reply in `reason`.

    Of an enhanced status only 5.1.x (address) and 5.2.1 (mailbox disabled) are hard; a full mailbox
    (5.2.2) or a rejected content (5.7.x) says nothing about the address.
    """
    if body.bounce is not None:
        return body.bounce is Bounce.HARD
    status = ENHANCED_STATUS.search(body.reason)
    if status:
        kind, subject, detail = status.groups()
        return kind == "5" and (subject == "1" or (subject, detail) == ("2", "1"))
    return NO_SUCH_MAILBOX.search(body.reason) is not None


def _consent(
    action: str,
    purpose: str,
    channel: str,
    address: NodeId,
    basis: str = "",
    double_opt_in: bool = False,
    text_version: str = "",
) -> Group:
    return {
        "consents.action": [action],
        "consents.purpose": [purpose],
        "consents.channel": [channel],
        "consents.address": [address],
        "consents.basis": [basis],
        "consents.double_opt_in": [double_opt_in],
        "consents.text_version": [text_version],
    }
