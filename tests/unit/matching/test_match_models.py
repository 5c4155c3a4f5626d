"""Weights of match suggestions: learnt and configured ones, and what no weight outdoes."""

from __future__ import annotations

import pytest

from services.matching.core.fields import BIRTH_DATE, EMAIL, FIELDS, GIVEN_NAME
from services.matching.core.household import Apart, apart
from services.matching.core.model import Shares, combined, configured, degree_weight, parts_of

UNKNOWN: dict[str, int | None] = dict.fromkeys((one.name for one in FIELDS), None)
GENERATION, WITHIN = len(BIRTH_DATE.degrees) - 1, len(BIRTH_DATE.degrees) - 2
OTHER_NAME = len(GIVEN_NAME.degrees) - 1


def test_configured_weights_are_sound() -> None:
    """Shares of a field add up, equality speaks for one person, and a difference against."""
    for name, shares in configured(0.001).fields.items():
        assert sum(shares.same) == pytest.approx(1, abs=0.1), name
        assert sum(shares.random) == pytest.approx(1, abs=0.1), name
        assert degree_weight(shares, 0) > 2, name
        assert degree_weight(shares, len(shares.same) - 1) < 0, name


def test_few_pairs_teach_little_and_many_everything() -> None:
    """With little to learn from the configured weights remain, with much they vanish."""
    degrees = len(EMAIL.degrees)
    own = Shares((0.4, *[0.6 / (degrees - 1)] * (degrees - 1)), (0.1, *[0.9 / (degrees - 1)] * 3))
    usual = configured(0.0).fields["email"].same[0]
    few = combined({"email": own}, 5, 10_000, 0.0).fields["email"].same[0]
    many = combined({"email": own}, 1_000_000, 10**9, 0.0).fields["email"].same[0]
    assert abs(few - usual) < 0.05
    assert abs(many - 0.4) < 0.001


def test_training_that_went_astray_is_not_believed() -> None:
    """A field that would speak for pairs that differ keeps the configured shares of matches."""
    shares = configured(0.0).fields["birth_date"]
    inverted = Shares(tuple(reversed(shares.same)), shares.random)
    found = combined({"birth_date": inverted}, 1_000_000, 10**9, 0.0).fields["birth_date"]
    assert found.same == shares.same


def test_pairs_of_one_person_are_no_random_pairs() -> None:
    """What random pairs of a small set owe to its duplicates is subtracted."""
    usual = configured(0.0).fields["email"]
    rest = (1 - 0.005) / (len(usual.same) - 1)
    seen = Shares(usual.same, (0.005, *[rest] * (len(usual.same) - 1)))
    found = combined({"email": seen}, 10**6, 10**9, 0.005).fields["email"]
    assert found.random[0] == pytest.approx(0.005 - 0.005 * found.same[0], rel=0.05)


def test_a_version_names_the_weights() -> None:
    """Equal weights have one version; another prior makes another."""
    assert configured(0.01).version == configured(0.01).version != configured(0.02).version


@pytest.mark.parametrize(
    ("degrees", "generations", "expected"),
    [
        ({}, ("", ""), None),
        ({"birth_date": 0, "given_name": 0}, ("", ""), None),
        # father and son, whatever else they share
        ({"birth_date": GENERATION, "given_name": 0, "email": 0}, ("", ""), Apart.BIRTH_DATE),
        # namesakes; but one mailbox with two dates is one person
        ({"birth_date": WITHIN, "given_name": 0}, ("", ""), Apart.BIRTH_DATE),
        ({"birth_date": WITHIN, "given_name": 0, "email": 0}, ("", ""), None),
        # twins, and a couple
        ({"birth_date": 0, "given_name": OTHER_NAME}, ("", ""), Apart.GIVEN_NAME),
        ({"given_name": OTHER_NAME, "email": 0, "phone": 0}, ("", ""), Apart.GIVEN_NAME),
        ({"given_name": 0}, ("junior", "senior"), Apart.GENERATION),
        ({"given_name": 0}, ("junior", ""), None),
    ],
)
def test_who_lives_together_is_not_one_person(
    degrees: dict[str, int | None], generations: tuple[str, str], expected: Apart | None
) -> None:
    """What tells members of a household apart outweighs everything that they share."""
    assert apart(UNKNOWN | degrees, generations) is expected
    assert apart(UNKNOWN | degrees, generations[::-1]) is expected


def test_parts_say_what_was_found_and_nothing_of_what_is_missing() -> None:
    """Each known field is one part in plain words."""
    weights = dict.fromkeys((one.name for one in FIELDS), 1.5)
    [part] = parts_of(UNKNOWN | {"birth_date": 0}, weights)
    assert (part.field, part.words, part.weight) == ("birth_date", "same birth date", 1.5)
