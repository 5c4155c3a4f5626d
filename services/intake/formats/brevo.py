"""Webhooks of Brevo, transactional and marketing: a body is one event."""

from __future__ import annotations

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
    OPENED,
    OPENED_BY_PROGRAM,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    MailProvider,
)

PROVIDER = MailProvider(
    name="brevo",
    title="Brevo",
    events={
        "request": SENT,
        "sent": SENT,
        "delivered": DELIVERED,
        "opened": OPENED,
        "unique_opened": OPENED,
        "proxy_open": OPENED_BY_PROGRAM,
        "unique_proxy_open": OPENED_BY_PROGRAM,
        "click": CLICKED,
        "hard_bounce": BOUNCED_HARD,
        "invalid_email": BOUNCED_HARD,
        "soft_bounce": BOUNCED_SOFT,
        "blocked": BOUNCED_SOFT,
        "error": BOUNCED_SOFT,
        "spam": COMPLAINED,
        "complaint": COMPLAINED,
        "unsubscribe": UNSUBSCRIBED,
        "unsubscribed": UNSUBSCRIBED,
        "deferred": UNDER_WAY,
        "list_addition": OF_A_CONTACT,
        "contact_updated": OF_A_CONTACT,
        "contact_deleted": OF_A_CONTACT,
        "inboundEmailProcessed": INCOMING,
    },
    event=("event",),
    unpacked=in_json("events"),
    # `ts` is when the webhook was made, and `date` has no zone.
    time=("ts_event", "ts_epoch", "s_epoch"),
    recipient=("email",),
    message_id=("message-id",),
    campaign=("campaign name", "tags", "tag"),
    subject=("subject",),
    reason=("reason",),
    url=("link", "URL"),
    user_agent=("user_agent",),
    variables=("X-Mailin-custom",),
)
FORMAT = mail_format(PROVIDER)
"""The webhooks of Brevo, which are not signed."""
