"""Signatures of e-mail providers: right, wrong, old, missing; whatever comes is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.docs.mail_page import PROVIDERS
from services.intake.format import Delivered
from services.intake.formats import FORMATS
from services.intake.mail.signatures import MAILGUN_WINDOW_S, WINDOW_S

NOW = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))
URL = "https://c360.example.com/v1/webhooks/mail?token=t"
SECRET = "a-secret-of-the-provider"
CURVE = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SVIX_KEY = b"a-key-of-24-bytes-of-svix"
SVIX_SECRET = "whsec_" + base64.b64encode(SVIX_KEY).decode()


class Scheme(NamedTuple):
    """How a provider signs: `delivery` makes what it would send."""

    name: str
    secret: str
    delivery: Callable[[bytes], Delivered]
    window_s: int | None
    """How old a delivery may be; None where nothing says when it was signed."""


def public(key: Any) -> str:
    """A public key as providers show it."""
    content = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(content).decode()


def signature(content: bytes, secret: str = SECRET) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def delivered(body: bytes, **headers: str) -> Delivered:
    """A delivery that comes at once."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivered(body, named, URL, NOW)


def sendgrid(body: bytes) -> Delivered:
    """Time and body are signed."""
    signed = CURVE.sign(SECONDS.encode() + body, ec.ECDSA(SHA256()))
    return delivered(
        body,
        x_twilio_email_event_webhook_signature=base64.b64encode(signed).decode(),
        x_twilio_email_event_webhook_timestamp=SECONDS,
    )


def mailgun_fields() -> dict[str, str]:
    """Time and token are signed."""
    token = "a" * 50
    return {
        "timestamp": SECONDS,
        "token": token,
        "signature": signature((SECONDS + token).encode()),
    }


def mailgun(body: bytes) -> Delivered:
    """The signature is in the body."""
    return delivered(
        json.dumps({"signature": mailgun_fields(), "event-data": body.decode()}).encode()
    )


def mailgun_form(body: bytes) -> Delivered:
    """As before 2018; a variable of the message may have the name of a field of the signature."""
    fields = {"event": "opened", "body": body.decode()}
    pairs = [*fields.items(), ("token", "of the message"), *mailgun_fields().items()]
    return delivered(urlencode(pairs).encode())


def mandrill(body: bytes) -> Delivered:
    """The address is signed, and each field of the form in the order of their names."""
    fields = {"mandrill_events": body.decode(), "a": "ü & ="}
    content = URL + "a" + fields["a"] + "mandrill_events" + fields["mandrill_events"]
    signed = hmac.new(SECRET.encode(), content.encode(), hashlib.sha1).digest()
    return delivered(
        urlencode(fields).encode(), x_mandrill_signature=base64.b64encode(signed).decode()
    )


def mailersend(body: bytes) -> Delivered:
    """The body is signed."""
    return delivered(body, signature=signature(body))


def mailtrap(body: bytes) -> Delivered:
    """The body is signed."""
    return delivered(body, mailtrap_signature=signature(body))


def resend(body: bytes) -> Delivered:
    """Id, time and body are signed."""
    content = f"msg_1.{SECONDS}.".encode() + body
    signed = base64.b64encode(hmac.new(SVIX_KEY, content, hashlib.sha256).digest()).decode()
    headers = {"svix_id": "msg_1", "svix_timestamp": SECONDS, "svix_signature": f"v1,{signed}"}
    return delivered(body, **headers)


def postal(body: bytes) -> Delivered:
    """The body is signed, with SHA-256; the older signature stands beside and does not count."""
    signed = base64.b64encode(RSA.sign(body, PKCS1v15(), SHA256())).decode()
    return delivered(body, x_postal_signature_256=signed)


def postal_before(body: bytes) -> Delivered:
    """The body is signed, with SHA-1."""
    signed = base64.b64encode(RSA.sign(body, PKCS1v15(), SHA1())).decode()
    return delivered(body, x_postal_signature=signed)


def unisender_go(body: bytes) -> Delivered:
    """The body is signed, with the secret in the place of the signature."""
    text = b'{"auth":"%s","events_by_user":' + json.dumps(body.decode()).encode() + b"}"
    auth = hashlib.md5(text.replace(b"%s", SECRET.encode(), 1)).hexdigest()
    return delivered(text.replace(b"%s", auth.encode(), 1))


SCHEMES = (
    Scheme("mandrill", SECRET, mandrill, None),
    Scheme("mailersend", SECRET, mailersend, None),
    Scheme("mailtrap", SECRET, mailtrap, None),
    Scheme("resend", SVIX_SECRET, resend, WINDOW_S),
    Scheme("postal", public(RSA), postal, None),
    Scheme("postal", public(RSA), postal_before, None),
    Scheme("unisender_go", SECRET, unisender_go, None),
    Scheme("sendgrid", public(CURVE), sendgrid, WINDOW_S),
    Scheme("mailgun", SECRET, mailgun, MAILGUN_WINDOW_S),
    Scheme("mailgun", SECRET, mailgun_form, MAILGUN_WINDOW_S),
)
EACH = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda one: one.delivery.__name__)


def is_signed(scheme: Scheme, delivery: Delivered, secret: str | None = None) -> bool:
    """As the way in asks."""
    check = FORMATS[scheme.name].is_signed
    assert check is not None
    return check(delivery, scheme.secret if secret is None else secret)


@EACH
def test_a_delivery_of_the_provider_is_signed(scheme: Scheme) -> None:
    """With the secret that both know."""
    assert is_signed(scheme, scheme.delivery(b"[]"))
    assert is_signed(scheme, scheme.delivery("ä€".encode()))


@EACH
def test_another_secret_signs_nothing(scheme: Scheme) -> None:
    """Nor does an empty one, or a key of another kind."""
    other = public(ec.generate_private_key(ec.SECP256R1()))
    for secret in (
        "",
        "another",
        other,
        public(ec.generate_private_key(ec.SECP384R1())),
        "ä",
        "==",
    ):
        assert not is_signed(scheme, scheme.delivery(b"[]"), secret)


@EACH
def test_what_was_changed_is_not_signed(scheme: Scheme) -> None:
    """Each sign of the signature counts, and of the body where it is signed."""
    good = scheme.delivery(b"[]")
    for name, value in good.headers.items():
        for changed in ("", "x", value[:-3] + "AAA", value + "A", value[1:], "é", "\ud83d"):
            if changed != value:
                assert not is_signed(scheme, good._replace(headers={**good.headers, name: changed}))
        left = {one: text for one, text in good.headers.items() if one != name}
        assert not is_signed(scheme, good._replace(headers=left))
    for body in (
        b"",
        b"{}",
        b"[",
        b"{",
        b"signature=x",
        b'{"signature":7}',
        b'{"signature":{}}',
        b"\xff",
    ):
        assert not is_signed(scheme, good._replace(body=body))
    if good.headers:
        assert not is_signed(scheme, good._replace(body=good.body + b" "))


@EACH
def test_an_old_delivery_is_not_taken(scheme: Scheme) -> None:
    """Nor one from the future: of both so much is allowed as clocks and repetitions need."""
    good = scheme.delivery(b"[]")
    if scheme.window_s is None:
        assert is_signed(scheme, good._replace(received_at=NOW + timedelta(days=30)))
        return
    for sign in (1, -1):
        near = NOW + sign * timedelta(seconds=scheme.window_s)
        assert is_signed(scheme, good._replace(received_at=near))
        assert not is_signed(scheme, good._replace(received_at=near + sign * timedelta(seconds=1)))


def test_the_published_example_of_sendgrid_is_signed() -> None:
    """Key, body and signature are those with which its libraries are tested."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQG"
        "hHPTnlvFYPAZFceEu/1FwCM/QmGUhA=="
    )
    signed = (
        "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2"
        "j/0="
    )
    delivery = Delivered(
        b'{"category":"example_payload","event":"test_event","message_id":"message_id"}',
        {
            "x-twilio-email-event-webhook-signature": signed,
            "x-twilio-email-event-webhook-timestamp": "1588788367",
        },
        URL,
        datetime.fromtimestamp(1588788368, UTC),
    )
    check = FORMATS["sendgrid"].is_signed
    assert check is not None
    assert check(delivery, key)
    framed = f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"
    assert check(delivery, framed)
    assert not check(delivery._replace(body=delivery.body.replace(b"e", b"E", 1)), key)


def test_the_newer_signature_of_postal_decides() -> None:
    """A wrong one is not helped by a right one of the older kind."""
    check = FORMATS["postal"].is_signed
    assert check is not None
    good, old = postal(b"[]"), postal_before(b"[]")
    assert check(good._replace(headers={**good.headers, **old.headers}), public(RSA))
    wrong = {**old.headers, "x-postal-signature-256": old.headers["x-postal-signature"]}
    assert not check(good._replace(headers=wrong), public(RSA))


def test_one_of_two_signatures_of_svix_is_enough() -> None:
    """While a secret is replaced, both sign; of another version none counts."""
    check = FORMATS["resend"].is_signed
    assert check is not None
    good = resend(b"[]")
    signed, former = good.headers["svix-signature"], f"v1,{base64.b64encode(b'f' * 32).decode()}"
    for both in (f"{former} {signed}", f"{signed} {former}", f"v1a,x {signed}"):
        assert check(good._replace(headers={**good.headers, "svix-signature": both}), SVIX_SECRET)
    for none in (former, signed.replace("v1,", "v2,"), signed.removeprefix("v1,")):
        headers = {**good.headers, "svix-signature": none}
        assert not check(good._replace(headers=headers), SVIX_SECRET)


def test_mandrill_signs_the_address() -> None:
    """A delivery to another address is none of this one."""
    check = FORMATS["mandrill"].is_signed
    assert check is not None
    good = mandrill(b"[]")
    assert check(good, SECRET)
    assert not check(good._replace(url=URL + "x"), SECRET)
    assert not check(good._replace(body=good.body + b"&b=1"), SECRET)


def test_the_others_sign_nothing() -> None:
    """Their deliveries need a key."""
    unsigned = {name for name, one in FORMATS.items() if name in PROVIDERS and not one.is_signed}
    assert unsigned == {"amazon_ses", "brevo", "mailjet", "postmark", "sparkpost"}
