"""What a reader without the right to personal data sees of a profile.

Values are replaced by hints: enough to recognise a caller who says them, too little to learn them.
What is not known to be safe to hint at becomes a bare sign, so a new type of value is hidden until
somebody decides otherwise. Facts that are no values (figures, times, channels, permissions, ids)
stay as they are. A hint is a function of the value alone; different values may have the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.profile import AttributeValue, Profile

HIDDEN = "…"
"""Stands for any text that is not shown."""
INITIAL_CHARS_MIN = 4
"""Shorter texts are hidden whole: their first letter would be a good part of them."""
TAIL_CHARS = 2
TAIL_CHARS_MIN = 8
"""Shorter numbers are hidden whole, as codes are that have few values."""
LAST_LABEL_CHARS_MAX = 3
"""Longest last label of a domain that is shown; longer ones may be names."""


def masked(profile: Profile) -> Profile:
    """The profile with hints in the place of identifiers, attributes, preferences, and of what
    names its accounts and households."""
    identifiers = [
        one.model_copy(update={"value": masked_identifier(one.type, one.value)})
        for one in profile.identifiers
    ]
    attributes = {
        name: [_hinted(name, one) for one in value]
        if isinstance(value, list)
        else _hinted(name, value)
        for name, value in profile.attributes.items()
    }
    preferences = {
        name: value.model_copy(update={"value": HIDDEN, "given": HIDDEN})
        for name, value in profile.preferences.items()
    }
    accounts = [
        one.model_copy(
            update={
                "account_id": masked_number(one.account_id),
                "name": _hide_any(one.name),
                "job_title": _hide_any(one.job_title),
            }
        )
        for one in profile.accounts
    ]
    households = [
        one.model_copy(
            update={
                "household_id": masked_number(one.household_id),
                "relation": _hide_any(one.relation),
            }
        )
        for one in profile.households
    ]
    return profile.model_copy(
        update={
            "identifiers": identifiers,
            "attributes": attributes,
            "preferences": preferences,
            "accounts": accounts,
            "households": households,
        }
    )


def masked_identifier(type_name: str, value: str) -> str:
    """The hint at an identifier: `a…@e….com` of an address, the last two signs of a number."""
    return masked_email(value) if type_name == "email" else _tail(value)


def masked_number(value: str) -> str:
    """The hint at a number that somebody assigned."""
    return _tail(value)


def masked_attribute(name: str, value: str) -> str:
    """The hint at a value of an attribute; most are hidden whole, because they have few values."""
    return _HINTS.get(name, _hide)(value)


def masked_email(value: str) -> str:
    """The first letters of mailbox and domain, and a short last label. Hidden if it is none."""
    mailbox, at, domain = value.strip().rpartition("@")
    if not at:
        return HIDDEN
    head, dot, last = domain.rpartition(".")
    is_shown = bool(dot) and last.isalpha() and len(last) <= LAST_LABEL_CHARS_MAX
    ending = f".{last}" if is_shown else ""
    return f"{_initial(mailbox)}@{_initial(head)}{ending}"


def _hinted(name: str, one: AttributeValue) -> AttributeValue:
    hints = {part: masked_attribute(name, getattr(one, part)) for part in ("value", "given")}
    return one.model_copy(update=hints)


def _hide(_value: str) -> str:
    return HIDDEN


def _hide_any(value: str) -> str:
    """Hidden, if there is one."""
    return HIDDEN if value else ""


def _initial(value: str) -> str:
    text = value.strip()
    is_word = len(text) >= INITIAL_CHARS_MIN and text[0].isalnum()
    return text[0] + HIDDEN if is_word else HIDDEN


def _tail(value: str) -> str:
    text = value.strip()
    is_long = len(text) >= TAIL_CHARS_MIN and text[-TAIL_CHARS:].isalnum()
    return HIDDEN + text[-TAIL_CHARS:] if is_long else HIDDEN


_HINTS: Mapping[str, Callable[[str], str]] = {
    "first_name": _initial,
    "last_name": _initial,
    "email": masked_email,
    "phone": _tail,
}
"""The attributes that callers are recognised by. All others are hidden whole."""
