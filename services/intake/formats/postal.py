"""Webhooks of Postal: a body is one event, with the mail under `message` or `original_message`."""

from __future__ import annotations

from services.intake.fields import Fields
from services.intake.mail.bodies import in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED,
    CLICKED,
    DELIVERED,
    INCOMING,
    OF_THE_ACCOUNT,
    OPENED,
    UNDER_WAY,
    MailProvider,
)
from services.intake.mail.signatures import is_signed_by_postal
from services.intake.mail.values import text_at

HELD = "somebody has to release the mail, or it is dropped"
DIRECTION = ("payload.message.direction", "payload.original_message.direction")


def event_of(fields: Fields) -> str:
    """Mails that came in have events, too."""
    return "incoming" if text_at(fields, DIRECTION) == "incoming" else text_at(fields, ("event",))


PROVIDER = MailProvider(
    name="postal",
    title="Postal",
    events={
        "MessageSent": DELIVERED,
        "MessageLoaded": OPENED,
        "MessageLinkClicked": CLICKED,
        "MessageDeliveryFailed": BOUNCED,
        "MessageBounced": BOUNCED,
        "MessageDelayed": UNDER_WAY,
        "MessageHeld": HELD,
        "incoming": INCOMING,
        "DomainDNSError": OF_THE_ACCOUNT,
        "SendLimitApproaching": OF_THE_ACCOUNT,
        "SendLimitExceeded": OF_THE_ACCOUNT,
    },
    event=("event",),
    event_of=event_of,
    unpacked=in_json(),
    time=("timestamp",),
    recipient=("payload.message.to", "payload.original_message.to"),
    event_id=("uuid",),
    message_id=("payload.message.message_id", "payload.original_message.message_id"),
    campaign=("payload.message.tag", "payload.original_message.tag"),
    reason=("payload.output", "payload.details"),
    url=("payload.url",),
    user_agent=("payload.user_agent",),
)
FORMAT = mail_format(PROVIDER, is_signed_by_postal)
"""The webhooks of Postal."""
