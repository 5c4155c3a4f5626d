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
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.intake.format import Delivered
from services.intake.formats import FORMATS
from services.intake.mail.signatures import MAILGUN_WINDOW_S, WINDOW_S

NOW = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))
URL = "https://c360.example.com/v1/webhooks/mail?token=t"
SECRET = "a-secret-of-the-provider"
CURVE = ec.generate_private_key(ec.SECP256R1())


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


SCHEMES = (
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
