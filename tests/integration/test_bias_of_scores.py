"""Bias on the real engine: everybody's scores, counted by what customers said of themselves."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.catalogue import MEASURES
from services.measures.core.result import Flag, GroupSelection, MeasureBias
from services.store.database import Database
from tests.profile_store import READ_AT, REALM, REALMS, Store, event, node

pytestmark = pytest.mark.any_store
DAY = 24 * 60
PERSONS = 120
SCORING = [name for name, one in MEASURES.items() if one.levels]


def who(person: int) -> str:
    return f"email=p{person}@example.org"


def language(person: int) -> str:
    return "de" if person % 3 else "fr"


def says(person: int, number: int = 0, minutes: int = 0, **attributes: str) -> dict[str, Any]:
    return event(
        f"a{person}-{number}", "profile.updated", minutes, who(person), attributes=attributes
    )


def habits(draw: random.Random) -> list[dict[str, Any]]:
    """Buyers of whom some still buy, some are late and some never came back; every fourth only
    looks, and another one looked more often before. Everybody has a language."""
    found = []
    for person in range(PERSONS):
        found.append(says(person, language=language(person)))
        found += [
            event(f"v{person}-{n}", "product.viewed", (17 - 40 * n) * DAY, who(person), sku="S1")
            for n in range(draw.randrange(1, 9))
        ]
        if person % 4 == 0:
            continue
        found += [
            event(f"w{person}-{n}", "product.viewed", (-120 - 6 * n) * DAY, who(person), sku="S2")
            for n in range(40 * (person % 4 == 1))
        ]
        gap, ago = draw.choice([20, 30, 40]), draw.choice([5, 12, 33, 70, 110])
        for n in range(draw.choice([3, 5, 6])):
            line = {
                "sku": f"S{draw.randrange(4)}",
                "category": draw.choice(["lamps", "tables"]),
                "total": f"{draw.randrange(5, 90)}.00",
            }
            order = f"o{person}-{n}"
            minutes = (17 - ago - n * gap) * DAY + draw.randrange(DAY)
            found.append(
                event(order, "order.placed", minutes, who(person), order_id=order, lines=[line])
            )
    return found


def reader(store: Store) -> MeasureReader:
    return MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)


def bias(store: Store, name: str) -> MeasureBias:
    return reader(store).bias(name, REALM)


def groups(found: MeasureBias, by: str) -> dict[tuple[str, str], GroupSelection]:
    return {(one.key, one.level): one for one in found.groups if one.by == by}


@pytest.mark.parametrize("name", SCORING)
def test_groups_add_up_to_everybody(database: Database, name: str) -> None:
    """Whoever is at a level is so in one group of those who all belong to one: scores are made of
    everybody, whatever group is counted; also of two identifiers of one person."""
    store = Store(database)
    store.take(*habits(random.Random(name)))
    one, other = (node("email", f"p{person}@example.org") for person in (1, 2))
    store.place(one, one, other)
    found = bias(store, name)
    assert found.n
    shown = groups(found, "language")
    persons = {key: cell.n for (key, _), cell in shown.items()}
    assert persons.keys() == {"de", "fr"}
    assert sum(persons.values()) == found.n
    added, hidden = Counter[str](), set[str]()
    for (key, level), cell in shown.items():
        if cell.share is None:
            hidden.add(level)
        else:
            added[level] += round(cell.share * persons[key])
    compared = found.shares.keys() - hidden
    assert compared
    for level in compared:
        assert added[level] == round(found.shares[level] * found.n)


def test_what_makes_a_group(database: Database) -> None:
    """The latest word of a customer: age in years, language without country, the first digit of a
    postal code, the wished channel; what nothing is made of, and test journeys, make none."""
    store = Store(database)
    store.take(*habits(random.Random(1)))
    born = {0: "1990-03-20", 1: "1990-03-21", 2: "20.03.1966", 3: "later"}
    for person in range(40):
        store.take(
            says(
                person, 1, DAY, birth_date=born[person % 4], language="EN-gb",
                postal_code=("10115", "D-10405", "1010", "W1A 1AA")[person % 4],
            ),
            says(person, 2, 2 * DAY, **{"preference.channel": "phone"}),
        )  # fmt: skip
    store.take(*(event(
        f"t{n}", "profile.updated", 3 * DAY, who(n), synthetic=True, attributes={"language": "it"}
    ) for n in range(40)))  # fmt: skip
    found = bias(store, "lead_score")
    persons = {by: {key: cell.n for (key, _), cell in groups(found, by).items()}
               for by in ("age_band", "language", "region", "channel")}  # fmt: skip
    assert persons["channel"] == {"phone": 10}  # every fourth has not bought, and is a lead
    assert persons["language"] == {"en": 10, "de": 14, "fr": 6}
    assert persons["age_band"] == {"30_44": 10}
    assert persons["region"] == {"1": 10}
    found = bias(store, "leaving")
    ages = {key: cell.n for (key, _), cell in groups(found, "age_band").items()}
    assert ages == {"30_44": 10, "60_74": 10}
    assert {key for key, _ in groups(found, "region")} == {"1"}


def test_a_group_that_is_chosen_less_is_flagged(database: Database) -> None:
    """Of forty who speak German thirty are long overdue, of twenty others five: 58 % of all."""
    store, events = Store(database), list[Any]()
    for person in range(60):
        is_german = person < 40
        is_late = person < 30 or person in (40, 41, 42, 43, 44)
        events.append(says(person, language="de" if is_german else "fr"))
        for n in range(4):
            order = f"o{person}-{n}"
            minutes = (17 - (100 if is_late else 5) - 30 * n) * DAY
            lines = [{"sku": "S1", "total": "9.00"}]
            events.append(
                event(order, "order.placed", minutes, who(person), order_id=order, lines=lines)
            )
    store.take(*events)
    found = bias(store, "leaving")
    assert found.n == 60
    assert found.shares["leaving"] == pytest.approx(35 / 60)
    less = groups(found, "language")["fr", "leaving"]
    assert less.share == 0.25
    assert less.ratio == pytest.approx(0.25 / (35 / 60))
    assert less.flags == [Flag.UNEQUAL]
    assert groups(found, "language")["de", "leaving"].flags == []


def test_what_scores_nobody_is_refused(database: Database) -> None:
    """With the measures that do."""
    with pytest.raises(ValueError, match="leaving, potential, rfm, silent"):
        bias(Store(database), "nps")
