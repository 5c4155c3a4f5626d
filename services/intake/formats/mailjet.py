"""The Event API of Mailjet: a body is one event, or a list of them."""

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
    OPENED,
    UNSUBSCRIBED_FROM_GROUP,
    MailProvider,
)
from services.intake.mail.values import text_at


def event_of(fields: Fields) -> str:
    """A bounce says in a field whether it is hard."""
    name = text_at(fields, ("event",))
    return "bounce hard" if name == "bounce" and fields.plain.get("hard_bounce") is True else name


PROVIDER = MailProvider(
    name="mailjet",
    title="Mailjet",
    events={
        "sent": DELIVERED,
        "open": OPENED,
        "click": CLICKED,
        "bounce": BOUNCED_SOFT,
        "bounce hard": BOUNCED_HARD,
        "blocked": BOUNCED_SOFT,
        "spam": COMPLAINED,
        "unsub": UNSUBSCRIBED_FROM_GROUP,
    },
    event=("event",),
    event_of=event_of,
    unpacked=in_json(),
    time=("time",),
    recipient=("email",),
    message_id=("MessageID", "mj_message_id"),
    campaign=("customcampaign",),
    reason=("error", "error_related_to", "comment", "source"),
    url=("url",),
    user_agent=("agent",),
    variables=("Payload",),
    group=("mj_list_id",),
)
FORMAT = mail_format(PROVIDER)
"""The Event API of Mailjet, which is not signed."""
