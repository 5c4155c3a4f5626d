"""What is compared of two persons, in which degrees, and what each degree is worth by itself.

A degree is a condition in SQL over two records (columns end in `_l` and `_r`), with the share of
pairs that meet it: `same` among records of one person, `random` among two persons. These are the
weights of a shop too small to learn its own. Every degree says in plain words what was found.
"""

from __future__ import annotations

from typing import NamedTuple

SIMILAR, ALIKE = 0.92, 0.85
"""Jaro-Winkler similarity of one misspelling in a word, and of a few."""


class Degree(NamedTuple):
    """One degree of agreement of a field."""

    words: str
    """What was found, in plain words."""
    condition: str
    same: float
    """Share among pairs of records of one person."""
    random: float
    """Share among pairs of two persons."""
    frequency_of: str = ""
    """The column whose rare values weigh more; empty if all weigh alike."""
    frequency_min: float = 0.0
    """No value counts as rarer than this."""


class ComparedField(NamedTuple):
    """A field with its degrees, the best one first; the last one is everything else."""

    name: str
    missing: str
    """When nothing can be said."""
    degrees: tuple[Degree, ...]


def _equal(column: str) -> str:
    return f"{column}_l = {column}_r"


def _like(column: str, least: float) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= {least}"


def _either_missing(*columns: str) -> str:
    return " OR ".join(f"{column}_l IS NULL OR {column}_r IS NULL" for column in columns)


SWAPPED = "given_name_l = family_name_r AND given_name_r = family_name_l"
"""Given and family name in each other's field."""
NEARLY_SWAPPED = (
    f"jaro_winkler_similarity(given_name_l, family_name_r) >= {ALIKE}"
    f" AND jaro_winkler_similarity(given_name_r, family_name_l) >= {ALIKE}"
)
ONE_SIDE_SWAPPED = (
    f"jaro_winkler_similarity(given_name_l, family_name_r) >= {SIMILAR}"
    f" OR jaro_winkler_similarity(given_name_r, family_name_l) >= {SIMILAR}"
)
"""Where one of the other names is missing, or another one."""
ONLY_THE_FIRST = "(given_name_l = given_first_l OR given_name_r = given_first_r)"
"""Hans-Peter may be Hans, but is not Hans-Jürgen."""


def _with_ending(side: str, other: str) -> str:
    ends = ", ".join(f"given_first_{side} || '{end}'" for end in ("a", "e", "ie", "ine"))
    return f"given_first_{other} IN ({ends})"


OF_THE_OTHER_SEX = f"{_with_ending('l', 'r')} OR {_with_ending('r', 'l')}"
"""Michael and Michaela, Gabriel and Gabriele: brother and sister rather than a misspelling."""
MISSPELT = (
    "NOT (given_is_common_l AND given_is_common_r) AND given_first_l <> given_first_r"
    f" AND NOT ({OF_THE_OTHER_SEX})"
)
TRANSPOSED = (
    "(damerau_levenshtein(given_name_l, given_name_r) = 1"
    " AND list_sort(string_split(given_name_l, '')) = list_sort(string_split(given_name_r, '')))"
)
"""Uwe and Uew: of short names two letters in each other's place are a small similarity."""
GIVEN_NAME = ComparedField(
    "given_name",
    _either_missing("given_name"),
    (
        Degree("same given name", _equal("given_name"), 0.84, 0.006, "given_name", 0.0005),
        Degree("given and family name swapped", SWAPPED, 0.02, 0.00005),
        Degree(
            "the same first of several given names",
            f"{_equal('given_first')} AND {ONLY_THE_FIRST}", 0.02, 0.002,
        ),
        Degree(
            "short form of the same given name",
            f"{_equal('given_root')} AND {ONLY_THE_FIRST}", 0.02, 0.002,
        ),
        Degree(
            "given name differs by a misspelling",
            f"{MISSPELT} AND ({_like('given_name', SIMILAR)} OR {TRANSPOSED})",
            0.04, 0.002,
        ),
        Degree(
            "similar given names", f"{MISSPELT} AND {_like('given_name', ALIKE)}", 0.02, 0.005
        ),
        Degree(
            "two letters of the given name differ",
            f"{MISSPELT} AND damerau_levenshtein(given_name_l, given_name_r) <= 2"
            " AND least(length(given_name_l), length(given_name_r)) >= 7", 0.02, 0.004,
        ),
        Degree("given and family name swapped and misspelt", NEARLY_SWAPPED, 0.01, 0.0001),
        Degree("given name stands where the other has its family name", ONE_SIDE_SWAPPED,
            0.01, 0.002,
        ),
        Degree(
            "the given name is an initial",
            "least(length(given_name_l), length(given_name_r)) = 1"
            " AND left(given_name_l, 1) = left(given_name_r, 1)",
            0.01, 0.003,
        ),
        Degree("given name differs", "", 0.03, 0.98),
    ),
)  # fmt: skip
FAMILY_NAME = ComparedField(
    "family_name",
    # What is said of swapped names is said once, by the given name: two fields that are always
    # found so together would count the same thing twice.
    f"{_either_missing('family_name')} OR family_name_l <> family_name_r"
    f" AND ({SWAPPED} OR {NEARLY_SWAPPED} OR {ONE_SIDE_SWAPPED})",
    (
        Degree("same family name", _equal("family_name"), 0.86, 0.003, "family_name", 0.0002),
        Degree("family name differs by a misspelling", _like("family_name", SIMILAR), 0.06, 0.001),
        Degree(
            "one family name is a part of the other",
            "list_has_any(string_split(family_name_l, ' '), string_split(family_name_r, ' '))",
            0.02, 0.001,
        ),
        Degree("similar family names", _like("family_name", ALIKE), 0.02, 0.005),
        Degree("family name differs", "", 0.04, 0.99),
    ),
)  # fmt: skip
GENERATION_YEARS = 15
"""Father and son, mother and daughter are at least so many years apart: of two dates that differ in
one digit of the year this is no misspelling."""
YEARS = "abs(left(birth_date_l, 4)::INT - left(birth_date_r, 4)::INT)"
DAY_AND_MONTH_SWAPPED = (
    "left(birth_date_l, 4) = left(birth_date_r, 4)"
    " AND substr(birth_date_l, 6, 2) = right(birth_date_r, 2)"
    " AND right(birth_date_l, 2) = substr(birth_date_r, 6, 2)"
)


def _part_of_date(part: str) -> str:
    return f"({part.format('birth_date_l')} = {part.format('birth_date_r')})::INT"


PARTS_EQUAL = " + ".join(map(_part_of_date, ("left({}, 4)", "substr({}, 6, 2)", "right({}, 2)")))
TWO_PARTS = f"{PARTS_EQUAL} = 2 AND {YEARS} < {GENERATION_YEARS}"
ONE_DIGIT = f"damerau_levenshtein(birth_date_l, birth_date_r) <= 1 AND {YEARS} < {GENERATION_YEARS}"
BIRTH_DATE = ComparedField(
    "birth_date",
    _either_missing("birth_date"),
    (
        Degree("same birth date", _equal("birth_date"), 0.90, 0.00005, "birth_date", 0.00001),
        Degree("day and month of birth swapped", DAY_AND_MONTH_SWAPPED, 0.02, 0.0001),
        Degree("one digit of the birth date differs", ONE_DIGIT, 0.05, 0.001),
        Degree("day, month or year of birth differs", TWO_PARTS, 0.02, 0.003),
        Degree(
            "birth date differs, within one generation",
            f"{YEARS} < {GENERATION_YEARS}",
            0.02,
            0.35,
        ),
        Degree("birth date differs by a generation", "", 0.01, 0.645),
    ),
)
SAME_HOUSE = _equal("house_number")
STREET = ComparedField(
    "street",
    _either_missing("street"),
    (
        Degree(
            "same street and house number", f"{_equal('street')} AND {SAME_HOUSE}", 0.55, 0.0005,
        ),
        Degree(
            "similar street, same house number", f"{_like('street', ALIKE)} AND {SAME_HOUSE}",
            0.12, 0.0003,
        ),
        Degree("same street", _equal("street"), 0.08, 0.003, "street", 0.0001),
        Degree("similar street", _like("street", SIMILAR), 0.05, 0.004),
        Degree("street differs", "", 0.20, 0.99),
    ),
)  # fmt: skip
PLACE = ComparedField(
    "place",
    "(postal_code_l IS NULL OR postal_code_r IS NULL) AND (city_l IS NULL OR city_r IS NULL)",
    (
        Degree(
            "same postal code and city", f"{_equal('postal_code')} AND {_equal('city')}",
            0.60, 0.001, "postal_code", 0.0002,
        ),
        Degree("same postal code", _equal("postal_code"), 0.14, 0.002, "postal_code", 0.0002),
        Degree("same city", _equal("city"), 0.08, 0.01, "city", 0.0005),
        Degree(
            "one digit of the postal code differs",
            "damerau_levenshtein(postal_code_l, postal_code_r) <= 1", 0.04, 0.01,
        ),
        Degree("similar city", _like("city", SIMILAR), 0.02, 0.003),
        Degree("place differs", "", 0.12, 0.98),
    ),
)  # fmt: skip
PHONE = ComparedField(
    "phone",
    "len(phones_l) = 0 OR len(phones_r) = 0",
    (
        Degree("a telephone number in common", "list_has_any(phones_l, phones_r)", 0.70, 0.00005),
        Degree("no telephone number in common", "", 0.30, 0.99995),
    ),
)
EMAIL = ComparedField(
    "email",
    "len(emails_l) = 0 OR len(emails_r) = 0",
    (
        Degree("an e-mail address in common", "list_has_any(emails_l, emails_r)", 0.65, 0.00005),
        Degree(
            "the same mailbox at another provider", "list_has_any(mailboxes_l, mailboxes_r)",
            0.10, 0.0001,
        ),
        Degree(
            "e-mail addresses differ by a misspelling",
"jaro_winkler_similarity(emails_l[1], emails_r[1]) >= 0.92", 0.08, 0.002,
        ),
        Degree("no e-mail address in common", "", 0.17, 0.997),
    ),
)  # fmt: skip
FIELDS = (GIVEN_NAME, FAMILY_NAME, BIRTH_DATE, STREET, PLACE, PHONE, EMAIL)
