"""Invented German towns as labelled sets: families, twins, fathers and sons, and who wrote it down.

Three ways of making mistakes that have nothing to do with how the sample and `febrl` make theirs.
`till`: a card is filled in by hand, often without contacts. `form`: web forms, with e-mail, without
birth dates, under a short form, after a marriage or a move. `twins`: twins, fathers and sons of one
name, and no other two members of a household.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from devtools.sample import names
from services.matching.core.person import PersonRecord, person_record

Values = dict[str, str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


RARE_GIVEN = _words(
    "Aurelia Bente Cosima Dorothea Edda Fenja Gesine Hilke Imke Jorinde Kirsten Levke Mareike "
    "Nuria Ottilie Philine Quirina Rieke Swantje Thea Undine Viola Wiebke Ylva Zita Albrecht "
    "Benedikt Cornelius Dankwart Eckhard Falk Gero Hauke Ivo Jost Korbinian Lorenz Malte "
    "Nepomuk Ortwin Piet Quentin Roderich Sönke Tjark Veit Wendelin Xaver Yannick Zacharias "
    "Timur Dilara Goran Milica"
)
BEGINNINGS = _words(
    "Alten Berg Birken Brand Burg Dorn Eichen Feld Fries Grün Hage Hart Hoch Kalten Kirch "
    "Linden Lohe Mühl Neu Ober Ost Rosen Roth Sand Schön Stein Tannen Unter Wald Weid Weiß "
    "Wester Winter"
)
ENDINGS = _words("bach berg brink dorf feld hof horst kamp mann meier müller reuter stedt thal")
SHORT = {
    "Katharina": "Kathi", "Maximilian": "Max", "Wolfgang": "Wolf", "Andreas": "Andi", "Claudia":
    "Claudi", "Günther": "Günter", "Stefan": "Stephan", "Benedikt": "Ben", "Sophie": "Sofie",
}  # fmt: skip
NEXT_KEYS = {
    "a": "sq", "e": "wr", "i": "uo", "n": "bm", "r": "et", "s": "ad", "t": "rz", "m": "n", "l": "k",
}  # fmt: skip
MAIL = ("post.example", "mail.example", "brief.example")


class Style(NamedTuple):
    """How a town is made and how often what goes wrong, as shares."""

    families: float
    twins: float
    namesakes: float
    """Of families with a child: it is called as its father or mother."""
    copies: tuple[float, float]
    """Persons with a second and a third record."""
    birth_date: float
    contact: float
    typo: float
    """Of each name and street."""
    moved: float
    married: float
    short: float
    swapped: float


STYLES = {
    "till": Style(0.6, 0.04, 0.05, (0.4, 0.1), 0.85, 0.3, 0.12, 0.08, 0.03, 0.05, 0.02),
    "form": Style(0.5, 0.03, 0.04, (0.3, 0.1), 0.35, 0.85, 0.05, 0.15, 0.06, 0.12, 0.01),
    "twins": Style(0.0, 0.02, 0.02, (0.4, 0.1), 0.95, 0.2, 0.08, 0.05, 0.02, 0.05, 0.01),
}


class Labelled(NamedTuple):
    """A record, and whose it is."""

    owner: str
    """Household and number in it: `12.1`."""
    record: PersonRecord


def town(style: Style, homes: int, seed: int) -> list[Labelled]:
    """The records of so many households."""
    rng = random.Random(f"{seed}/{style}")
    family_names = _family_names(rng)
    found = []
    for home in range(homes):
        where = _address(rng, family_names)
        phone, members = _phone(rng), _members(rng, style, family_names)
        for at, person in enumerate(members):
            own = person | where | {"email": _mail(rng, person), "phone": _phone(rng)}
            if at and rng.random() < 0.3:
                own["phone"] = phone
            for _ in range(1 + sum(rng.random() < one for one in style.copies)):
                told = _written(rng, style, own, family_names)
                number = f"{rng.getrandbits(40):010x}"
                said = {name: [value] for name, value in told.items()}
                record = person_record(number, said, "DE")
                found.append(Labelled(f"{home}.{at}", record))
    return found


def _family_names(rng: random.Random) -> list[str]:
    """Names, the frequent ones first."""
    made = [one + two for one in BEGINNINGS for two in ENDINGS]
    rng.shuffle(made)
    return [*names.LAST, *made]


def _frequent(rng: random.Random, words: Sequence[str]) -> str:
    """One of words of which the first are frequent."""
    return words[min(int(rng.paretovariate(0.7)) * rng.randint(1, 12), len(words)) - 1]


def _given(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return rng.choice(RARE_GIVEN)
    return rng.choice(rng.choice((names.FEMALE, names.MALE)))


def _members(rng: random.Random, style: Style, family_names: Sequence[str]) -> list[Values]:
    """Who lives in a household: one, or parents and children, some of them twins or namesakes."""

    def person(given: str, year: int, family: str) -> Values:
        born = f"{year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        return {"first_name": given, "last_name": family, "birth_date": born}

    family, year = _frequent(rng, family_names), rng.randint(1940, 2000)
    found = [person(_given(rng), year, family)]
    if rng.random() < style.families:
        other = family if rng.random() < 0.8 else _frequent(rng, family_names)
        found.append(person(_given(rng), year + rng.randint(-8, 8), other))
        for _ in range(rng.randint(0, 2)):
            found.append(person(_given(rng), year + rng.randint(20, 40), family))
    if rng.random() < style.namesakes:
        found.append(person(found[0]["first_name"], year + rng.randint(20, 38), family))
    if rng.random() < style.twins:
        found.append(found[-1] | {"first_name": _given(rng)})
    return found


def _address(rng: random.Random, family_names: Sequence[str]) -> Values:
    street = rng.choice(names.STREETS).replace("_", " ")
    if rng.random() < 0.7:
        street = _frequent(rng, family_names) + rng.choice(("straße", "weg", "-Straße", "gasse"))
    code, city = rng.choice(names.CITIES)
    code = f"{code[:3]}{rng.randint(0, 30):02}"
    number = f"{rng.randint(1, 140)}{rng.choice(('', '', '', 'a', 'b'))}"
    return {"street": f"{street} {number}", "postal_code": code, "city": city}


def _mail(rng: random.Random, person: Values) -> str:
    given, family = (names.ascii_name(person[one]) for one in ("first_name", "last_name"))
    form = rng.choice((f"{given}.{family}", f"{given[0]}.{family}", f"{family}{given}"))
    return f"{form}{rng.randint(1, 999)}@{rng.choice(MAIL)}"


def _phone(rng: random.Random) -> str:
    return f"+4917{rng.randint(0, 9)}{rng.randint(10**6, 10**7 - 1)}"


def _written(
    rng: random.Random, style: Style, person: Values, family_names: Sequence[str]
) -> Values:
    """What one system has of a person."""
    told = dict(person)
    if rng.random() < style.moved:
        told |= _address(rng, family_names)
    if rng.random() < style.married:
        other = _frequent(rng, family_names)
        told["last_name"] = rng.choice((other, f"{told['last_name']}-{other}"))
    if rng.random() < style.short:
        given = told["first_name"]
        told["first_name"] = rng.choice((SHORT.get(given, given), f"{given[0]}.", f"Dr. {given}"))
    for name in ("first_name", "last_name", "street"):
        if rng.random() < style.typo:
            told[name] = _mistyped(rng, told[name])
    if rng.random() < style.typo:
        year, month, day = told["birth_date"].split("-")
        told["birth_date"] = rng.choice(
            (f"{year}-{day}-{month}" if int(day) < 13 else f"{year}-{month}-01",
             f"{int(year) + rng.choice((-10, -1, 1, 10))}-{month}-{day}", f"{year}-01-01")
        )  # fmt: skip
    if rng.random() < style.swapped:
        told["first_name"], told["last_name"] = told["last_name"], told["first_name"]
    if rng.random() > style.birth_date:
        del told["birth_date"]
    for name, share in (("email", style.contact), ("phone", style.contact * 0.7), ("street", 0.9)):
        if rng.random() > share:
            del told[name]
    return told


def _mistyped(rng: random.Random, word: str) -> str:
    """A word as a hurried clerk types it."""
    ways: tuple[Callable[[str, int], str], ...] = (
        lambda text, at: text[:at] + text[at + 1 :],
        lambda text, at: text[:at] + text[at] + text[at:],
        lambda text, at: text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
        lambda text, at: (
            text[:at] + rng.choice(NEXT_KEYS.get(text[at].lower(), text[at])) + text[at + 1 :]
        ),
        lambda text, _: text.upper(),
        lambda text, _: text.replace("ü", "u").replace("ö", "o").replace("ä", "a"),
    )
    return rng.choice(ways)(word, rng.randrange(max(1, len(word) - 1))) or word


def towns(homes: int, seed: int) -> Iterator[tuple[str, list[Labelled]]]:
    """Each town by its name."""
    for name, style in STYLES.items():
        yield f"invented town, {name}", town(style, homes, seed)
