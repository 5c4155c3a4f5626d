"""Events of Amazon SES, as it publishes them by SNS: within an envelope, or raw.

A mail may have several recipients; an event says of whom it is, or is refused.
"""

from __future__ import annotations

from typing import Any

from schemas.faults import Fault
from services.intake.fields import Fields
from services.intake.json_text import read_json
from services.intake.mail.bodies import Unpacked, in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    NO_TEMPLATE,
    OPENED,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    UNSUBSCRIBED_FROM_GROUP,
    MailProvider,
    Recipient,
)
from services.intake.mail.recipients import one_of, texts_in
from services.intake.mail.values import text_at

CONFIRM = "open its SubscribeURL in a browser, once, and deliveries begin"
ENDED = "the topic delivers no more; subscribe the address again if that was no intention"
NO_EVENT = "its message is no event, as the one with which a topic is tried"
NO_SPAM = "the recipient took the mail out of the spam"
NO_CHANGE = "no subscription ends with it"
SUPPRESSED = ("Suppressed", "OnAccountSuppressionList")
DESTINATION = "mail.destination"
NAMED_ALONE = {
    "Bounce": ("bounce.bouncedRecipients", "diagnosticCode"),
    "Complaint": ("complaint.complainedRecipients", ""),
}
"""Where those of several recipients stand whom the event is about, and what is said of each."""
in_body = in_json()


def unpacked(payload: bytes) -> Unpacked:
    """The event within the envelope of SNS; or the envelope, if there is none in it."""
    found = in_body(payload)
    return found if isinstance(found, Fault) else [_inner(one) for one in found]


def _inner(plain: Any) -> Any:
    message = plain.get("Message") if isinstance(plain, dict) and "TopicArn" in plain else None
    if not isinstance(message, str):
        return plain
    event = read_json(message.encode(errors="replace"))
    return event if isinstance(event, dict) and "mail" in event else plain


def event_of(fields: Fields) -> str:
    """An event, with the kind of a bounce, complaint or subscription; or the envelope's type."""
    name = text_at(fields, ("eventType", "notificationType"))
    if name == "Bounce":
        is_listed = text_at(fields, ("bounce.bounceSubType",)) in SUPPRESSED
        return f"Bounce {'suppressed' if is_listed else text_at(fields, ('bounce.bounceType',))}"
    if name == "Complaint":
        is_none = text_at(fields, ("complaint.complaintFeedbackType",)) == "not-spam"
        return "Complaint not-spam" if is_none else name
    if name == "Subscription":
        is_all = _preferences(fields, "new").plain.get("unsubscribeAll") is True
        return "Subscription of all" if is_all else f"Subscription{'' if topics(fields) else ' on'}"
    return name or text_at(fields, ("Type",))


def topics(fields: Fields) -> list[str]:
    """The topics of a list from which somebody unsubscribed."""
    before, now = (_states(_preferences(fields, one)) for one in ("old", "new"))
    return [name for name in now if now[name] == "OptOut" and before.get(name) != "OptOut"]


def _preferences(fields: Fields, which: str) -> Fields:
    return fields.object("subscription").object(f"{which}TopicPreferences")


def _states(preferences: Fields) -> dict[str, str]:
    rows = preferences.objects("topicSubscriptionStatus") or []
    return {one.required("topicName"): one.text("subscriptionStatus") for one in rows}


def recipients(fields: Fields, name: str) -> list[Recipient]:
    """Those whom the event names alone; all to whom a mail was sent; else the one."""
    kind = name.partition(" ")[0]
    if kind in NAMED_ALONE:
        return _named_alone(fields, *NAMED_ALONE[kind])
    if kind == "Delivery":
        return [Recipient(one) for one in texts_in(fields, "delivery.recipients")]
    found = [Recipient(one) for one in texts_in(fields, DESTINATION)]
    return found if kind in ("Send", "Reject") else one_of(found, DESTINATION)


def _named_alone(fields: Fields, path: str, reason: str) -> list[Recipient]:
    outer, _, inner = path.partition(".")
    rows = fields.object(outer).objects(inner) or []
    return [
        Recipient(
            one.text("emailAddress", chars_max=500),
            text_at(one, (reason,)) if reason else "",
        )
        for one in rows
    ]


PROVIDER = MailProvider(
    name="amazon_ses",
    title="Amazon SES",
    events={
        "Send": SENT,
        "Delivery": DELIVERED,
        "Open": OPENED,
        "Click": CLICKED,
        "Bounce Permanent": BOUNCED_HARD,
        "Bounce Transient": BOUNCED_SOFT,
        "Bounce Undetermined": BOUNCED_SOFT,
        "Bounce suppressed": BOUNCED_SOFT,
        "Reject": BOUNCED_SOFT,
        "Complaint": COMPLAINED,
        "Subscription": UNSUBSCRIBED_FROM_GROUP,
        "Subscription of all": UNSUBSCRIBED,
        "Subscription on": NO_CHANGE,
        "Complaint not-spam": NO_SPAM,
        "DeliveryDelay": UNDER_WAY,
        "Rendering Failure": NO_TEMPLATE,
        "SubscriptionConfirmation": CONFIRM,
        "UnsubscribeConfirmation": ENDED,
        "Notification": NO_EVENT,
    },
    event=("eventType", "notificationType"),
    event_of=event_of,
    unpacked=unpacked,
    time=(
        "bounce.timestamp", "complaint.timestamp", "delivery.timestamp", "open.timestamp",
        "click.timestamp", "subscription.timestamp", "mail.timestamp",
    ),
    recipient=(DESTINATION,),
    recipients=recipients,
    message_id=("mail.messageId",),
    campaign=("mail.tags.campaign",),
    subject=("mail.commonHeaders.subject",),
    reason=("reject.reason", "complaint.complaintFeedbackType", "bounce.bounceSubType"),
    url=("click.link",),
    user_agent=("open.userAgent", "click.userAgent"),
    variables=("mail.tags",),
    purposes=topics,
)  # fmt: skip
FORMAT = mail_format(PROVIDER)
"""Events of Amazon SES. SNS signs them with a certificate that would have to be fetched."""
