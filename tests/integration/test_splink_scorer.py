"""Match suggestions on the real engine: a small shop, households, frequent values."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.matching.adapters import splink
from services.matching.adapters.splink import SplinkScorer
from services.matching.core.model import THRESHOLD, parts_of
from services.matching.core.person import PersonRecord, person_record
from services.matching.ports import ScoredPair

GIVEN = ("Anna", "Peter", "Mehmet", "Sofia", "Jan", "Ingrid", "Tomasz", "Clara", "Uwe", "Nadia")
FAMILY = (
    "Albers", "Brandt", "Celik", "Dietz", "Engel", "Fuchs", "Götz", "Hinz", "Imhof", "Jung",
    "Kowalski", "Lang", "Maurer", "Nagel", "Ostermann", "Pohl", "Quast", "Riedel", "Sauer", "Thoma",
)  # fmt: skip


def said(**values: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in values.items()}


def shop(count: int) -> list[PersonRecord]:
    """Customers who are all different persons."""
    rng = random.Random(7)
    return [
        person_record(
            f"shop-{number:04}",
            said(
                first_name=rng.choice(GIVEN),
                last_name=rng.choice(FAMILY),
                birth_date=str(date(1940, 1, 1) + timedelta(days=rng.randrange(24_000))),
                street=f"{rng.choice(FAMILY)}weg {rng.randint(1, 90)}",
                postal_code=f"{rng.randint(20000, 20400)}",
                city="Hamburg",
            ),
            "DE",
        )
        for number in range(count)
    ]


HOME = {"street": "Lindenallee 3", "postal_code": "20144", "city": "Hamburg"}
HOUSEHOLDS = {
    "father": said(first_name="Georg", last_name="Zander", birth_date="1955-02-01", **HOME),
    "son": said(first_name="Georg", last_name="Zander", birth_date="1985-02-01", **HOME),
    "twin-a": said(first_name="Lea", last_name="Zander", birth_date="2001-07-09", **HOME),
    "twin-b": said(first_name="Lena", last_name="Zander", birth_date="2001-07-09", **HOME),
    "wife": said(first_name="Herta", last_name="Zander", email="zander@example.com", **HOME),
    "husband": said(first_name="Otto", last_name="Zander", email="zander@example.com", **HOME),
}
CARDS = {
    "card-1": said(first_name="Kätha", last_name="Ünsal", birth_date="1972-11-30", **HOME),
    "shop-1": said(first_name="KAETHA", last_name="UENSAL", birth_date="30.11.1972", **HOME),
    "card-2": said(first_name="Bernd", last_name="Wolff", birth_date="1961-04-08", city="Kiel"),
    "shop-2": said(first_name="Wolff", last_name="Bernd", birth_date="1961-08-04", city="Kiel"),
}


def proposed(folder: Path, persons: Iterable[PersonRecord]) -> dict[tuple[str, str], ScoredPair]:
    with SplinkScorer(folder) as scorer:
        scorer.load(persons)
        found = list(scorer.pairs(scorer.learn(), THRESHOLD))
    return {(one.a, one.b): one for one in found}


def test_a_small_shop_gets_sensible_suggestions(tmp_path: Path) -> None:
    """Among 200 customers the two that are one person are found; members of households and
    strangers are not proposed."""
    known = {**HOUSEHOLDS, **CARDS}
    persons = [person_record(name, values, "DE") for name, values in known.items()]
    found = proposed(tmp_path, [*shop(200), *persons])
    assert set(found) == {("card-1", "shop-1"), ("card-2", "shop-2")}
    one = found["card-1", "shop-1"]
    words = {part.field: part.words for part in parts_of(one.degrees, one.weights)}
    assert words["birth_date"] == "same birth date"
    assert words["street"] == "same street and house number"
    assert one.weight > 7


def test_a_frequent_value_costs_no_square(tmp_path: Path) -> None:
    """Three thousand namesakes with one default birth date make no million pairs."""
    persons = [
        person_record(
            f"p-{number:05}",
            said(first_name="Anna", last_name="Meier", birth_date="1970-01-01",
                 city="Berlin", email=f"a{number}@example.com"),
            "DE",
        )
        for number in range(3000)
    ]  # fmt: skip
    with SplinkScorer(tmp_path) as scorer:
        scorer.load(persons)
        assert scorer.compared == 0
        assert list(scorer.pairs(scorer.learn(), THRESHOLD)) == []


def namesakes(count: int, tag: str, **shared: str) -> list[PersonRecord]:
    """Customers of one name in different towns, who have a contact in common."""
    return [
        person_record(
            f"{tag}-{number:02}",
            said(first_name="Jutta", last_name="Obermaier", city=f"{tag}stadt {number}", **shared),
            "DE",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "contact",
    [{"phone": "+493023125014"}, {"email": "kunden@laden.example"}],
    ids=["telephone of a call centre", "address of the shop's own"],
)
def test_what_many_have_is_no_evidence(tmp_path: Path, contact: dict[str, str]) -> None:
    """Two namesakes with a telephone number or mailbox of their own are proposed; eleven with that
    of a call centre, and the next beside them, are not."""
    some, many = tmp_path / "some", tmp_path / "many"
    some.mkdir()
    many.mkdir()
    assert len(proposed(some, [*shop(200), *namesakes(2, "a", **contact)])) == 1
    assert len(proposed(some.parent, [*shop(200), *namesakes(10, "a", **contact)])) == 45
    assert proposed(many, [*shop(200), *namesakes(11, "a", **contact)]) == {}


def test_a_mailbox_that_many_have_leaves_their_own(tmp_path: Path) -> None:
    """Beside the address of the shop an own one counts as before."""
    persons = [
        one._replace(emails=sorted([*one.emails, f"{FAMILY[number // 2].lower()}@example.com"]))
        for number, one in enumerate(namesakes(12, "a", email="kunden@laden.example"))
    ]
    found = proposed(tmp_path, [*shop(200), *persons])
    assert set(found) == {(f"a-{number:02}", f"a-{number + 1:02}") for number in range(0, 12, 2)}


def test_who_arrives_twice_counts_once(tmp_path: Path) -> None:
    """As somebody does whose profile is split while persons are read."""
    with SplinkScorer(tmp_path) as scorer:
        assert scorer.load([*shop(20), *shop(3)]) == 20


def test_nobody_is_nobody(tmp_path: Path) -> None:
    """No persons, and persons of whom nothing is known, give no pairs."""
    assert proposed(tmp_path, []) == {}


def test_a_name_that_hundreds_have_teaches_nothing(tmp_path: Path) -> None:
    """Of 200 strangers of one name no pair is one person, so shares cannot be learnt from them: the
    second records of fifty other customers are found all the same."""
    rng = random.Random(1)
    persons = []
    for number in range(1_000):
        values = said(
            first_name="Hans" if number < 200 else f"G{rng.randrange(300)}",
            last_name="Müller" if number < 200 else f"F{rng.randrange(3_000)}",
            birth_date=str(date(1940, 1, 1) + timedelta(days=rng.randrange(25_000))),
            street=f"S{rng.randrange(3_000)}weg {rng.randint(1, 90)}",
            postal_code=f"{rng.randint(20_000, 27_999)}",
            city=f"C{rng.randrange(160)}",
            email=f"{rng.randrange(10**9)}@example.com",
        )
        persons.append(person_record(f"shop-{number:04}", values, "DE"))
        if number >= 950:
            persons.append(person_record(f"card-{number:04}", values, "DE"))
    found = proposed(tmp_path, persons)
    assert set(found) == {
        (f"card-{number:04}", f"shop-{number:04}") for number in range(950, 1_000)
    }


def customers(rng: random.Random, count: int) -> list[PersonRecord]:
    """Customers of whom every third has a copy without birth date, as an app keeps it."""
    persons = []
    for number in range(count):
        values = {
            "first_name": f"G{rng.randrange(90)}",
            "last_name": f"F{rng.randrange(900)}",
            "birth_date": f"{rng.randint(1940, 1970)}-0{rng.randint(1, 9)}-11",
            "street": f"S{rng.randrange(900)}weg {rng.randint(1, 90)}",
            "postal_code": f"{rng.randint(20_000, 20_400)}",
            "city": "Hamburg",
        }
        persons.append(person_record(f"{number:04}-card", said(**values), "DE"))
        if number % 3 == 0:
            if number % 5:
                del values["birth_date"]
            persons.append(person_record(f"{number:04}-app", said(**values), "DE"))
    return persons


def test_copies_without_birth_dates_are_counted_and_found(tmp_path: Path) -> None:
    """How many pairs are one person is learnt from all pairs, not from those alone that agree in
    name and birth date."""
    persons = customers(random.Random(3), 600)
    with SplinkScorer(tmp_path) as scorer:
        count = scorer.load(persons)
        model = scorer.learn()
        found = {(one.a, one.b) for one in scorer.pairs(model, THRESHOLD)}
    expected = {(f"{number:04}-app", f"{number:04}-card") for number in range(0, 600, 3)}
    assert model.learnt_from == pytest.approx(200, rel=0.1)
    assert model.prior * count * (count - 1) / 2 == pytest.approx(200, rel=0.1)
    assert len(expected & found) >= 192
    assert found <= expected


def test_order_and_repetition_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same customers in any order give the same weights and the same suggestions, also where
    only some are compared at random."""
    monkeypatch.setattr(splink, "PERSONS_TO_COMPARE", 300)
    monkeypatch.setattr(splink, "TRAINING_PAIRS_MAX", 400)
    rng = random.Random(5)
    persons = customers(rng, 600)
    runs = []
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with SplinkScorer(folder) as scorer:
            scorer.load(persons)
            model = scorer.learn()
            pairs = list(scorer.pairs(model, THRESHOLD))
        assert model.learnt_from > 0
        runs.append((model.version, [(one.a, one.b, one.probability) for one in pairs]))
        if attempt:
            rng.shuffle(persons)
    assert runs[0] == runs[1] == runs[2]


def test_hostile_data_proposes_nothing(tmp_path: Path) -> None:
    """Test accounts, default dates and codes, empty fields and thousands at one address are
    neither proposed nor do they hide a real pair."""
    at_one_address = {"street": "Am Lager 1", "postal_code": "00000", "city": "Neustadt"}
    hostile = [
        *(said(first_name="Test", last_name="Test", birth_date=("1900-01-01", "1970-01-01")[n % 2],
               **at_one_address) for n in range(500)),
        *(said(first_name="", last_name=" ", birth_date="", street="", postal_code="00000",
               city="-") for _ in range(300)),
        *(said(first_name=f"G{n % 700}", last_name=f"F{n}", birth_date="1970-01-01",
               **at_one_address) for n in range(4_000)),
    ]  # fmt: skip
    persons = [person_record(f"hostile-{n:05}", one, "DE") for n, one in enumerate(hostile)]
    cards = [person_record(name, values, "DE") for name, values in CARDS.items()]
    with SplinkScorer(tmp_path) as scorer:
        scorer.load([*persons, *cards])
        assert scorer.compared < 200_000
        found = {(one.a, one.b) for one in scorer.pairs(scorer.learn(), THRESHOLD)}
    assert ("card-1", "shop-1") in found
    assert not [pair for pair in found if pair[0].startswith("hostile")]
