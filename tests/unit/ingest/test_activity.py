"""Signs of life: what the customer did, what happened to the customer, and what a program did."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.examples import EXAMPLES
from schemas.touchpoint import EVENT_TYPES
from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, core, event, line

PASSIVE = {
    "order.status_changed", "order.cancelled", "voucher.issued", "till.closed", "day.closed",
    "message.sent",
    "email.sent", "email.delivered", "email.bounced", "campaign.published", "campaign.reached",
    "profile.updated", "loyalty.changed", "support.answered", "complaint.closed", "quote.sent",
    "opportunity.changed", "contract.renewed", "contract.ended", "offer.published",
    "store.published", "price_list.completed", "account.updated", "account.contact_changed",
    "household.member_changed", "campaign.held_out", "action.planned", "action.done",
}  # fmt: skip
APPLE, GMAIL = (
    "Mozilla/5.0",
    "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)",
)
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"
PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


def is_active(type_name: str, body: dict[str, Any]) -> bool:
    """Whether an event of this body counts as the customer's own."""
    said = event(type_name, body=body)
    if EVENT_TYPES[type_name].impersonal:
        said["identifiers"] = []
    outcome = core().process(line(said), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    active: bool = outcome.row["active"]
    return active


@pytest.mark.parametrize("type_name", sorted(EVENT_TYPES))
def test_every_type_says_who_acts(type_name: str) -> None:
    """Mails, balances and answers happen to a customer; everything else the customer does."""
    body = EXAMPLES[type_name].get("body", {}) | {"author": "customer"}
    assert is_active(type_name, body) is (type_name not in PASSIVE)


@pytest.mark.parametrize("type_name", ["email.opened", "email.clicked"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, True),
        ({"user_agent": PERSON}, True),
        ({"automated": True}, False),
        ({"automated": True, "user_agent": PERSON}, False),
        ({"user_agent": APPLE}, False),
        ({"user_agent": GMAIL}, False),
        ({"user_agent": SCANNER}, False),
        ({"user_agent": "python-requests/2.31"}, False),
        ({"user_agent": "Slackbot-LinkExpanding 1.0"}, False),
    ],
)
def test_programs_open_and_click_for_nobody(
    type_name: str, body: dict[str, Any], expected: bool
) -> None:
    """A proxy or link scanner is told by its sender, or known by its user agent."""
    assert is_active(type_name, body) is expected


@pytest.mark.parametrize(
    "agent",
    [
        "mozilla/5.0",
        "Mozilla/5.0 (Windows NT 10.0) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
        "YahooMailProxy; see the help pages",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/103.0",
        "Mozilla/5.0 (compatible; YandexBot/3.0)",
        "Pingdom.com_bot_version_1.4",
        "Mozilla/5.0 (compatible; Baiduspider/2.0)",
        "Bytespider",
        "ia_archiver",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)",
        "Some Service (+https://some.example/about)",
        "Mediapartners-Google",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "facebookexternalhit/1.1",
        "WhatsApp/2.23.20.0",
        "Slack-ImgProxy",
        "Microsoft Office Existence Discovery",
        "FortiMail",
        "Zscaler URL check",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/119.0.0.0 Safari/537.36",
        "Python/3.11 aiohttp/3.9.1",
        "python-httpx/0.27.0",
        "Java/17.0.2",
        "axios/1.6.0",
        "libwww-perl/6.67",
    ],
)
def test_programs_are_known_by_how_they_are_named(agent: str) -> None:
    """Robots end in what they are, libraries begin with their name, proxies say less than any
    browser: the list needs no entry for each."""
    assert not is_active("email.opened", {"user_agent": agent})


@pytest.mark.parametrize(
    "agent",
    [
        PERSON,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Thunderbird/115.5.0",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17029; Pro)",
        "Outlook-iOS/711.2906561.prod.iphone (4.2345.0)",
        "Mail/3654.120.0.1.13 CFNetwork/1240.0.4 Darwin/20.6.0",
        "Mozilla/5.0 (Linux; Android 10; CUBOT_X19) AppleWebKit/537.36 Chrome/110.0 Mobile",
        "Mozilla/5.0 (Linux; Android 11; Cubot Note 20) AppleWebKit/537.36 Chrome/110.0 Mobile",
        "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TQ3A)",
        "okhttp/4.12.0",  # of programs for mail on Android, too
        "Mozilla/5.0 (iPhone) [FBAN/FBIOS;FBAV/400.0]",
        "K-9 Mail/5",
    ],
)
def test_programs_for_mail_are_used_by_people(agent: str) -> None:
    """Whoever reads mail with one of them was there."""
    assert is_active("email.opened", {"user_agent": agent})


@pytest.mark.parametrize(
    ("type_name", "body", "expected"),
    [
        ("message.exchanged", {"conversation_id": "1", "author": "customer"}, True),
        ("message.exchanged", {"conversation_id": "1", "author": "bot"}, False),
        ("message.exchanged", {"conversation_id": "1", "author": "agent"}, False),
        ("identity.linked", {"reason": "login"}, True),
        ("identity.linked", {"reason": "other"}, False),  # perhaps a nightly match of two systems
        ("identity.linked", {}, False),
        ("order.placed", {"order_id": "1", "receipt_kind": "training"}, False),
        ("support.contacted", {"case_id": "1", "direction": "us"}, False),
        ("support.contacted", {"case_id": "1", "direction": "customer"}, True),
        ("support.contacted", {"case_id": "1"}, True),
    ],
)
def test_the_body_may_say_otherwise(type_name: str, body: dict[str, Any], expected: bool) -> None:
    """Bots and agents write, systems link and tills train without the customer."""
    assert is_active(type_name, body) is expected
