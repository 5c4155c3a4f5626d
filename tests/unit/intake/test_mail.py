"""Events of e-mail providers: whose they are, when, which mail, and who opened it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import Touchpoint, TouchpointAdapter
from services.docs.mail_page import PROVIDERS
from services.ingest.core.activity import is_activity
from services.intake.fields import Fields, NotTaken
from services.intake.format import Refused
from services.intake.formats import FORMATS
from services.intake.mail.values import addresses_of, code, text_at, time_at, variables_at

EXAMPLES = Path(__file__).parents[2] / "contract/formats"
ODD = (
    b'"\\ud83d"', b'{"\\ud83d":1}', b"NaN", b"1e400", b"9" * 25, b"9" * 5_000, b"5e-324", b"-0.0",
    b'"\\u0000"', b'"9999-12-31T23:59:59-23:59"', b'"0001-01-01T00:00:00+23:59"', b"-1", b"0",
    b"[" * 300 + b"]" * 300, b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b"[]", b"{}", b"true", b'""',
    b"null", b'"<"', b'"[1"', b'"[[]]"', b'"[\\"\\"]"', b'[{"to":7}]', b"99999999999999.5",
)  # fmt: skip
CASES, MARK = 500, "here"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OPEN: dict[str, Any] = {
    "event": "open", "email": "anna@example.com", "timestamp": 1772472600, "sg_event_id": "e-1",
    "sg_message_id": "m-1.filter-7", "useragent": BROWSER,
}  # fmt: skip


def read(name: str, payload: Any) -> list[Any]:
    """What becomes of the events of a payload; what is refused is there as it is."""
    found = FORMATS[name].touchpoints(json.dumps(payload).encode())
    assert not isinstance(found, Fault), found
    return [
        one if isinstance(one, Refused) else TouchpointAdapter.validate_json(one) for one in found
    ]


def sendgrid(**more: Any) -> Any:
    """What an event of SendGrid becomes."""
    [found] = read("sendgrid", OPEN | more)
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within."""
    yield path
    inner: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for key, one in inner:
        yield from places(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """The value with another one at a place."""
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


@pytest.mark.parametrize("name", PROVIDERS)
def test_whatever_stands_in_a_field_is_read_or_refused(name: str) -> None:
    """At any place of any example: no value is a fault of ours, and none raises."""
    lines = (EXAMPLES / name / "payloads.jsonl").read_bytes().splitlines()
    payloads = [json.loads(one) for one in lines if one.startswith((b"{", b"["))]
    cases = [(one, path, odd) for one in payloads for path in places(one) for odd in ODD]
    for payload, path, odd in random.Random(name).sample(cases, min(len(cases), CASES)):
        text = json.dumps(replaced(payload, path, MARK)).replace(json.dumps(MARK), odd.decode())
        found = FORMATS[name].touchpoints(text.encode())
        for one in () if isinstance(found, Fault) else found:
            if isinstance(one, Refused):
                assert one.fault.reason is not RejectReason.UNPROCESSABLE, (path, odd)
                assert b"\n" not in one.content


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_reference_lists_what_is_refused(name: str) -> None:
    """Each field and reason of the examples is in its table, but for texts that are too long."""
    listed = {(one.path, one.reason.value) for one in PROVIDERS[name].refusals}
    for row in map(json.loads, (EXAMPLES / name / "refused.jsonl").read_text().splitlines()):
        reason, path = row["fault"]
        assert (path, reason) in listed or path in ("url", "email"), path


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_refused_names_whom_it_is_about(name: str) -> None:
    """Whether its bytes may be kept is decided by that; an address counts wherever it stands."""
    for row in map(json.loads, (EXAMPLES / name / "refused.jsonl").read_text().splitlines()):
        [refused] = read(name, row["payload"])
        named = {one["value"] for one in json.loads(refused.named)["identifiers"]}
        text = json.dumps(row["payload"])
        assert ("anna@example.com" in named) == ("anna@example.com" in text)
    inner = {"event": "winked", "deep": [{"to": "Ben <ben@example.com>, ünal@example.com"}]}
    [refused] = read(name, inner)
    assert {"ben@example.com", "ünal@example.com"} <= {
        one["value"] for one in json.loads(refused.named)["identifiers"]
    }


def test_a_program_that_opens_is_told_from_a_person() -> None:
    """By the provider's word, or by its user agent; the act of the customer is a person's only."""
    person = sendgrid()
    said = sendgrid(sg_machine_open=True)
    seen = sendgrid(useragent="Mozilla/5.0 (via ggpht.com GoogleImageProxy)")
    assert [one.body.is_automated for one in (person, said, seen)] == [False, True, True]
    assert [is_activity(one) for one in (person, said, seen)] == [True, False, False]
    assert said.body.user_agent == BROWSER
    assert not sendgrid(sg_machine_open=False).body.automated


def test_a_scanner_that_clicks_is_told_from_a_person() -> None:
    """As one that opens."""
    click = {"event": "click", "url": "https://shop.example.com/kitchen"}
    assert not sendgrid(**click).body.is_automated
    assert sendgrid(**click, useragent="BarracudaCentral").body.is_automated


def test_an_event_that_comes_again_has_its_id() -> None:
    """With an id of the provider whatever else changes, and without one as long as it says the
    same; an event of another kind, time or recipient has another id."""
    assert sendgrid().event_id == sendgrid(ip="192.0.2.1").event_id == "sendgrid-opened-e-1"
    without = {"sg_event_id": ""}
    first = sendgrid(**without).event_id
    assert first == sendgrid(**without, ip="192.0.2.1").event_id
    others = [
        sendgrid(**without, timestamp=1772472601), sendgrid(**without, email="ben@example.com"),
        sendgrid(**without, event="click", url="https://shop.example.com"),
        sendgrid(**without, sg_message_id="m-2"), sendgrid(event="delivered"),
    ]  # fmt: skip
    assert len({first, *(one.event_id for one in others)}) == 1 + len(others)
    assert len(sendgrid(sg_event_id="e" * 99).event_id) <= 100


def test_a_mail_has_one_id_in_all_its_events() -> None:
    """What SendGrid adds for its own machines is no part of it; of a long one its digest."""
    assert (
        sendgrid().body.message_id == sendgrid(sg_message_id="m-1.recvd-9").body.message_id == "m-1"
    )
    long = sendgrid(sg_message_id="m" * 101).body.message_id
    assert long == sendgrid(sg_message_id="m" * 101).body.message_id
    assert len(long) == 40


def test_the_person_is_the_recipient_and_nothing_is_proven() -> None:
    """A mailbox may be anybody's: who clicks need not be the addressee."""
    event = sendgrid(email="Anna <anna@example.com>")
    [named] = event.identifiers
    assert (named.type, named.value, named.verified) == ("email", "anna@example.com", False)
    assert event.body.address == "anna@example.com"
    assert not event.body.single_use_token


def test_no_refusal_is_lost_for_a_long_text() -> None:
    """A reply is cut, and an id that is too long stands for itself by its digest."""
    event = sendgrid(
        event="unsubscribe", reason="because " * 80, sg_message_id="m" * 300, category="c" * 300
    )
    assert event.type == "email.unsubscribed"
    assert event.body.reason.startswith("because because")
    assert len(event.body.reason) <= 300


def test_a_purpose_is_stated_and_never_guessed() -> None:
    """By the sender's variable, or by what the provider knows of its own campaigns."""
    refused = sendgrid(event="processed")
    assert (refused.fault.reason, refused.fault.path) == ("invalid_field", "purpose")
    assert sendgrid(event="processed", purpose="service").body.purpose == "service"
    assert sendgrid(event="processed", singlesend_id="s-1").body.purpose == "marketing"
    assert sendgrid(event="processed", singlesend_id="s", purpose="survey").body.purpose == "survey"


def test_an_unsubscription_reaches_as_far_as_it_was_meant() -> None:
    """From all mails: every purpose, whatever the mail was for. From a group: the purpose of the
    mail, else the group, which is one of the purposes or counts as all."""
    said = {"purpose": "newsletter"}
    assert sendgrid(event="unsubscribe", **said).body.purpose == ""
    assert sendgrid(event="group_unsubscribe", asm_group_id=17, **said).body.purpose == "newsletter"
    assert sendgrid(event="group_unsubscribe", asm_group_id=17).body.purpose == "17"
    assert sendgrid(event="group_unsubscribe").body.purpose == ""


def test_a_new_subscription_is_a_consent_for_a_purpose() -> None:
    """Without one nobody knows what may be sent; no double opt-in is claimed."""
    event = sendgrid(event="group_resubscribe", purpose="newsletter")
    assert (event.type, event.body.purpose) == ("consent.given", "newsletter")
    assert not event.body.double_opt_in
    assert sendgrid(event="group_resubscribe").fault.path == "purpose"


def time(value: Any, *, is_utc: bool = False) -> str:
    """A time as it is read."""
    return time_at(Fields({"at": value}), ("at",), is_utc=is_utc)


def test_times_are_read_as_providers_write_them() -> None:
    """Seconds with their fraction, milliseconds, text with its zone; in UTC where they say so."""
    assert time(1772472600) == time("1772472600") == "2026-03-02T17:30:00+00:00"
    assert time(1534108637.153125) == "2018-08-12T21:17:17.153125+00:00"
    assert time(1772472600000) == "2026-03-02T17:30:00+00:00"
    assert time("2026-03-02T18:30:00+01:00") == "2026-03-02T18:30:00+01:00"
    assert time("2026-03-02 17:30:00", is_utc=True) == "2026-03-02T17:30:00Z"
    assert time(99_999_999_999) == "5138-11-16T09:46:39+00:00"


@pytest.mark.parametrize(
    "value", ["2026-03-02 17:30:00", True, 0, -1, 1e308, 10**14, "10000000000000000", [], {}, "x"]
)
def test_what_is_no_time_is_refused(value: Any) -> None:
    """Without a zone, too: nothing is guessed."""
    with pytest.raises(NotTaken):
        time(value)


def test_values_are_found_by_their_paths() -> None:
    """The first that is given, of a list its first, also of a list in a text."""
    fields = Fields({"a": "", "b": {"c": ["x", "y"]}, "d": '["p"]', "e": "[internal] no MX"})
    assert text_at(fields, ("a", "b.c")) == "x"
    assert [text_at(fields, (one,)) for one in "de"] == ["p", "[internal] no MX"]
    assert addresses_of(' "Brg, Anna" <anna@example.com> ') == ["anna@example.com"]
    assert addresses_of("anna@example.com, ben@example.com") == [
        "anna@example.com",
        "ben@example.com",
    ]
    assert code("c" * 100) == "c" * 100


def test_variables_are_the_senders_own_business() -> None:
    """Of an object, of JSON in a text, of a list; what else stands there is wrong for nobody."""
    fields = Fields({"a": {"p": "x"}, "b": '{"p":"y"}', "c": {"p": ["z"]}, "d": "{", "e": {"p": 7}})
    assert [variables_at(fields, (one,), "p") for one in "abcde"] == ["x", "y", "z", "", ""]


def test_one_event_costs_no_other() -> None:
    """Of a list the good ones are taken, and of what is no object no bytes are kept."""
    bad, good, number = read("sendgrid", [{"event": "winked"}, OPEN, 7])
    assert isinstance(good, Touchpoint)
    assert isinstance(bad, Refused)
    assert (number.content, number.fault.reason) == (b"", RejectReason.INVALID_FIELD)
    half = b'[{"event":"open","email":"\\ud83d"},' + json.dumps(OPEN).encode() + b"]"
    found = FORMATS["sendgrid"].touchpoints(half)
    assert not isinstance(found, Fault)
    assert [isinstance(one, Refused) for one in found] == [True, False]


def test_an_event_of_several_recipients_says_whom_it_is_about() -> None:
    """A mail was sent to each; of an open nobody knows whose it is, and of a bounce those are named
    who are meant, each with its reply."""
    both = {"type": "email.sent", "created_at": "2026-03-02T17:30:00Z", "data": {
        "email_id": "m-1", "to": ["anna@example.com", "Ben <ben@example.com>"],
        "tags": {"purpose": "service"},
    }}  # fmt: skip
    sent = read("resend", both)
    assert [one.body.address for one in sent] == ["anna@example.com", "ben@example.com"]
    assert len({one.event_id for one in sent}) == 2
    [refused] = read("resend", {**both, "type": "email.opened"})
    assert refused.fault[:2] == (RejectReason.NO_USABLE_IDENTIFIER, "data.to")
    for several in (["anna@example.com", "ben@example.com"], "anna@example.com, ben@example.com"):
        assert sendgrid(email=several).fault[:2] == (RejectReason.NO_USABLE_IDENTIFIER, "email")
    replies = {"anna@example.com": "550 5.1.1 no mailbox", "ben@example.com": "550 5.1.1 unknown"}
    bounced = read("amazon_ses", {
        "eventType": "Bounce", "mail": {"destination": [*replies, "cleo@example.com"]},
        "bounce": {"timestamp": "2026-03-02T17:30:00Z", "bounceType": "Permanent",
                   "bouncedRecipients": [{"emailAddress": one, "diagnosticCode": reply}
                                         for one, reply in replies.items()]},
    })  # fmt: skip
    assert {one.body.address: one.body.reason for one in bounced} == replies


def test_events_come_as_lines_or_one_by_one() -> None:
    """Mailtrap writes a list within an object, or an event on each line; of lines one that cannot
    be read costs them all, as it does a list."""
    lines = (EXAMPLES / "mailtrap/payloads.jsonl").read_bytes().splitlines()
    events = [one for line in lines for one in json.loads(line).get("events", [json.loads(line)])]
    as_lines = b"\n".join(json.dumps(one).encode() for one in events) + b"\n"
    touchpoints = FORMATS["mailtrap"].touchpoints
    assert not isinstance(found := touchpoints(as_lines), Fault)
    assert len(found) == len(events)
    assert found == touchpoints(json.dumps({"events": events}).encode())
    assert isinstance(touchpoints(as_lines[:-3]), Fault)


def test_a_form_and_its_list_are_the_same() -> None:
    """Mandrill packs its events in a field."""
    form, *_ = (EXAMPLES / "mandrill/payloads.jsonl").read_bytes().splitlines()
    [(_, text)] = parse_qsl(form.decode())
    touchpoints = FORMATS["mandrill"].touchpoints
    assert touchpoints(form) == touchpoints(text.encode())


def test_the_envelope_of_a_topic_makes_no_difference() -> None:
    """Raw or within the envelope of SNS; a request to confirm says what to do."""
    file = (EXAMPLES / "amazon_ses/payloads.jsonl").read_bytes().splitlines()
    enveloped = [one for one in file if b'"Message"' in one]
    assert enveloped
    touchpoints = FORMATS["amazon_ses"].touchpoints
    for one in enveloped:
        assert touchpoints(one) == touchpoints(json.loads(one)["Message"].encode())
    [asked] = read("amazon_ses", {"Type": "SubscriptionConfirmation", "TopicArn": "t"})
    assert "SubscribeURL" in asked.fault.message


def test_programs_are_named_by_events_and_fields_of_providers() -> None:
    """Of each provider that has a word for them, whatever the user agent says."""
    by_hand = {"user-agent": BROWSER}
    said = [
        read("mailgun", {"event": "opened", "timestamp": 1772472600, "recipient": "a@example.com",
                         "client-info": {**by_hand, "bot": bot}}) for bot in ("", "apple")
    ] + [
        read("sparkpost", {"type": "open", "timestamp": "1772472600", "rcpt_to": "a@example.com",
                           "user_agent": BROWSER, "user_agent_parsed": {field: is_one}})
        for field in ("is_proxy", "is_prefetched") for is_one in (False, True)
    ] + [
        read("brevo", {"event": name, "ts_event": 1772472600, "email": "a@example.com"})
        for name in ("opened", "proxy_open")
    ]  # fmt: skip
    assert [one.body.is_automated for [one] in said] == [False, True] * 4
