"""Customers: master data, and what they agreed to receive by e-mail and by SMS.

A consent counts from the time that Shopify notes for it, so that a state which is sent again later
takes back no objection that came meanwhile. One of which no time is noted counts from the creation
of the account; an objection from the state that says it, for a consent may have come before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.intake.fields import REQUIRED, Fields, NotTaken
from services.intake.shopify.parties import SYSTEM, customer, line
from services.intake.shops.message import ACCOUNTS, Json, ShopMessage, digest, identifier, moment

OWN = {"first_name": "first_name", "last_name": "last_name", "email": "email", "phone": "phone",
       "language": "locale"}  # fmt: skip
ADDRESS = {
    "company": "company", "street": "address1", "address_addition": "address2",
    "postal_code": "zip", "city": "city", "state": "province_code", "country": "country_code",
}  # fmt: skip
VALUE_CHARS_MAX = 500
STATES = {
    "subscribed": "consent.given", "pending": "consent.given",
    "unsubscribed": "consent.withdrawn",
}  # fmt: skip
"""The other states (`not_subscribed`, `invalid`, `redacted`) say nothing that anybody agreed to."""
CONFIRMED = "confirmed_opt_in"
OF_ACCOUNT = (*ACCOUNTS, *OWN.values(), "created_at", "updated_at", "state", "default_address")
"""What says that there is an account. The topic is a header, which nobody signs."""


class StatedConsent(NamedTuple):
    """What somebody agreed to on one channel."""

    channel: str
    address: str
    state: str
    is_confirmed: bool
    at: str


def updated(message: ShopMessage) -> Iterator[bytes]:
    """A state of a customer: attributes, and consents as far as it has them."""
    fields = message.fields
    number, persons = fields.required("id"), customer(fields)
    at = moment(fields, "updated_at", "created_at")
    attributes = _attributes(fields)
    name = f"customer-{number}-{digest(at, attributes, persons)}"
    yield line("profile.updated", name, at, {"attributes": attributes}, persons)
    for consent in _consents(fields):
        yield from _consented(consent, persons)


def deleted(message: ShopMessage) -> Iterator[bytes]:
    """An account that is no more: nothing that it said of the person holds any longer."""
    number = message.fields.required("id")
    if any(message.fields.plain.get(name) is not None for name in OF_ACCOUNT):
        raise NotTaken("topic", "the account is there: it has fields of its own")
    if not message.at:
        raise NotTaken("triggered_at", REQUIRED)
    attributes = dict.fromkeys([*OWN, *ADDRESS])
    persons = [identifier("customer_number", number, SYSTEM, verified=True)]
    name = f"customer-{number}-deleted"
    yield line("profile.updated", name, message.at, {"attributes": attributes}, persons)


def agreed_to_mail(message: ShopMessage) -> Iterator[bytes]:
    """A consent to e-mail that is sent by itself."""
    fields = message.fields
    number = fields.required("customer_id", "id")
    address = fields.text("email_address", "email", chars_max=320)
    stated = fields.object("email_marketing_consent")
    return _by_itself(number, _consent("email", address, stated, message.at, message.at))


def agreed_to_sms(message: ShopMessage) -> Iterator[bytes]:
    """A consent to SMS that is sent by itself."""
    fields = message.fields
    number = fields.required("customer_id", "id")
    address = fields.text("phone", chars_max=320)
    stated = fields.object("sms_marketing_consent")
    return _by_itself(number, _consent("sms", address, stated, message.at, message.at))


def _by_itself(number: str, consent: StatedConsent) -> Iterator[bytes]:
    persons = [identifier("customer_number", number, SYSTEM, verified=True)]
    found = list(_consented(consent, persons))
    if not found:
        path = f"{consent.channel}_marketing_consent.state"
        raise NotTaken(path, "says nothing that anybody agreed to or refuses")
    yield from found


def _attributes(fields: Fields) -> Json:
    """All that a state says; what it leaves empty is no longer so."""
    found: Json = {}
    place = fields.object("default_address")
    for of, names in ((fields, OWN), (place, ADDRESS)):
        for name, field in names.items():
            if field in of.plain or (of is place and "default_address" in fields.plain):
                found[name] = of.text(field, chars_max=VALUE_CHARS_MAX) or None
    return found


def _consents(fields: Fields) -> Iterator[StatedConsent]:
    email, phone = (fields.text(name, chars_max=320) for name in ("email", "phone"))
    created_at, state_at = fields.time("created_at"), fields.time("updated_at", "created_at")
    stated = fields.object("email_marketing_consent")
    if stated.plain:
        yield _consent("email", email, stated, created_at, state_at)
    else:
        yield _formerly(fields, email, created_at)
    stated = fields.object("sms_marketing_consent")
    yield _consent("sms", phone, stated, created_at, state_at)


def _consent(
    channel: str, address: str, stated: Fields, given_at: str, withdrawn_at: str
) -> StatedConsent:
    """The times are those from which it counts if it has none of its own."""
    is_confirmed, state = stated.text("opt_in_level") == CONFIRMED, stated.text("state")
    otherwise = withdrawn_at if STATES.get(state) == "consent.withdrawn" else given_at
    at = stated.time("consent_updated_at") or otherwise
    return StatedConsent(channel, address, state, is_confirmed, at)


def _formerly(fields: Fields, email: str, created_at: str) -> StatedConsent:
    """As customers had it before there were states: a no that never was a yes is none."""
    at = fields.time("accepts_marketing_updated_at")
    is_confirmed = fields.text("marketing_opt_in_level") == CONFIRMED
    state = ""
    if fields.plain.get("accepts_marketing") is True:
        state = "subscribed"
    elif fields.plain.get("accepts_marketing") is False and at not in ("", created_at):
        state = "unsubscribed"
    return StatedConsent("email", email, state, is_confirmed, at or created_at)


def _consented(consent: StatedConsent, persons: list[Json]) -> Iterator[bytes]:
    type_name = STATES.get(consent.state)
    if type_name is None:
        return
    if not consent.at:
        raise NotTaken("consent_updated_at", REQUIRED)
    if not consent.address and type_name != "consent.withdrawn":
        return  # nobody can be written to
    awaits = consent.state == "pending"
    if type_name == "consent.given" and consent.is_confirmed and not awaits:
        type_name = "consent.confirmed"
    body: Json = {"purpose": "marketing", "channel": consent.channel}
    if consent.address:
        body["address"] = consent.address
    if awaits or type_name == "consent.confirmed":
        body["double_opt_in"] = True
    number = persons[0]["value"]
    name = f"consent-{number}-{digest(type_name, body, consent.at)}"
    yield line(type_name, name, consent.at, body, [persons[0]])
