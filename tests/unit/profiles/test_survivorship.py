"""Which observation of an attribute survives, rule by rule."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from schemas.attributes import AttributeType
from schemas.profile import AttributeValue
from schemas.rules.profile import AttributeRule, ProfileRules, Survivorship, profile_rules
from services.profiles.core.facts import AttributeObservation
from services.profiles.core.survivorship import survivors

START = datetime(2026, 1, 1, tzinfo=UTC)
REGION = "DE"


def said(
    value: str | None, day: int, source: str = "shop", event_id: str = "", name: str = "city"
) -> AttributeObservation:
    """An observation of the given day; no value says "no longer so"."""
    at = START + timedelta(days=day)
    event_id = event_id or f"{source}-{day}"
    return AttributeObservation(name, value or "", value is not None, source, "app", event_id, at)


def rules(rule: Survivorship, *sources: str) -> ProfileRules:
    """Rules with one rule for `city`."""
    row = AttributeRule(name="city", rule=rule, sources=list(sources))
    return ProfileRules(version="t", attribute=[row])


def chosen(
    rule: Survivorship, *observations: AttributeObservation, sources: str = ""
) -> str | None:
    """The surviving value of `city`, if any."""
    survivor = survivors(observations, rules(rule, *sources.split()), REGION).get("city")
    assert not isinstance(survivor, list)
    return survivor.value if survivor else None


def test_most_recent_names_its_source() -> None:
    """The latest value survives and says where, when and by which rule."""
    found = survivors(
        [said("Ulm", 2, "crm"), said("Bonn", 1)], rules(Survivorship.MOST_RECENT), REGION
    )
    assert found["city"] == AttributeValue(
        given="Ulm",
        valid=True,
        value="Ulm",
        source="crm",
        channel="app",
        event_id="crm-2",
        occurred_at=START + timedelta(days=2),
        rule="most_recent",
    )


def test_oldest() -> None:
    """The first value survives."""
    assert chosen(Survivorship.OLDEST, said("Ulm", 2), said("Bonn", 1)) == "Bonn"
    assert chosen(Survivorship.OLDEST, said("Ulm", 1), said("Bonn", 2)) == "Ulm"


def test_most_frequent() -> None:
    """The value said most often survives; among equals the one said last."""
    often = [said("Ulm", 1), said("Ulm", 2), said("Bonn", 3)]
    assert chosen(Survivorship.MOST_FREQUENT, *often) == "Ulm"
    assert chosen(Survivorship.MOST_FREQUENT, *often[1:]) == "Bonn"


def test_source_priority() -> None:
    """The best source survives, of it the latest value; unlisted sources come last."""
    observations = [said("Ulm", 1, "crm-eu"), said("Bonn", 2, "crm-eu"), said("Köln", 9, "shop")]
    rule = Survivorship.SOURCE_PRIORITY
    assert chosen(rule, *observations, sources="crm* shop") == "Bonn"
    assert chosen(rule, *observations, sources="shop crm*") == "Köln"
    assert chosen(rule, *observations, sources="erp") == "Köln"


def test_union_takes_one_spelling_of_a_value() -> None:
    """An address written in capitals is no other address; the latest spelling stands."""
    spellings = [said("Bad Ems", 1), said("BadEms", 2), said("BAD  EMS", 3)]
    found = survivors(spellings, rules(Survivorship.UNION), REGION)["city"]
    assert isinstance(found, list)
    assert [one.value for one in found] == ["BAD  EMS"]


def test_union_keeps_other_letters_apart() -> None:
    """`Straße` and `Strasse` are two values: only letter case and blanks are set aside."""
    found = survivors([said("Straße", 1), said("Strasse", 2)], rules(Survivorship.UNION), REGION)[
        "city"
    ]
    assert isinstance(found, list)
    assert [one.value for one in found] == ["Strasse", "Straße"]


def test_union() -> None:
    """Every different value survives once, the latest first, with its latest observation."""
    observations = [said("Ulm", 1), said("Bonn", 2), said("Ulm", 3, "crm")]
    found = survivors(observations, rules(Survivorship.UNION), REGION)["city"]
    assert isinstance(found, list)
    assert [(one.value, one.source) for one in found] == [("Ulm", "crm"), ("Bonn", "shop")]


@pytest.mark.parametrize("rule", list(Survivorship))
def test_taken_back_by_its_own_source(rule: Survivorship) -> None:
    """ "No longer so" removes what the same source said before, under every rule."""
    gone = [said("Ulm", 1), said("Ulm", 2), said(None, 3)]
    assert "city" not in survivors(gone, rules(rule), REGION)


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (said(None, 5, "crm"), "Ulm"),  # another source's denial is not this one's
        (said("Bonn", 5), "Bonn"),  # a source may speak again after taking back
        (said("", 5), None),  # an empty value says nothing
    ],
)
def test_after_taking_back(later: AttributeObservation, expected: str | None) -> None:
    """Only the source of a value can withdraw it, and only earlier values."""
    before = [said("Ulm", 1)] if later.source == "crm" else [said("Ulm", 1), said(None, 3)]
    assert chosen(Survivorship.MOST_RECENT, *before, later) == expected


def test_equal_times() -> None:
    """At one instant the larger event id wins, a retraction included."""
    same = [said("Ulm", 1, event_id="a"), said("Bonn", 1, event_id="b")]
    assert chosen(Survivorship.MOST_RECENT, *same) == "Bonn"
    assert chosen(Survivorship.MOST_RECENT, *same, said(None, 1, event_id="a2")) == "Bonn"
    assert chosen(Survivorship.MOST_RECENT, *same, said(None, 1, event_id="b2")) is None
    assert chosen(Survivorship.MOST_RECENT, *same, said(None, 1, event_id="b")) is None


@pytest.mark.parametrize("rule", list(Survivorship))
def test_order_of_facts_does_not_matter(rule: Survivorship) -> None:
    """Any order of the same observations gives the same record."""
    draw = random.Random(7)
    values: list[str | None] = ["Ulm", "Bonn", "Köln", None]
    many = [
        said(draw.choice(values), draw.randrange(4), draw.choice(["crm", "shop"]), f"e{number}")
        for number in range(40)
    ]
    first = survivors(many, rules(rule, "crm"), REGION)
    for _ in range(20):
        draw.shuffle(many)
        assert survivors(many, rules(rule, "crm"), REGION) == first


def birth_date(*values: str) -> AttributeValue:
    """The surviving birth date of values reported day by day, by the packaged rules."""
    observations = [said(value, day, name="birth_date") for day, value in enumerate(values)]
    found = survivors(observations, profile_rules(), REGION)["birth_date"]
    assert isinstance(found, AttributeValue)
    return found


def test_values_are_compared_in_the_form_of_their_type() -> None:
    """Two notations of one day are one value; the source's own notation stands beside it."""
    found = birth_date("1971-12-04", "04.12.1971", "1917-12-04", "4. Dezember 1971")
    assert (found.value, found.given, found.valid) == ("1971-12-04", "4. Dezember 1971", True)


def test_a_value_without_its_form_survives_only_alone() -> None:
    """Garbage never replaces a value that can be read, and is not lost where there is none."""
    assert birth_date("1971-12-04", "04/05/1971", "04/05/1971").value == "1971-12-04"
    found = birth_date("04/05/1971")
    assert (found.value, found.given, found.valid) == ("04/05/1971", "04/05/1971", False)


def test_union_by_type() -> None:
    """All addresses and numbers, each once however it is written, and no garbage."""
    observations = [
        said("Anna@Example.org", 1, name="email"),
        said("anna@example.org", 2, name="email"),
        said("garbage", 3, name="email"),
        said("030 23125014", 1, name="phone"),
        said("+49 30 23125014", 2, name="phone"),
    ]
    found = survivors(observations, profile_rules(), REGION)
    emails, phones = found["email"], found["phone"]
    assert isinstance(emails, list)
    assert isinstance(phones, list)
    assert [(one.value, one.given) for one in emails] == [("anna@example.org", "anna@example.org")]
    assert [(one.value, one.given) for one in phones] == [("+493023125014", "+49 30 23125014")]


@pytest.mark.parametrize(
    ("region", "value", "valid"),
    [("DE", "+493023125014", True), ("", "030 23125014", False)],
)
def test_a_number_is_read_in_its_region(region: str, value: str, valid: bool) -> None:
    """Without a country and without a region, a telephone number has no written form."""
    found = survivors([said("030 23125014", 1, name="phone")], profile_rules(), region)["phone"]
    one = found[0] if isinstance(found, list) else found
    assert (one.value, one.given, one.valid) == (value, "030 23125014", valid)


def test_own_rules_without_types_keep_the_usual_ones() -> None:
    """A rules file of the time before types reads addresses and dates as the packaged one does."""
    assert rules(Survivorship.OLDEST).type_of("birth_date") is AttributeType.BIRTH_DATE
    assert rules(Survivorship.OLDEST).type_of("city") is AttributeType.TEXT


def test_packaged_rules() -> None:
    """The packaged file: one birth date, all addresses, the adviser that the CRM names."""
    observations = [
        said("1980-01-02", 1, "crm", name="birth_date"),
        said("1980-01-02", 2, name="birth_date"),
        said("1908-01-02", 3, name="birth_date"),
        said("a@example.org", 1, name="email"),
        said("b@example.org", 2, name="email"),
        said("Kim", 1, "crm-eu", name="adviser"),
        said("Sam", 2, "shop", name="adviser"),
    ]
    found = survivors(observations, profile_rules(), REGION)
    birth_date, emails, adviser = found["birth_date"], found["email"], found["adviser"]
    assert isinstance(birth_date, AttributeValue)
    assert birth_date.value == "1980-01-02"
    assert isinstance(emails, list)
    assert [one.value for one in emails] == ["b@example.org", "a@example.org"]
    assert isinstance(adviser, AttributeValue)
    assert adviser.value == "Kim"


@pytest.mark.parametrize(
    "wrong",
    [
        {"attribute": [{"name": "city", "rule": "loudest"}]},  # no such rule
        {"attribute": [{"name": "city", "rule": "oldest"}] * 2},  # listed twice
        {"attribute": [{"name": "preference.topics", "rule": "union"}]},  # a preference is one
        {"default": "union"},  # would make a list of every attribute
    ],
)
def test_wrong_rules_are_refused(wrong: dict[str, object]) -> None:
    """A rules file that cannot be meant is refused when it is read."""
    with pytest.raises(ValidationError):
        ProfileRules.model_validate({"version": "t", **wrong})


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("first_name", ["Anna", "(null)"], ("Anna", "Anna", True)),
        ("first_name", ["{{first_name}}"], ("{{first_name}}", "{{first_name}}", False)),
        ("first_name", ["Zoe\u0308"], ("Zoe\u0308", "Zoe\u0308", True)),
        ("gender", ["m", "unbekannt"], ("male", "m", True)),
        ("gender", ["W"], ("female", "W", True)),
        ("birth_date", ["1971-12-04", "2026-12-04"], ("1971-12-04", "1971-12-04", True)),
        ("country", ["Schweiz"], ("CH", "Schweiz", True)),
        ("language", ["de-at", "at"], ("de-AT", "de-at", True)),
        ("postal_code", ["10115", "10115 Ulm"], ("10115", "10115", True)),
        ("shoeSize", [" 43 "], ("43", " 43 ", True)),
    ],
)
def test_values_that_say_nothing_replace_none(
    name: str, values: list[str], expected: tuple[str, str, bool]
) -> None:
    """The latest one that is read counts, in its form; as given it stands beside."""
    observations = [said(value, day, name=name) for day, value in enumerate(values)]
    found = survivors(observations, profile_rules(), REGION)[name]
    assert isinstance(found, AttributeValue)
    assert (found.value, found.given, found.valid) == expected


def test_forms_of_unicode_are_one_value() -> None:
    """They count together, and a union has one of them; each is shown as it was written."""
    values = ("Zo\u00eb", "Zoe\u0308", "Mia")
    assert chosen(Survivorship.MOST_FREQUENT, *map(said, values, range(3))) == "Zoe\u0308"
    found = survivors(map(said, values, range(3)), rules(Survivorship.UNION), REGION)["city"]
    assert isinstance(found, list)
    assert [one.value for one in found] == ["Mia", "Zoe\u0308"]
