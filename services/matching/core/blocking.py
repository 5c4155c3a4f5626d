"""Which pairs are compared at all: two persons that have a key in common.

A key joins several values, so that each true pair is likely to share at least one although any
single value may differ. A key that more than `HOLDERS_MAX` persons have is not used: a frequent
name or a default date would cost the square of its bearers. Finer keys hold the same value. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.matching.core.person import PersonRecord

HOLDERS_MAX = 100
"""Persons that a key is used for: with `KEYS_MAX` keys each, nobody is compared with more than some
thousand others."""
KEYS_MAX = 40


def blocking_keys(person: PersonRecord) -> list[str]:
    """The keys of a person, each with the letter of its rule in front."""
    return sorted(set(_keys(person)))[:KEYS_MAX]


def _keys(one: PersonRecord) -> Iterator[str]:
    born, given, family = one.birth_date, one.given_root, one.family_name
    names = "/".join(sorted((given, family)))
    if born:
        yield f"o:{born}"
        day = born[:5] + "/".join(sorted((born[5:7], born[8:])))
        for letter in {given[:1], family[:1]} - {""}:  # of either, should they be swapped
            yield f"a:{day}/{letter}"
        if given:
            yield f"b:{born[:7]}/{given}"
            yield f"c:{born[5:]}/{given}"
        if family:
            yield f"d:{born[:4]}/{family}"
    if one.city:
        yield from (f"q:{one.city}/{name}" for name in {given, family} - {""})
    if given and family:
        yield f"e:{names}"
        if one.city:
            yield f"f:{names}/{one.city}"
    if one.postal_code:
        for name in {given[:4], family[:4]} - {""}:
            yield f"g:{one.postal_code}/{name}"
        if one.street:
            yield f"h:{one.postal_code}/{one.street}/{one.house_number}"
    if one.street and one.house_number:
        for letter in {given[:1], family[:1]} - {""}:
            yield f"i:{one.street}/{one.house_number}/{letter}"
    yield from (f"p:{number}" for number in one.phones)
    yield from (f"m:{address}" for address in one.emails)
    yield from (f"n:{mailbox}" for mailbox in one.mailboxes)
