"""Webhooks of MailerSend: a body is one event, with what happened under `data`."""

from __future__ import annotations

from schemas.events.messages import Purpose
from services.intake.fields import Fields
from services.intake.mail.bodies import in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    INCOMING,
    OF_A_CONTACT,
    OF_THE_ACCOUNT,
    OPENED,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    MailProvider,
)
from services.intake.mail.recipients import texts_in
from services.intake.mail.signatures import is_signed_by_mailersend

TAGS = "data.email.tags"


def stated_purpose(fields: Fields) -> str:
    """A tag that is a purpose: MailerSend returns no variables of a message."""
    return next((one for one in texts_in(fields, TAGS) if one in set(Purpose)), "")


ACCOUNT = (
    "sender_identity.verified", "maintenance.start", "maintenance.end", "bulk_email.completed",
    "email_single.verified", "email_list.verified", "webhook.test",
)  # fmt: skip
CONTACT = (
    "recipient.on_hold_added", "recipient.on_hold_removed", "activity.survey_opened",
    "activity.survey_submitted",
)  # fmt: skip
PROVIDER = MailProvider(
    name="mailersend",
    title="MailerSend",
    events={
        "activity.sent": SENT,
        "activity.delivered": DELIVERED,
        "activity.opened": OPENED,
        "activity.opened_unique": OPENED,
        "activity.clicked": CLICKED,
        "activity.clicked_unique": CLICKED,
        "activity.hard_bounced": BOUNCED_HARD,
        "activity.soft_bounced": BOUNCED_SOFT,
        "activity.spam_complaint": COMPLAINED,
        "activity.unsubscribed": UNSUBSCRIBED,
        "activity.deferred": UNDER_WAY,
        "inbound_forward.failed": INCOMING,
        **dict.fromkeys(ACCOUNT, OF_THE_ACCOUNT),
        **dict.fromkeys(CONTACT, OF_A_CONTACT),
    },
    event=("type",),
    unpacked=in_json(),
    time=("data.created_at", "created_at"),
    recipient=("data.email.recipient.email",),
    event_id=("data.id",),
    message_id=("data.email.message.id",),
    campaign=(TAGS,),
    subject=("data.email.subject",),
    reason=("data.morph.readable_reason", "data.morph.reason"),
    url=("data.morph.url",),
    user_agent=("data.morph.user_agent",),
    stated_purpose=stated_purpose,
)
FORMAT = mail_format(PROVIDER, is_signed_by_mailersend)
"""The webhooks of MailerSend."""
