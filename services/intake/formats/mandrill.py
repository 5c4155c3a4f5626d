"""Webhooks of Mandrill (Mailchimp Transactional): a form with a list of events in one field."""

from __future__ import annotations

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.fields import Fields
from services.intake.mail.bodies import Unpacked, form_of, in_json, is_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    INCOMING,
    OF_THE_ACCOUNT,
    OPENED,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    MailProvider,
)
from services.intake.mail.signatures import is_signed_by_mandrill
from services.intake.mail.values import text_at

FIELD = "mandrill_events"
in_field = in_json()


def unpacked(payload: bytes) -> Unpacked:
    """The events of the form, or of JSON alone."""
    if is_json(payload):
        return in_field(payload)
    found = form_of(payload)
    if isinstance(found, Fault):
        return found
    if FIELD not in found:
        return Fault(RejectReason.NOT_JSON, FIELD, "neither JSON nor a form with this field")
    return in_field(found[FIELD].encode())


def event_of(fields: Fields) -> str:
    """What happened to a mail, or to a list of the account (`sync`)."""
    name = text_at(fields, ("event",))
    return name or ("sync" if fields.plain.get("type") else "")


PROVIDER = MailProvider(
    name="mandrill",
    title="Mandrill",
    events={
        "send": SENT,
        "delivered": DELIVERED,
        "open": OPENED,
        "click": CLICKED,
        "hard_bounce": BOUNCED_HARD,
        "soft_bounce": BOUNCED_SOFT,
        "reject": BOUNCED_SOFT,
        "spam": COMPLAINED,
        "unsub": UNSUBSCRIBED,
        "deferral": UNDER_WAY,
        "inbound": INCOMING,
        "sync": OF_THE_ACCOUNT,
    },
    event=("event",),
    event_of=event_of,
    unpacked=unpacked,
    time=("ts",),
    recipient=("msg.email",),
    message_id=("_id", "msg._id"),
    campaign=("msg.tags",),
    subject=("msg.subject",),
    reason=("msg.diag", "msg.bounce_description", "msg.reject.reason"),
    url=("url",),
    user_agent=("user_agent",),
    variables=("msg.metadata",),
)
FORMAT = mail_format(PROVIDER, is_signed_by_mandrill, is_json=False)
"""The webhooks of Mandrill."""
