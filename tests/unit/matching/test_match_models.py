"""Weights of match suggestions: what is learnt and how much, and what a household looks like."""

from __future__ import annotations

import random
from math import prod

import pytest

from services.matching.core.fields import BIRTH_DATE, EMAIL, FIELDS, GIVEN_NAME
from services.matching.core.household import (
    CONTACTS,
    NAME_AND_DATE,
    OF_ONE_GENERATION,
    PARENT_AND_CHILD,
    household_share,
    name_and_date_weight,
)
from services.matching.core.model import (
    HOUSEHOLDS_MIN,
    Model,
    configured,
    degree_weight,
    parts_of,
    with_random,
)
from services.matching.core.training import Pattern, trained

UNKNOWN: dict[str, int | None] = dict.fromkeys((one.name for one in FIELDS), None)
GENERATION = len(BIRTH_DATE.degrees) - 1
OTHER_NAME = len(GIVEN_NAME.degrees) - 1
STREET_TO_EMAIL = (0, 0, None, None)


def test_configured_weights_are_sound() -> None:
    """Shares of a field add up, equality speaks for one person, and a difference against."""
    for name, shares in configured(0.001).fields.items():
        assert sum(shares.same) == pytest.approx(1, abs=0.1), name
        assert sum(shares.random) == pytest.approx(1, abs=0.1), name
        assert degree_weight(shares, 0) > 2, name
        assert degree_weight(shares, len(shares.same) - 1) < 0, name


def test_shares_of_households_are_of_all_degrees() -> None:
    """They add up, and there is one for each degree."""
    for relation in (OF_ONE_GENERATION, PARENT_AND_CHILD):
        assert len(relation.given_name) == len(GIVEN_NAME.degrees)
        assert len(relation.birth_date) == len(BIRTH_DATE.degrees)
        assert sum(relation.given_name) == pytest.approx(1)
        assert sum(relation.birth_date) == pytest.approx(1)
    assert OF_ONE_GENERATION.share + PARENT_AND_CHILD.share == 1
    for one in FIELDS:
        if one.name in CONTACTS:
            assert sum(CONTACTS[one.name]) == pytest.approx(1)
            assert len(CONTACTS[one.name]) == len(one.degrees)


def test_few_random_pairs_teach_little_and_many_everything() -> None:
    """With little to learn from the configured shares remain, with much they vanish."""
    usual, own = configured(0.0), (0.1, *[0.9 / (len(EMAIL.degrees) - 1)] * 3)
    few = with_random(usual, {"email": own}, 50).fields["email"].random[0]
    many = with_random(usual, {"email": own}, 10**9).fields["email"].random[0]
    assert abs(few - usual.fields["email"].random[0]) < 0.005
    assert abs(many - 0.1) < 0.001


def test_pairs_of_one_person_are_no_random_pairs() -> None:
    """What random pairs of a small set owe to its duplicates is subtracted."""
    usual = configured(0.005)
    same = usual.fields["email"].same
    rest = (1 - 0.005) / (len(same) - 1)
    seen = (0.005, *[rest] * (len(same) - 1))
    found = with_random(usual, {"email": seen}, 10**9).fields["email"]
    assert found.random[0] == pytest.approx(0.005 - 0.005 * same[0], rel=0.05)


def test_a_version_names_the_weights() -> None:
    """Equal weights have one version; another prior makes another."""
    assert configured(0.01).version == configured(0.01).version != configured(0.02).version


def drawn(rng: random.Random, shares: tuple[float, ...]) -> int:
    return rng.choices(range(len(shares)), shares)[0]


def shop(rng: random.Random, matches: int, homes: int, *, renamed: float) -> list[Pattern]:
    """Pairs at one address: of one person, `renamed` of them with another given name, and of two
    members of a household."""
    met = []
    for _ in range(matches):
        given = OTHER_NAME if rng.random() < renamed else 0
        born = rng.choices((0, 2, GENERATION), (0.95, 0.04, 0.01))[0]
        met.append((given, 0, born, *STREET_TO_EMAIL))
    for _ in range(homes):
        relation = rng.choices((OF_ONE_GENERATION, PARENT_AND_CHILD), (0.55, 0.45))[0]
        given, born = drawn(rng, relation.given_name), drawn(rng, relation.birth_date)
        met.append((given, 0, born, *STREET_TO_EMAIL))
    return [Pattern(one, 0.0, met.count(one)) for one in sorted(set(met))]


def probability(model: Model, degrees: tuple[int | None, ...]) -> float:
    """That a pair of these degrees is one person rather than anything else."""
    known = [(model.fields[f.name], d) for f, d in zip(FIELDS, degrees, strict=True)
             if d is not None]  # fmt: skip
    same = model.prior * prod(shares.same[d] for shares, d in known)
    other = (1 - model.prior) * prod(shares.random[d] for shares, d in known)
    return same / (same + other + model.households * household_share(model, degrees))


TWINS = (OTHER_NAME, 0, 0, *STREET_TO_EMAIL)
FATHER_AND_SON = (0, 0, GENERATION, *STREET_TO_EMAIL)
ONE_PERSON = (0, 0, 0, *STREET_TO_EMAIL)


@pytest.mark.parametrize("seed", range(3))
def test_families_do_not_teach_what_one_person_does(seed: int) -> None:
    """Three thousand pairs of families beside a thousand of one person: their numbers are found,
    nobody seems to change the given name, and neither twins nor father and son are proposed."""
    patterns = shop(random.Random(seed), 1_000, 3_000, renamed=0.0)
    pairs = 10**7
    found = trained(configured(1e-4), patterns, pairs)
    assert found.prior * pairs == pytest.approx(1_000, rel=0.1)
    assert found.households * pairs == pytest.approx(3_000, rel=0.1)
    assert found.learnt_from == pytest.approx(1_000, rel=0.1)
    assert found.fields["given_name"].same[OTHER_NAME] < 0.03
    assert probability(found, ONE_PERSON) > 0.99
    assert probability(found, TWINS) < 0.5
    assert probability(found, FATHER_AND_SON) < 0.9


def test_without_families_another_given_name_is_an_error() -> None:
    """Where one in eight pairs of one person has another given name and no family is seen, such a
    pair at one address and birth date is one person."""
    patterns = shop(random.Random(1), 2_000, 0, renamed=0.125)
    found = trained(configured(1e-4), patterns, 10**7)
    assert found.households == pytest.approx(HOUSEHOLDS_MIN * found.prior)
    assert probability(found, TWINS) > 0.9


def test_the_least_number_of_households_protects_twins_who_are_not_seen() -> None:
    """One pair of one person in fourteen with another given name is not enough to propose twins,
    although no family is seen."""
    patterns = shop(random.Random(1), 2_000, 0, renamed=0.07)
    found = trained(configured(1e-4), patterns, 10**7)
    assert found.households == pytest.approx(HOUSEHOLDS_MIN * found.prior)
    assert 0.8 < probability(found, TWINS) < 0.9


def test_a_small_shop_does_not_propose_a_household() -> None:
    """By the configured weights twins, and father and son of one name, are not proposed."""
    usual = configured(1e-4)
    assert probability(usual, ONE_PERSON) > 0.99
    assert probability(usual, TWINS) < 0.9
    assert probability(usual, FATHER_AND_SON) < 0.9


def test_a_difference_is_never_taught_to_speak_for_a_pair() -> None:
    """A field whose training went astray keeps what it had."""
    usual = configured(1e-4)
    swapped = GIVEN_NAME.degrees[1].words
    assert swapped == "given and family name swapped"
    astray = [Pattern((1, None, 0, *STREET_TO_EMAIL), 0.0, 50_000)]
    found = trained(usual, astray, 10**7)
    for name, shares in found.fields.items():
        assert shares.same[0] > shares.random[0], name
        assert shares.same[-1] < shares.random[-1], name


def test_who_has_his_fathers_name_is_not_of_his_year() -> None:
    """Given name and birth date of a household belong together; one alone is the sum."""
    usual = configured(1e-4)
    assert NAME_AND_DATE[0, GENERATION] > 5 * NAME_AND_DATE[0, GENERATION - 1]
    for given in range(len(GIVEN_NAME.degrees)):
        dates = [NAME_AND_DATE[given, born] for born in range(len(BIRTH_DATE.degrees))]
        assert sum(dates) == pytest.approx(NAME_AND_DATE[given, None])
    assert name_and_date_weight(usual, 0, GENERATION) > name_and_date_weight(usual, 0, 0) + 5


def test_parts_say_what_was_found_and_nothing_of_what_is_missing() -> None:
    """Each known field is one part in plain words."""
    weights = dict.fromkeys((one.name for one in FIELDS), 1.5)
    [part] = parts_of(UNKNOWN | {"birth_date": 0}, weights)
    assert (part.field, part.words, part.weight) == ("birth_date", "same birth date", 1.5)
