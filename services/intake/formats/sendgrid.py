"""Events of SendGrid: a body is a list of them.

The variables of a message (`custom_args`) stand beside the fields of the event.
"""

from __future__ import annotations

import re

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
    IN_PREPARATION,
    OF_THE_ACCOUNT,
    OPENED,
    RESUBSCRIBED,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    UNSUBSCRIBED_FROM_GROUP,
    MailProvider,
)
from services.intake.mail.signatures import is_signed_by_sendgrid
from services.intake.mail.values import text_at

OF_SENDGRID = re.compile(r"\.(filter|recvd-|ismtpd)")
"""Begins what SendGrid adds to the id of a message that it gave to the sender."""
NO_ADDRESS = frozenset({"Invalid", "Bounced Address"})
"""Why a mail is dropped whose address does not exist, as far as SendGrid knows."""


def event_of(fields: Fields) -> str:
    """A bounce may be a `blocked` one, and a mail be dropped for its address."""
    name = text_at(fields, ("event",))
    if name == "bounce" and text_at(fields, ("type",)) == "blocked":
        return "bounce blocked"
    if name == "dropped" and text_at(fields, ("reason",)) in NO_ADDRESS:
        return "dropped address"
    return name


def message_id_of(text: str) -> str:
    """The id that SendGrid answered with (`X-Message-Id`)."""
    return OF_SENDGRID.split(text, maxsplit=1)[0]


def stated_purpose(fields: Fields) -> str:
    """What is sent by Marketing Campaigns is marketing."""
    campaign = text_at(fields, ("singlesend_id", "marketing_campaign_id", "mc_stats"))
    return Purpose.MARKETING if campaign else ""


PROVIDER = MailProvider(
    name="sendgrid",
    title="SendGrid",
    events={
        "processed": SENT,
        "delivered": DELIVERED,
        "open": OPENED,
        "click": CLICKED,
        "bounce": BOUNCED_HARD,
        "bounce blocked": BOUNCED_SOFT,
        "dropped": BOUNCED_SOFT,
        "dropped address": BOUNCED_HARD,
        "spamreport": COMPLAINED,
        "unsubscribe": UNSUBSCRIBED,
        "group_unsubscribe": UNSUBSCRIBED_FROM_GROUP,
        "group_resubscribe": RESUBSCRIBED,
        "deferred": UNDER_WAY,
        "received": IN_PREPARATION,
        "cancel_drop": IN_PREPARATION,
        "account_status_change": OF_THE_ACCOUNT,
    },
    event=("event",),
    event_of=event_of,
    unpacked=in_json(),
    time=("timestamp",),
    recipient=("email",),
    event_id=("sg_event_id",),
    message_id=("sg_message_id",),
    message_id_of=message_id_of,
    campaign=("singlesend_name", "marketing_campaign_name", "category"),
    reason=("reason", "response"),
    url=("url",),
    user_agent=("useragent",),
    automated=("sg_machine_open",),
    variables=("",),
    group=("asm_group_id",),
    stated_purpose=stated_purpose,
)
FORMAT = mail_format(PROVIDER, is_signed_by_sendgrid)
"""The Event Webhook of SendGrid."""
