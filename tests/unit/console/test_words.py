"""The words of the console: the same in both languages, and each template's are there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

import services.console
from schemas.api.permission import Language
from services.console.formats import Formats
from services.console.navigation import PAGES
from services.console.texts import text, texts_of

FOLDER = Path(services.console.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
USED = re.compile(r"""\bt\("([a-z0-9_.-]+)"(?! ~)""")
BERLIN_SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_both_languages_say_the_same() -> None:
    """The same keys, with the same values put in."""
    english, german = texts_of(Language.ENGLISH), texts_of(Language.GERMAN)
    assert english.keys() == german.keys()
    for key in english:
        assert _fields(english[key]) == _fields(german[key]), key
        assert english[key].strip()
        assert german[key].strip()


def _fields(written: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(written) if name}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_templates_use_words_that_exist(template: Path) -> None:
    """A key that is written out is a text, or has the forms of numbers."""
    known = texts_of(Language.ENGLISH)
    for key in USED.findall(template.read_text("utf-8")):
        assert key in known or f"{key}.other" in known, key


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_templates_have_nothing_that_the_policy_forbids(template: Path) -> None:
    """No style or script of their own, no handler, no value that is not escaped."""
    source = template.read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|<script(?! src=)|\son[a-z]+=|javascript:", source)
    assert "autoescape" not in source


def test_pages_of_the_menu_have_names() -> None:
    """And groups."""
    known = texts_of(Language.GERMAN)
    for page in PAGES:
        assert f"nav.{page.name}" in known
        assert f"nav.group.{page.group}" in known


def test_numbers_as_each_language_writes_them() -> None:
    """CLDR: decimal signs, shares, money, times in the realm's zone."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Europe/Berlin")
    german, english = Formats(Language.GERMAN, zone), Formats(Language.ENGLISH, zone)
    assert (german.number(1234.567), english.number(1234.567)) == ("1.234,57", "1,234.57")
    assert (german.percent(0.1234), english.percent(0.1234)) == ("12,3\xa0%", "12.3%")
    assert (german.money("9.5", "EUR"), english.money("9.5", "EUR")) == ("9,50\xa0€", "€9.50")
    assert german.value(9.999, "EUR") == "10,00\xa0€"
    assert german.value(None, "EUR") == "–"
    assert german.value(7200, "s") == "2 Stunden"
    assert german.time("2026-07-01T12:00:00.000Z") == "01.07.26, 14:00"
    assert english.day(BERLIN_SUMMER) == "1 Jul 2026"
    assert german.ago(BERLIN_SUMMER, BERLIN_SUMMER + timedelta(hours=3)) == "vor 3 Stunden"


def test_a_text_takes_the_form_of_its_number() -> None:
    """And a key that nobody wrote is an error, not a blank."""
    with pytest.raises(KeyError):
        text(Language.ENGLISH, "no.such.text")
