"""Whether a delivery is signed by the provider: each scheme as the provider documents it.

Pure: the time is that of the delivery. Signatures are compared in constant time, and whatever a
delivery holds, the answer is yes or no. What stands in a body is taken out of it without reading
the rest, for whose it is, nobody knows yet.

A delivery that is sent again by others adds nothing, for its events keep their ids. A signature of
Mailgun covers no body: whoever sees one can send others with it until the window is over.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import msgspec

from schemas.faults import Fault
from services.intake.format import Delivered
from services.intake.mail.bodies import form_of, is_json

WINDOW_S = 300
"""So far from the time of the signature a delivery may come, in either direction."""
MAILGUN_WINDOW_S = 12 * 3600
"""Mailgun tries for eight hours, and does not say that it signs again."""
SECONDS = re.compile(r"[0-9]{9,11}")
OF_SIGNATURE = ("timestamp", "token", "signature")
OF_SVIX = ("id", "timestamp", "signature")
SIGNATURES_MAX = 10
MD5 = re.compile(r"[0-9a-f]{32}")
TOKEN = re.compile(r"[0-9a-f]{64}")


class TokenSigned(msgspec.Struct):
    """What Mailgun signs, and the signature."""

    timestamp: str | int
    token: str
    signature: str


class OfMailgun(msgspec.Struct):
    """Of its body."""

    signature: TokenSigned


class OfUnisenderGo(msgspec.Struct):
    """Of its body."""

    auth: str


OF_MAILGUN = msgspec.json.Decoder(OfMailgun)
OF_UNISENDER_GO = msgspec.json.Decoder(OfUnisenderGo)
Signed = Callable[[Delivered, str], bool]


def is_token(text: Any) -> bool:
    """Whether it is a whole HMAC-SHA256 in hexadecimal digits."""
    return isinstance(text, str) and TOKEN.fullmatch(text) is not None


def is_near(seconds: str, delivery: Delivered, window_s: int = WINDOW_S) -> bool:
    """Whether a delivery comes about when it was signed."""
    if not SECONDS.fullmatch(seconds):
        return False
    return abs(delivery.received_at.timestamp() - int(seconds)) <= window_s


def is_signed_by_sendgrid(delivery: Delivered, secret: str) -> bool:
    """ECDSA with SHA-256 over time and body; the secret is the public key, as SendGrid shows it."""
    signature = delivery.headers.get("x-twilio-email-event-webhook-signature", "")
    seconds = delivery.headers.get("x-twilio-email-event-webhook-timestamp", "")
    if not is_near(seconds, delivery):
        return False
    return _is_ecdsa(secret, _unpacked(signature), seconds.encode() + delivery.body)


def is_signed_by_mailgun(delivery: Delivered, secret: str) -> bool:
    """HMAC-SHA256 over time and token, which stand in the body; what they sign is not the body."""
    if is_json(delivery.body):
        try:
            found = OF_MAILGUN.decode(delivery.body).signature
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        seconds, token, signature = str(found.timestamp), found.token, found.signature
    else:
        form = form_of(delivery.body, OF_SIGNATURE)
        if isinstance(form, Fault):
            return False
        seconds, token, signature = (form.get(one, "") for one in OF_SIGNATURE)
    if not is_near(seconds, delivery, MAILGUN_WINDOW_S):
        return False
    return _is_hmac(secret, (seconds + token).encode(), signature)


def is_signed_by_mandrill(delivery: Delivered, secret: str) -> bool:
    """HMAC-SHA1 over the address and the fields of the form, in the order of their names."""
    form = form_of(delivery.body)
    if is_json(delivery.body) or isinstance(form, Fault):
        return False
    content = delivery.url + "".join(name + form[name] for name in sorted(form))
    signature = _unpacked(delivery.headers.get("x-mandrill-signature", ""))
    wanted = hmac.new(secret.encode(), content.encode(errors="replace"), hashlib.sha1).digest()
    return hmac.compare_digest(wanted, signature)


def is_signed_by_mailersend(delivery: Delivered, secret: str) -> bool:
    """HMAC-SHA256 over the body."""
    return _is_hmac(secret, delivery.body, delivery.headers.get("signature", ""))


def is_signed_by_mailtrap(delivery: Delivered, secret: str) -> bool:
    """HMAC-SHA256 over the body."""
    return _is_hmac(secret, delivery.body, delivery.headers.get("mailtrap-signature", ""))


def is_signed_by_resend(delivery: Delivered, secret: str) -> bool:
    """HMAC-SHA256 over id, time and body, as Svix signs; one of several signatures is enough, for
    while a secret is replaced there are two."""
    number, seconds, signatures = (delivery.headers.get(f"svix-{one}", "") for one in OF_SVIX)
    key = _unpacked(secret.removeprefix("whsec_"))
    if not key or not is_near(seconds, delivery):
        return False
    head = f"{number}.{seconds}.".encode(errors="replace")
    wanted = hmac.new(key, head + delivery.body, hashlib.sha256).digest()
    given = [one.removeprefix("v1,") for one in signatures.split() if one.startswith("v1,")]
    return any(hmac.compare_digest(wanted, _unpacked(one)) for one in given[:SIGNATURES_MAX])


def is_signed_by_postal(delivery: Delivered, secret: str) -> bool:
    """RSA over the body: with SHA-256, or of an older Postal with SHA-1. The secret is the public
    key, as `postal default-dkim-record` shows it."""
    newer = delivery.headers.get("x-postal-signature-256")
    signature = delivery.headers.get("x-postal-signature", "") if newer is None else newer
    return _is_rsa(secret, _unpacked(signature), delivery.body, is_old=newer is None)


def is_signed_by_unisender_go(delivery: Delivered, secret: str) -> bool:
    """MD5 over the body with the secret, the key of the API, in the place of the signature."""
    try:
        signature = OF_UNISENDER_GO.decode(delivery.body).auth
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if not MD5.fullmatch(signature) or not secret:
        return False
    content = delivery.body.replace(signature.encode(), secret.encode(), 1)
    wanted = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return hmac.compare_digest(wanted, signature)


def _is_hmac(key: str, content: bytes, signature: str) -> bool:
    """HMAC-SHA256 in hexadecimal digits."""
    wanted = hmac.new(key.encode(), content, hashlib.sha256).hexdigest()
    return is_token(signature) and hmac.compare_digest(wanted, signature)


def _unpacked(text: str) -> bytes:
    """What is written in Base64; nothing if it is not."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _is_ecdsa(key: str, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(_unpacked(bare_key(key)))
        if not isinstance(public, EllipticCurvePublicKey):
            return False
        public.verify(signature, content, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _is_rsa(key: str, signature: bytes, content: bytes, *, is_old: bool) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(_unpacked(bare_key(key)))
        if not isinstance(public, RSAPublicKey):
            return False
        public.verify(signature, content, PKCS1v15(), SHA1() if is_old else SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def bare_key(text: str) -> str:
    """A public key without the lines around it, with which some write it."""
    return "".join(one for one in text.splitlines() if not one.startswith("-----")).strip()
