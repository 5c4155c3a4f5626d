"""Members of one household: the third explanation of a pair, beside one person and two strangers.

Father and son share a name and an address, twins a birth date and an address, a couple an address,
a telephone number and often a mailbox. How many such pairs there are is learnt with the weights:
where a shop knows families, a second given name at one address and birth date is a twin's. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import NamedTuple

from services.matching.core.fields import BIRTH_DATE, EMAIL, FIELDS, GIVEN_NAME, PHONE
from services.matching.core.model import Model

OF_TWO_GENERATIONS = 12.0
"""Weight for a household where one is called junior and the other senior."""
HOUSEHOLD = "household"
"""The part of a score that says so."""
WORDS = "two members of one household could look the same"


class Relation(NamedTuple):
    """How given names and birth dates of two members of a household are related. Shares of the
    degrees as in `fields`, the best one first."""

    share: float
    """Of pairs in households."""
    given_name: tuple[float, ...]
    birth_date: tuple[float, ...]


OF_ONE_GENERATION = Relation(
    0.55,
    (0.002, 0.0002, 0.01, 0.005, 0.01, 0.01, 0.01, 0.0005, 0.03, 0.005, 0.9173),
    (0.035, 0.001, 0.005, 0.02, 0.9, 0.039),
)
"""Couples, brothers and sisters: hardly ever of one name, and twins of one birth date."""
PARENT_AND_CHILD = Relation(
    0.45,
    (0.035, 0.0002, 0.01, 0.005, 0.01, 0.01, 0.01, 0.0005, 0.03, 0.005, 0.8843),
    (0.001, 0.0005, 0.001, 0.0075, 0.05, 0.94),
)
"""Sometimes of one name."""


def _of_both(given: int | None, born: int | None) -> float:
    """How often members of a household are found in these degrees of given name and birth date."""
    return sum(
        relation.share
        * (1.0 if given is None else relation.given_name[given])
        * (1.0 if born is None else relation.birth_date[born])
        for relation in (OF_ONE_GENERATION, PARENT_AND_CHILD)
    )


NAME_AND_DATE = {
    (given, born): _of_both(given, born)
    for given in (None, *range(len(GIVEN_NAME.degrees)))
    for born in (None, *range(len(BIRTH_DATE.degrees)))
}
"""These two belong together: who has his father's name is not born in the year of his father."""
CONTACTS = {PHONE.name: (0.35, 0.65), EMAIL.name: (0.20, 0.05, 0.10, 0.65)}
"""How often members of a household have a number or an address in common, by degree."""


def household_share(model: Model, degrees: Sequence[int | None]) -> float:
    """How often members of a household are found in these degrees of `FIELDS`.

    Family name, street and place are written in as many ways as those of one person.
    """
    met = dict(zip((one.name for one in FIELDS), degrees, strict=True))
    share = NAME_AND_DATE[met.pop(GIVEN_NAME.name), met.pop(BIRTH_DATE.name)]
    for name, degree in met.items():
        if degree is not None:
            share *= CONTACTS.get(name, model.fields[name].same)[degree]
    return share


def name_and_date_weight(model: Model, given: int | None, born: int | None) -> float:
    """How much likelier these degrees are in a household than in one person, in powers of two."""
    same = 1.0
    for field, degree in ((GIVEN_NAME, given), (BIRTH_DATE, born)):
        if degree is not None:
            same *= model.fields[field.name].same[degree]
    return log2(NAME_AND_DATE[given, born] / same)


def contact_weights(model: Model) -> dict[str, tuple[float, ...]]:
    """The same of each degree of telephone and e-mail, the best one first."""
    return {
        name: tuple(log2(a / b) for a, b in zip(shares, model.fields[name].same, strict=True))
        for name, shares in CONTACTS.items()
    }
