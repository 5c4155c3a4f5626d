"""Webhooks of Mailtrap: a body holds events under a name, or one on each line."""

from __future__ import annotations

from services.intake.fields import Fields
from services.intake.mail.bodies import in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    OF_THE_ACCOUNT,
    OPENED,
    UNSUBSCRIBED,
    MailProvider,
)
from services.intake.mail.signatures import is_signed_by_mailtrap
from services.intake.mail.values import text_at

LOG = "activity_log"


def event_of(fields: Fields) -> str:
    """What happens in the account has many names that begin alike."""
    name = text_at(fields, ("event",))
    return LOG if name.startswith(f"{LOG}.") else name


PROVIDER = MailProvider(
    name="mailtrap",
    title="Mailtrap",
    events={
        "delivery": DELIVERED,
        "open": OPENED,
        "click": CLICKED,
        "bounce": BOUNCED_HARD,
        "soft bounce": BOUNCED_SOFT,
        "suspension": BOUNCED_SOFT,
        "reject": BOUNCED_SOFT,
        "spam": COMPLAINED,
        "unsubscribe": UNSUBSCRIBED,
        LOG: OF_THE_ACCOUNT,
    },
    event=("event",),
    event_of=event_of,
    unpacked=in_json("events", lines=True),
    time=("timestamp",),
    recipient=("email",),
    event_id=("event_id",),
    message_id=("message_id",),
    campaign=("category",),
    reason=("response", "reason", "bounce_category"),
    url=("url",),
    user_agent=("user_agent",),
    variables=("custom_variables",),
)
FORMAT = mail_format(PROVIDER, is_signed_by_mailtrap)
"""The webhooks of Mailtrap."""
