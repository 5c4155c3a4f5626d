"""Webhooks of Mailgun: a body is one event with its signature, or a form as before 2018.

Events alone are taken, too, as the Events API lists them.
"""

from __future__ import annotations

from typing import Any

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.fields import Fields
from services.intake.mail.bodies import Unpacked, form_of, in_json, is_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED,
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    INCOMING,
    OF_A_CONTACT,
    OPENED,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    UNSUBSCRIBED_FROM_GROUP,
    MailProvider,
)
from services.intake.mail.signatures import OF_SIGNATURE, is_signed_by_mailgun, is_token
from services.intake.mail.values import text_at

NO_ADDRESS = frozenset({"bounce", "suppress-bounce"})
"""Why a mail failed whose address does not exist."""
NO_FORM = "neither JSON nor a form that Mailgun signed"
in_body = in_json("event-data")


def unpacked(payload: bytes) -> Unpacked:
    """The event of a body. A form is one only with a whole signature: else it may be cut off."""
    if is_json(payload):
        return in_body(payload)
    found = form_of(payload, OF_SIGNATURE)
    if isinstance(found, Fault):
        return found
    if "event" not in found or not is_token(found.get("signature")):
        return Fault(RejectReason.NOT_JSON, "", NO_FORM)
    event: dict[str, Any] = dict(found)
    return [event]


def event_of(fields: Fields) -> str:
    """A failure is temporary or permanent, a subscription of one list or of all."""
    name = text_at(fields, ("event",))
    if name == "failed":
        is_address = text_at(fields, ("reason",)) in NO_ADDRESS
        name = f"failed {text_at(fields, ('severity',))}"
        return f"{name} address" if name == "failed permanent" and is_address else name
    if name == "unsubscribed" and text_at(fields, PROVIDER.group):
        return "unsubscribed list"
    return name


PROVIDER = MailProvider(
    name="mailgun",
    title="Mailgun",
    events={
        "accepted": SENT,
        "delivered": DELIVERED,
        "opened": OPENED,
        "clicked": CLICKED,
        "failed permanent": BOUNCED_SOFT,
        "failed permanent address": BOUNCED_HARD,
        "rejected": BOUNCED_SOFT,
        "bounced": BOUNCED,
        "dropped": BOUNCED,
        "complained": COMPLAINED,
        "unsubscribed": UNSUBSCRIBED,
        "unsubscribed list": UNSUBSCRIBED_FROM_GROUP,
        "failed temporary": UNDER_WAY,
        "stored": INCOMING,
        "list_member_uploaded": OF_A_CONTACT,
        "list_member_upload_error": OF_A_CONTACT,
        "list_uploaded": OF_A_CONTACT,
    },
    event=("event",),
    event_of=event_of,
    unpacked=unpacked,
    time=("timestamp",),
    recipient=("recipient", "message.headers.to"),
    event_id=("id",),
    is_id_of_a_day=True,
    message_id=("message.headers.message-id", "Message-Id", "message-id"),
    campaign=("campaign-name", "campaign-id", "tags", "tag", "X-Mailgun-Tag"),
    subject=("message.headers.subject",),
    reason=(
        "delivery-status.message", "delivery-status.description", "reject.reason", "error",
        "description", "reason",
    ),
    url=("url",),
    user_agent=("client-info.user-agent", "user-agent"),
    automated=("client-info.bot",),
    variables=("user-variables", ""),
    group=("mailing-list.address",),
)  # fmt: skip
FORMAT = mail_format(PROVIDER, is_signed_by_mailgun, is_json=False)
"""The webhooks of Mailgun, old and new."""
