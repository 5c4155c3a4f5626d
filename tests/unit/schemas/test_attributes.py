"""Attributes by type: one form per value, and no guess where there may be two."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.attributes import FORMS, AttributeType, Reading, read_attribute

DATE, PHONE, POSTAL = AttributeType.DATE, AttributeType.PHONE, AttributeType.POSTAL_CODE
BORN, GENDER = AttributeType.BIRTH_DATE, AttributeType.GENDER
SAID_AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
READ = [
    # type, given, written form
    (DATE, "1971-12-04", "1971-12-04"),
    (DATE, " 1971-12-04 ", "1971-12-04"),
    (DATE, "1971-12-4", "1971-12-04"),
    (DATE, "1971/12/04", "1971-12-04"),
    (DATE, "1971.12.04", "1971-12-04"),
    (DATE, "19711204", "1971-12-04"),
    (DATE, "04.12.1971", "1971-12-04"),
    (DATE, "4.12.1971", "1971-12-04"),
    (DATE, "4. 12. 1971", "1971-12-04"),
    (DATE, "31/12/1971", "1971-12-31"),  # there is no month 31
    (DATE, "12/31/1971", "1971-12-31"),
    (DATE, "04/04/1971", "1971-04-04"),  # both readings are one day
    (DATE, "31121971", "1971-12-31"),
    (DATE, "4. Dezember 1971", "1971-12-04"),
    (DATE, "04 Dec 1971", "1971-12-04"),
    (DATE, "4 März 1971", "1971-03-04"),
    (DATE, "1971-12-04T00:00:00", "1971-12-04"),
    (DATE, "1971-12-04 00:00:00.000", "1971-12-04"),
    (DATE, "1971-12-04T00:00:00Z", "1971-12-04"),
    (DATE, "2000-02-29", "2000-02-29"),
    (AttributeType.EMAIL, " Anna@Example.COM", "anna@example.com"),
    (AttributeType.EMAIL, "Mailto:anna@example.com", "anna@example.com"),
    (AttributeType.EMAIL, "Anna Berg <anna@example.com>", "anna@example.com"),
    (PHONE, "030 23125014", "+493023125014"),
    (PHONE, "4915112345678", "+4915112345678"),
    (AttributeType.COUNTRY, "de", "DE"),
    (AttributeType.COUNTRY, "Deutschland", "DE"),
    (AttributeType.COUNTRY, "AUT", "AT"),
    (AttributeType.LANGUAGE, "DE", "de"),
    (AttributeType.LANGUAGE, "de_at", "de-AT"),
    (POSTAL, "10115", "10115"),
    (POSTAL, "01067", "01067"),
    (POSTAL, "10115.0", "10115"),
    (POSTAL, "D-10115", "10115"),
    (POSTAL, "sw1a  1aa", "SW1A 1AA"),
    (AttributeType.TEXT, " Anna Maria ", "Anna Maria"),
    (AttributeType.TEXT, "\u202eZoe\u0308 \u202e\x00", "\u202eZoe\u0308 \u202e\x00"),  # not changed
    (AttributeType.TEXT, "Nil", "Nil"),  # a name
    (AttributeType.TEXT, "none", "none"),  # may be a preference
    (AttributeType.TEXT, "O'Brien-Şahin", "O'Brien-Şahin"),
    (AttributeType.TEXT, "12a", "12a"),
    (AttributeType.TEXT, "李", "李"),
    (DATE, "Dec 4, 1971", "1971-12-04"),
    (DATE, "December 4th 1971", "1971-12-04"),
    (DATE, "04-Dec-1971", "1971-12-04"),
    (DATE, "4.Dez.1971", "1971-12-04"),
    (DATE, "4. Ma\u0308rz 1971", "1971-03-04"),
    (DATE, "29.02.2000", "2000-02-29"),
    (DATE, "4/Dec/1971", "1971-12-04"),
    (DATE, "\u200e1971-12-04\ufeff", "1971-12-04"),
    (DATE, "1971\u201112\u201104", "1971-12-04"),
    (DATE, "'1971-12-04", "1971-12-04"),
    (POSTAL, '="01067"', "01067"),
    (AttributeType.TEXT, "Anna \u00a0", "Anna"),
    (AttributeType.LANGUAGE, "\u200bde\u200e", "de"),
    (AttributeType.COUNTRY, "Côte d\u2019Ivoire", "CI"),
    (AttributeType.COUNTRY, "TURKIYE", "TR"),
    (AttributeType.COUNTRY, "Deutschland.", "DE"),
    (AttributeType.COUNTRY, "Nigeria", "NG"),
    (AttributeType.COUNTRY, "\u65e5\u672c", "JP"),
    (AttributeType.COUNTRY, "U.K.", "GB"),
    (BORN, "2026-11-27", "2026-11-27"),
    (BORN, "2026-11-28", "2026-11-28"),  # where it is later than in UTC
    (GENDER, "F", "female"),
    (GENDER, "weiblich", "female"),
    (GENDER, "m.", "male"),
    (GENDER, "Divers", "diverse"),
    (AttributeType.COUNTRY, "UK", "GB"),
    (AttributeType.COUNTRY, "u.s.a.", "US"),
    (AttributeType.COUNTRY, "O\u0308sterreich", "AT"),
    (AttributeType.COUNTRY, "España", "ES"),
    (AttributeType.COUNTRY, "bundesrepublik  deutschland", "DE"),
    (AttributeType.COUNTRY, "JPN", "JP"),
    (AttributeType.COUNTRY, "Türkei", "TR"),
    (AttributeType.LANGUAGE, "de_DE.UTF-8", "de-DE"),
    (AttributeType.LANGUAGE, "ger", "de"),
    (AttributeType.LANGUAGE, "zh-hans-cn", "zh-Hans-CN"),
    (AttributeType.LANGUAGE, "es-419", "es-419"),
    (AttributeType.LANGUAGE, "gsw", "gsw"),
    (POSTAL, "1012 ab", "1012 AB"),
    (POSTAL, "D 10115", "10115"),
    (POSTAL, "A-1010", "1010"),
    (POSTAL, "D02 X285", "D02 X285"),  # Dublin
    (POSTAL, "HM 12", "HM 12"),  # Bermuda
]
UNREADABLE = [
    (DATE, "04/12/1971"),  # in April or in December
    (DATE, "04-12-1971"),
    (DATE, "04.12.71"),
    (DATE, "26271"),  # a spreadsheet's number of days
    (DATE, "60652800"),
    (DATE, "1971-13-04"),
    (DATE, "31.02.1971"),
    (DATE, "2001-02-29"),
    (DATE, "1971-12-03T23:00:00Z"),  # a midnight of elsewhere: the day after, perhaps
    (DATE, "1971-12-04T00:00:00+02:00 "),
    (DATE, "1900-01-01"),
    (DATE, "0001-01-01"),
    (DATE, "9999-12-31"),
    (DATE, "December 1971"),
    (DATE, "4 Foo 1971"),
    (DATE, "01021971"),  # 1 February or 2 January
    (DATE, "1971"),
    (DATE, "garbage"),
    (DATE, "29.02.1900"),
    (DATE, "0000-00-00"),
    (DATE, "4th of December 1971"),
    (DATE, "1971年12月4日"),
    (BORN, "2026-11-29"),
    (BORN, "2071-12-04"),
    (BORN, "04.12.71"),
    (GENDER, "1"),
    (GENDER, "unbekannt"),
    (GENDER, "Mrs"),
    (AttributeType.TEXT, "NULL"),
    (AttributeType.TEXT, " (null) "),
    (AttributeType.TEXT, "\\N"),
    (AttributeType.TEXT, "#N/A"),
    (AttributeType.TEXT, "undefined"),
    (AttributeType.TEXT, "k. A."),
    (AttributeType.TEXT, "keine Angabe"),
    (AttributeType.TEXT, "{{first_name}}"),
    (AttributeType.TEXT, "*|FNAME|*"),
    (AttributeType.TEXT, "-"),
    (AttributeType.TEXT, "???"),
    (AttributeType.TEXT, "[object Object]"),
    (AttributeType.EMAIL, "garbage"),
    (AttributeType.EMAIL, "anna@"),
    (AttributeType.EMAIL, "a@example.com, b@example.com"),
    (AttributeType.EMAIL, "<anna@example.com> <ben@example.com>"),
    (PHONE, "12"),
    (PHONE, "436641234567"),
    (PHONE, "4.9E+12"),
    (AttributeType.COUNTRY, "XX"),
    (AttributeType.COUNTRY, "Absurdistan"),
    (AttributeType.COUNTRY, "D"),
    (AttributeType.LANGUAGE, "German"),
    (AttributeType.LANGUAGE, "xx"),
    (AttributeType.LANGUAGE, "at"),  # a country
    (AttributeType.LANGUAGE, "de,en"),
    (POSTAL, "Berlin"),
    (POSTAL, "10115 Berlin Mitte"),
    (POSTAL, "10115 Ulm"),
    (POSTAL, "00000"),
    (POSTAL, "10115-"),
    (AttributeType.TEXT, "\u200b"),
    (AttributeType.COUNTRY, "aa"),
    (AttributeType.COUNTRY, "Deutschland/DE"),
    (POSTAL, "26789 Au"),
    (POSTAL, "1010 Wien"),
    (POSTAL, "-"),
]


@pytest.mark.parametrize(("type_", "given", "written"), READ)
def test_what_means_one_thing_gets_its_form(type_: AttributeType, given: str, written: str) -> None:
    """Notations of one value are one value."""
    assert read_attribute(type_, given, "DE", SAID_AT) == Reading(written, True)


@pytest.mark.parametrize(("type_", "given"), UNREADABLE)
def test_what_may_be_two_things_or_none_stays_as_given(type_: AttributeType, given: str) -> None:
    """It is kept, letter by letter, and said to have no form."""
    assert read_attribute(type_, given, "DE", SAID_AT) == Reading(given, False)


@pytest.mark.parametrize("type_", list(AttributeType))
@given(text=st.text(max_size=30))
def test_forms_are_stable(type_: AttributeType, text: str) -> None:
    """Whatever is given, no error is raised, and a written form is its own written form."""
    found = read_attribute(type_, text, "DE")
    if found.is_valid:
        assert read_attribute(type_, found.value, "DE") == found
    else:
        assert found.value == text
    assert FORMS[type_]


@given(st.dates(date(1900, 1, 2), date(2099, 12, 31)))
def test_no_day_becomes_another(day: date) -> None:
    """Every notation of a day is read as that day, or not at all; with full stops always."""
    assert read_attribute(DATE, day.isoformat(), "").value == day.isoformat()
    assert read_attribute(DATE, f"{day:%d.%m.%Y}", "").value == day.isoformat()
    for notation in ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%d%m%Y", "%m%d%Y"):
        found = read_attribute(DATE, day.strftime(notation), "")
        assert not found.is_valid or found.value == day.isoformat()
