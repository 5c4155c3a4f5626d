"""Who somebody is: the calls `identify`, `alias` and `group`."""

from __future__ import annotations

import re

import orjson

from services.intake.fields import TITLE_CHARS_MAX, Fields, NotTaken, text_of
from services.intake.segment.message import Json, TrackedMessage, addresses

ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
ATTRIBUTES_MAX, VALUE_CHARS_MAX = 60, 500
RENAMED = {"title": "job_title", "birthday": "birth_date"}
"""Reserved traits that mean something else than our attributes of their name. The rules of profiles
know the other ones by their synonyms."""
ADDRESS, COMPANY = "address", "company"
NOT_ATTRIBUTES = frozenset({ADDRESS, COMPANY, "email_verified"})


def identify(message: TrackedMessage) -> list[bytes]:
    """The traits as attributes; without traits, the identifiers belong together."""
    traits = traits_of(message)
    found = [*message.identifiers, *addresses(traits)]
    attributes = _attributes(traits)
    if not attributes:
        return [message.touchpoint("identity.linked", {"reason": "other"}, found)]
    return [message.touchpoint("profile.updated", {"attributes": attributes}, found)]


def alias(message: TrackedMessage) -> list[bytes]:
    """The former id and the present one are one person's."""
    known = former(message.fields)
    if not message.user:
        raise NotTaken("userId", "Field required: whose the former id is")
    found = [*message.identifiers, *known]
    return [message.touchpoint("identity.linked", {"reason": "other"}, found)]


def former(fields: Fields) -> list[Json]:
    """The person as a former id names it. Raises NotTaken if there is none."""
    value = fields.required("previousId", "previous_id", chars_max=500)
    is_user = "@" in value  # what else it is, a library made up for a visitor
    known = {"type": "email", "verified": True} if is_user else {"type": "cookie"}
    return [{**known, "value": value}]


def group(message: TrackedMessage) -> list[bytes]:
    """Master data of a company, and that the person is a contact of it."""
    account: Json = {"account_id": message.fields.required("groupId", "group_id")}
    found, lines = message.identifiers, list[bytes]()
    if found:
        lines.append(message.touchpoint("account.contact_changed", account, found))
    if data := _company(message.fields.object("traits")):
        lines.append(message.touchpoint("account.updated", account | data, [], part="account"))
    if not lines:
        raise NotTaken("traits", "neither a person nor anything of the group is named")
    return lines


def traits_of(message: TrackedMessage) -> Fields:
    """RudderStack's libraries state them in the context only."""
    traits = message.fields.object("traits")
    return traits if traits.plain else message.context.object("traits")


def _company(traits: Fields) -> Json:
    address = traits.object(ADDRESS)
    data = {
        "name": traits.text("name", chars_max=TITLE_CHARS_MAX),
        "industry": traits.text("industry"),
        "vat_id": traits.text("vat_id", "vatId"),
        "street": address.text("street", chars_max=TITLE_CHARS_MAX),
        "postal_code": address.text("postalCode", "postal_code"),
        "city": address.text("city"),
        "country": address.text("country"),
    }
    return {name: value for name, value in data.items() if value}


def _attributes(traits: Fields) -> Json:
    found: Json = {}
    address, company = traits.plain.get(ADDRESS), traits.plain.get(COMPANY)
    for name, value in traits.plain.items():
        if name not in NOT_ATTRIBUTES:
            _add(found, RENAMED.get(name, name), value, traits)
    if isinstance(address, dict):
        for name, value in address.items():
            _add(found, name, value, traits)
    elif ADDRESS in traits.plain:
        _add(found, ADDRESS, address, traits)
    if COMPANY in traits.plain:
        _add(found, COMPANY, company.get("name") if isinstance(company, dict) else company, traits)
    if len(found) > ATTRIBUTES_MAX:
        raise NotTaken(traits.path, f"at most {ATTRIBUTES_MAX} traits")
    return found


def _add(found: Json, name: str, value: object, traits: Fields) -> None:
    """One attribute. A name that no attribute may have gets an underscore for each other sign."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise NotTaken(traits.path, "a trait has a name that no attribute may have")
    if name in found:
        raise NotTaken(traits.path, "two traits are the same attribute")
    found[name] = None if value is None else _value(value, traits)


def _value(value: object, traits: Fields) -> str:
    """Text; numbers, lists and objects as JSON writes them."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, int | float | list | dict):
        text = orjson.dumps(value).decode()
    else:
        text = text_of(value, traits.path)
    if len(text) > VALUE_CHARS_MAX:
        raise NotTaken(traits.path, f"a trait has more than {VALUE_CHARS_MAX} characters")
    return text
