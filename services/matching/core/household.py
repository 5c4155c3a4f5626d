"""Who lives together is not one person: pairs that no score makes a suggestion.

Father and son share a name and an address, twins a birth date and an address, a couple an address,
a telephone number and often a mailbox. What tells them apart outweighs everything else. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.matching.core.fields import BIRTH_DATE, EMAIL, GIVEN_NAME, PHONE
from services.matching.core.model import is_last

CONTACTS = ((PHONE, frozenset({0})), (EMAIL, frozenset({0, 1, 2})))
"""Fields with the degrees at which two persons have a contact in common."""


class Apart(StrEnum):
    """Why a pair is not proposed, however much else agrees."""

    BIRTH_DATE = "birth_date"
    """Both birth dates are known, and they differ by a generation; or by more than a misspelling,
    and no telephone number or e-mail address is in common."""
    GIVEN_NAME = "given_name"
    """Both given names are known, and neither is a short form, misspelling or part of the other."""
    GENERATION = "generation"
    """One is called junior, the other senior."""


def apart(degrees: Mapping[str, int | None], generations: tuple[str, str]) -> Apart | None:
    """Why two records are of two persons; None if nothing says so."""
    born, given = degrees[BIRTH_DATE.name], degrees[GIVEN_NAME.name]
    if is_last(BIRTH_DATE, born):
        return Apart.BIRTH_DATE
    # Within one generation only a contact of their own makes a wrong date likelier than a namesake.
    if born == len(BIRTH_DATE.degrees) - 2 and not any(
        degrees[one.name] in in_common for one, in_common in CONTACTS
    ):
        return Apart.BIRTH_DATE
    if is_last(GIVEN_NAME, given):
        return Apart.GIVEN_NAME
    older, younger = sorted(generations)
    if older and older != younger:
        return Apart.GENERATION
    return None
