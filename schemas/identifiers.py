"""Normalised identifier values and the node ids made of them.

A node id is the first 16 bytes of HMAC-SHA-256(secret, realm ␟ type ␟ issuer ␟ value), written as
a UUID, so no key in any table or topic holds a raw value. ␟ is U+001F.
"""

from __future__ import annotations

import hmac
import unicodedata
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from schemas.letter_case import lower_case
from schemas.rules.identity import IdentityRules, Normaliser
from schemas.telephone import AmbiguousTelephoneNumber, NoTelephoneNumber, read_number

NodeId = int
"""A node id as the 128-bit integer of its UUID: small, fast to hash, ordered like the UUID."""
REMEMBERED_CHARACTERS_MAX = 64
"""Only readings of values up to this length are remembered: those of longer ones, which anybody may
send, would take gigabytes."""
WHOLE_PERSON: NodeId = 0
"""Address of a refusal: every address of the person."""
SEPARATOR = "\x1f"
INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Categories of Unicode that show nothing."""
RECORD_TYPE = "record"
"""Type of the anchor of an event without identifiers; it never joins a profile."""


class InvalidIdentifier(ValueError):
    """The value is malformed for its identifier type."""


class AmbiguousIdentifier(InvalidIdentifier):
    """The value may be one of several; none is guessed."""


class BlockedIdentifier(ValueError):
    """The value is a placeholder such as `guest` or `0` and identifies nobody."""


def normalise_email(value: str) -> str:
    """The match key of an e-mail address: trimmed, NFC, lower case, domain in IDNA A-labels.

    Letters never change but for their case: `strauß@` and `strauss@` are two mailboxes.

    Raises:
        InvalidIdentifier: not an address (RFC 5321/6531 syntax; nothing is looked up).
    """
    try:
        parsed = validate_email(
            trimmed(value), check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise InvalidIdentifier(str(error)) from error
    return f"{lower_case(parsed.local_part)}@{parsed.ascii_domain.lower()}"


def normalise_phone(value: str, region: str) -> str:
    """The number in E.164 form; a national number is read as one of `region` (schemas/telephone).

    Raises:
        InvalidIdentifier: no valid number.
        AmbiguousIdentifier: two valid numbers.
    """
    try:
        return read_number(value, region)
    except AmbiguousTelephoneNumber as error:
        raise AmbiguousIdentifier(str(error)) from error
    except NoTelephoneNumber as error:
        raise InvalidIdentifier(str(error)) from error


def trimmed(value: str) -> str:
    """The value in NFC, without blanks and invisible signs at its ends: byte order marks, marks of
    direction, zero-width blanks and control characters, as tables and clipboards leave them."""
    text = unicodedata.normalize("NFC", value).strip()
    begin, end = 0, len(text)
    while begin < end and unicodedata.category(text[begin]) in INVISIBLE:
        begin += 1
    while begin < end and unicodedata.category(text[end - 1]) in INVISIBLE:
        end -= 1
    return text[begin:end]


def normalise(type_name: str, value: str, rules: IdentityRules, region: str) -> str:
    """The one written form of a value.

    Raises:
        InvalidIdentifier: unknown type, or a value its normaliser refuses.
        BlockedIdentifier: a placeholder that names nobody.
    """
    kind = rules.by_name.get(type_name)
    if kind is None:
        raise InvalidIdentifier(f"unknown identifier type {type_name!r}")
    text = trimmed(value)
    if text in rules.placeholders or text in kind.placeholders:
        raise BlockedIdentifier(type_name)
    if kind.normaliser is Normaliser.EMAIL:
        return normalise_email(text)
    if kind.normaliser is Normaliser.PHONE:
        return normalise_phone(text, region)
    return text


def node_id(secret: bytes, realm: str, type_name: str, issuer: str, value: str) -> NodeId:
    """The node id of a normalised value (see the module docstring for the formula)."""
    message = SEPARATOR.join((realm, type_name, issuer, value)).encode()
    return int.from_bytes(hmac.digest(secret, message, "sha256")[:16])


def as_uuid(node: NodeId) -> UUID:
    """The written form of a node id."""
    return UUID(int=node)
