"""Webhooks of Resend: a body is one event of a mail, which may have several recipients.

Only of a mail that was sent does an event say that it is about each of them.
"""

from __future__ import annotations

from schemas.events.messages import Purpose
from services.intake.fields import Fields
from services.intake.mail.bodies import in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED,
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    IN_PREPARATION,
    INCOMING,
    OF_A_CONTACT,
    OF_THE_ACCOUNT,
    OPENED,
    SENT,
    UNDER_WAY,
    MailProvider,
    Recipient,
)
from services.intake.mail.recipients import one_of, texts_in
from services.intake.mail.signatures import is_signed_by_resend
from services.intake.mail.values import text_at

TO = "data.to"


def event_of(fields: Fields) -> str:
    """A bounce says of which kind it is, and whether nothing was sent for an earlier one."""
    name = text_at(fields, ("type",))
    if name != "email.bounced":
        return name
    if text_at(fields, ("data.bounce.subType",)) in ("Suppressed", "OnAccountSuppressionList"):
        return "email.bounced Suppressed"
    return f"{name} {text_at(fields, ('data.bounce.type',))}".strip()


def recipients(fields: Fields, name: str) -> list[Recipient]:
    """All to whom it was sent; else the one to whom it was."""
    found = [Recipient(one) for one in texts_in(fields, TO)]
    return found if name == "email.sent" else one_of(found, TO)


def stated_purpose(fields: Fields) -> str:
    """A broadcast is marketing."""
    return Purpose.MARKETING if text_at(fields, ("data.broadcast_id",)) else ""


PROVIDER = MailProvider(
    name="resend",
    title="Resend",
    events={
        "email.sent": SENT,
        "email.delivered": DELIVERED,
        "email.opened": OPENED,
        "email.clicked": CLICKED,
        "email.bounced": BOUNCED,
        "email.bounced Permanent": BOUNCED_HARD,
        "email.bounced Transient": BOUNCED_SOFT,
        "email.bounced Undetermined": BOUNCED_SOFT,
        "email.bounced Suppressed": BOUNCED_SOFT,
        "email.failed": BOUNCED_SOFT,
        "email.suppressed": BOUNCED_SOFT,
        "email.complained": COMPLAINED,
        "email.delivery_delayed": UNDER_WAY,
        "email.scheduled": IN_PREPARATION,
        "email.received": INCOMING,
        **{f"contact.{one}": OF_A_CONTACT for one in ("created", "updated", "deleted")},
        **{f"domain.{one}": OF_THE_ACCOUNT for one in ("created", "updated", "deleted")},
    },
    event=("type",),
    event_of=event_of,
    unpacked=in_json(),
    time=("created_at",),
    recipient=(TO,),
    recipients=recipients,
    message_id=("data.email_id",),
    campaign=("data.broadcast_id",),
    subject=("data.subject",),
    reason=("data.bounce.message", "data.failed.reason", "data.suppressed.message"),
    url=("data.click.link",),
    user_agent=("data.click.userAgent", "data.open.userAgent"),
    variables=("data.tags",),
    stated_purpose=stated_purpose,
)
FORMAT = mail_format(PROVIDER, is_signed_by_resend)
"""The webhooks of Resend, signed by Svix."""
