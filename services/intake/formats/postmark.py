"""Webhooks of Postmark: a body is one record.

A change of a subscription is the recipient's own only if `Origin` says so.
"""

from __future__ import annotations

from services.intake.fields import Fields
from services.intake.mail.bodies import in_json
from services.intake.mail.events import mail_format
from services.intake.mail.provider import (
    ALREADY_SAID,
    BOUNCED_HARD,
    BOUNCED_SOFT,
    CLICKED,
    COMPLAINED,
    DELIVERED,
    INCOMING,
    NO_TEMPLATE,
    NOT_BY_RECIPIENT,
    OF_A_CONTACT,
    OPENED,
    REPLY_OF_PROGRAM,
    RESUBSCRIBED,
    UNDER_WAY,
    UNSUBSCRIBED,
    UNSUBSCRIBED_FROM_GROUP,
    MailProvider,
)
from services.intake.mail.values import text_at

HARD = ("HardBounce", "BadEmailAddress")
SOFT = (
    "SoftBounce", "DnsError", "SpamNotification", "VirusNotification", "Blocked", "DMARCPolicy",
    "SMTPApiError", "ManuallyDeactivated", "Unknown",
)  # fmt: skip
OF_PROGRAMS = ("AutoResponder", "AddressChange", "ChallengeVerification")


def event_of(fields: Fields) -> str:
    """A record, with its type or what it changes."""
    record = text_at(fields, ("RecordType",))
    if record == "Bounce":
        return f"Bounce {text_at(fields, ('Type',))}"
    if record == "SubscriptionChange":
        is_off = fields.plain.get("SuppressSending") is not False
        why = text_at(fields, ("SuppressionReason",)) if is_off else "ended"
        return f"SubscriptionChange {why} {text_at(fields, ('Origin',))}"
    return record


PROVIDER = MailProvider(
    name="postmark",
    title="Postmark",
    events={
        "Delivery": DELIVERED,
        "Open": OPENED,
        "Click": CLICKED,
        **{f"Bounce {one}": BOUNCED_HARD for one in HARD},
        **{f"Bounce {one}": BOUNCED_SOFT for one in SOFT},
        "Bounce SpamComplaint": COMPLAINED,
        "Bounce Unsubscribe": UNSUBSCRIBED,
        "SpamComplaint": COMPLAINED,
        "SubscriptionChange ManualSuppression Recipient": UNSUBSCRIBED_FROM_GROUP,
        "SubscriptionChange ended Recipient": RESUBSCRIBED,
        "Bounce TemplateRenderingFailed": NO_TEMPLATE,
        "Bounce Transient": UNDER_WAY,
        **{f"Bounce {one}": REPLY_OF_PROGRAM for one in OF_PROGRAMS},
        **{
            f"SubscriptionChange {one} {who}": NOT_BY_RECIPIENT
            for one in ("ManualSuppression", "ended") for who in ("Customer", "Admin")
        },
        **{
            f"SubscriptionChange {one} {who}": ALREADY_SAID
            for one in ("HardBounce", "SpamComplaint") for who in ("Recipient", "Customer", "Admin")
        },
        "Bounce Subscribe": OF_A_CONTACT,
        "Bounce Unconfirmed": OF_A_CONTACT,
        "Bounce InboundError": INCOMING,
        "Bounce OpenRelayTest": INCOMING,
        "Inbound": INCOMING,
    },
    event=("RecordType",),
    event_of=event_of,
    unpacked=in_json(),
    time=("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt"),
    recipient=("Recipient", "Email"),
    message_id=("MessageID",),
    campaign=("Tag",),
    reason=("Details", "Description"),
    url=("OriginalLink",),
    user_agent=("UserAgent",),
    variables=("Metadata",),
    group=("MessageStream",),
)  # fmt: skip
FORMAT = mail_format(PROVIDER)
"""The webhooks of Postmark, which are not signed."""
