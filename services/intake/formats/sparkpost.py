"""Webhooks of SparkPost: a body is a list of events, each within `msys` and its class."""

from __future__ import annotations

from typing import Any

from schemas.events.messages import Purpose
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
    INCOMING,
    NO_TEMPLATE,
    OF_A_CONTACT,
    OF_THE_ACCOUNT,
    OPENED,
    REPLY_OF_PROGRAM,
    SENT,
    UNDER_WAY,
    UNSUBSCRIBED,
    MailMapping,
    MailProvider,
)
from services.intake.mail.values import text_at

TRIAL = "an empty event, by which the address of a webhook is tried"
SMS = "it is about no mail"
FAILED = ("bounce", "out_of_band")
CLASSES: dict[str, MailMapping | str] = {
    "10": BOUNCED_HARD,
    "30": BOUNCED_HARD,
    "60": REPLY_OF_PROGRAM,
    "80": OF_A_CONTACT,
    "90": UNSUBSCRIBED,
}
"""Bounce classes that are something else than soft; an answer `unsubscribe` is class 90."""
in_body = in_json("results")


def unpacked(payload: bytes) -> Unpacked:
    """The events without what is around each; alone they come from the Events API."""
    found = in_body(payload)
    return found if isinstance(found, Fault) else [_inner(one) for one in found]


def _inner(plain: Any) -> Any:
    outer = plain.get("msys") if isinstance(plain, dict) else None
    events = list(outer.values()) if isinstance(outer, dict) else []
    return events[0] if len(events) == 1 else plain


def event_of(fields: Fields) -> str:
    """A bounce, with its class where that says more than that it is one."""
    name, number = text_at(fields, ("type",)), text_at(fields, ("bounce_class",))
    if not name and fields.plain.get("msys") == {}:
        return "ping"
    return f"{name} {number}" if name in FAILED and number in CLASSES else name


def stated_purpose(fields: Fields) -> str:
    """A transmission may be marked as transactional; if it is not, that says nothing."""
    is_marked = text_at(fields, ("transactional",)) == "1"
    return Purpose.TRANSACTIONAL if is_marked else ""


PROVIDER = MailProvider(
    name="sparkpost",
    title="SparkPost",
    events={
        "injection": SENT,
        "delivery": DELIVERED,
        **dict.fromkeys(("open", "initial_open", "amp_open", "amp_initial_open"), OPENED),
        **dict.fromkeys(("click", "amp_click"), CLICKED),
        **dict.fromkeys(FAILED, BOUNCED_SOFT),
        **{f"{name} {number}": one for name in FAILED for number, one in CLASSES.items()},
        "policy_rejection": BOUNCED_SOFT,
        "generation_failure": NO_TEMPLATE,
        "generation_rejection": BOUNCED_SOFT,
        "spam_complaint": COMPLAINED,
        "list_unsubscribe": UNSUBSCRIBED,
        "link_unsubscribe": UNSUBSCRIBED,
        "delay": UNDER_WAY,
        "sms_status": SMS,
        **{
            f"relay_{one}": INCOMING
            for one in ("injection", "rejection", "delivery", "tempfail", "permfail", "message")
        },
        **{f"ab_test_{one}": OF_THE_ACCOUNT for one in ("completed", "cancelled")},
        "success": OF_THE_ACCOUNT,
        "error": OF_THE_ACCOUNT,
        "ping": TRIAL,
    },
    event=("type",),
    event_of=event_of,
    unpacked=unpacked,
    time=("timestamp",),
    recipient=("raw_rcpt_to", "rcpt_to"),
    event_id=("event_id",),
    message_id=("message_id", "transmission_id"),
    campaign=("campaign_id", "rcpt_tags"),
    subject=("subject",),
    reason=("raw_reason", "reason"),
    url=("target_link_url",),
    user_agent=("user_agent",),
    automated=("user_agent_parsed.is_proxy", "user_agent_parsed.is_prefetched"),
    variables=("rcpt_meta",),
    stated_purpose=stated_purpose,
)
FORMAT = mail_format(PROVIDER)
"""The webhooks of SparkPost, which are not signed."""
