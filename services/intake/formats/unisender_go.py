"""Webhooks of UniSender Go: a body holds events by user, or is one event."""

from __future__ import annotations

from typing import Any

from schemas.faults import Fault
from services.intake.fields import Fields
from services.intake.mail.bodies import Unpacked, in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    OF_THE_ACCOUNT,
    OPENED,
    RESUBSCRIBED,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    MailProvider,
)
from services.intake.mail.signatures import is_signed_by_unisender_go
from services.intake.mail.values import text_at

OF_A_MAIL = "transactional_email_status"
in_body = in_json("events_by_user")


def unpacked(payload: bytes) -> Unpacked:
    """The events of all users."""
    found = in_body(payload)
    return found if isinstance(found, Fault) else [one for user in found for one in _events(user)]


def _events(user: Any) -> list[Any]:
    found = user.get("events") if isinstance(user, dict) else None
    return found if isinstance(found, list) else [user]


def event_of(fields: Fields) -> str:
    """The state of a mail; or what else happened."""
    name = text_at(fields, ("event_name",))
    return text_at(fields, within("status")) if name == OF_A_MAIL else name


def within(path: str) -> tuple[str, str]:
    """Where a field stands: a body of one event has no object around what happened."""
    return f"event_data.{path}", path


PROVIDER = MailProvider(
    name="unisender_go",
    title="UniSender Go",
    events={
        "sent": SENT,
        "delivered": DELIVERED,
        "opened": OPENED,
        "clicked": CLICKED,
        "hard_bounced": BOUNCED_HARD,
        "soft_bounced": BOUNCED_SOFT,
        "spam": COMPLAINED,
        "unsubscribed": UNSUBSCRIBED,
        "subscribed": RESUBSCRIBED,
        "delayed": UNDER_WAY,
        "transactional_spam_block": OF_THE_ACCOUNT,
    },
    event=("event_name",),
    event_of=event_of,
    unpacked=unpacked,
    time=within("event_time"),
    is_utc=True,
    recipient=within("email"),
    message_id=within("job_id"),
    campaign=within("metadata.campaign"),
    reason=(
        *within("delivery_info.destination_response"), *within("delivery_info.delivery_status"),
        *within("comment"),
    ),
    url=within("url"),
    user_agent=within("delivery_info.user_agent"),
    variables=within("metadata"),
)  # fmt: skip
FORMAT = mail_format(PROVIDER, is_signed_by_unisender_go)
"""The webhooks of UniSender Go."""
