"""A text names a person by a whole string or by a value that stands alone, never by a part."""

from __future__ import annotations

from time import process_time

import pytest

from services.erasure.mentions import Mentions, digits_of_phones, forms_of, needles

MAIL, PHONE, NUMBER, SHORT, UMLAUT = (
    "ann@b.example",
    "+4915129998887",
    "990471100",
    "17",
    "jörg@b.example",
)
OURS = Mentions([MAIL, PHONE, NUMBER, SHORT, UMLAUT])


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "Ann@B.example"}',
        '{"a": {"b": ["Mail ann@b.example."]}}',
        '{"a": "ann\\u0040b.example"}',
        '{"a": "?mail=ann%40b.example&x=1"}',
        '{"a": "j\\u00f6rg@b.example"}',
        '{"a": "{\\"mail\\": \\"ann@b.example\\"}"}',
        '{"ann@b.example": 1}',
        '{"a": 990471100}',
        '{"a": "call +4915129998887!"}',
        '{"a": "17"}',
        '{"a": "\\u0031\\u0037"}',
        'cut off {"a": "17", "b',
        "cut off ann\\u0040b.example, b",
        "[" * 2000 + '"17"',
        '{"a": "0151 / 2999-8887"}',
        '{"a": "4711, 0049 (0)151 29998887, after 6 pm"}',
        '{"a": "tel:+49-151-29998887"}',
        '{"a": "?to=%2B49%20151%2029998887&x=1"}',
        '{"a": "0151\\u00a02999\\u20138887"}',
        '{"a": "(+49) 151 29998887"}',
        '{"a": "+49 (0) 151-2999 8887"}',
        '{"a": 4915129998887}',
        '{"a": 15129998887}',
        '{"a": "4711 0151 29998887"}',
        'cut off {"a": "(0151) 2999 8887',
    ],
)
def test_what_names_the_person(text: str) -> None:
    """Whole or alone, in any letter case, escaped or not, in a broken line as in a right one."""
    assert OURS.stand_in(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "jo.ann@b.example"}',
        '{"a": "ann@b.example.org"}',
        '{"a": "1990471100"}',
        '{"a": "990471100-7"}',
        '{"a": "+49151299988870"}',
        '{"a": "117", "b": "room 17", "c": "2026-11-17"}',
        'cut off {"a": "117',
        '{"a": "0151 / 2999-88870"}',
        '{"a": "0151 2999-8887-4"}',
        '{"a": "+43 151 29998887"}',
        '{"a": "0043 (0)151 29998887"}',
        '{"a": "4711 15129998887"}',
        '{"a": "47-0151 29998887"}',
        '{"a": 215129998887}',
        '{"a": "x15129998887"}',
        "",
    ],
)
def test_what_names_somebody_else(text: str) -> None:
    """A part of a longer value, and a short one within a text."""
    assert not OURS.stand_in(text)


def test_a_store_looks_for_digits() -> None:
    """Those after the country and the trunk zero, which may be written or not."""
    assert digits_of_phones([MAIL, PHONE, NUMBER, SHORT]) == ["15129998887"]


@pytest.mark.parametrize(
    "number",
    ["+9991234567", "+999000001", "+21012345678", "+490000001", "+10000000", "+29022158"],
)
def test_what_only_looks_like_a_telephone_number(number: str) -> None:
    """A customer number, say, with a sign in front: it is looked for as it is, and no part."""
    assert digits_of_phones([number]) == []
    assert Mentions([number]).stand_in(f'{{"a": "{number}"}}')
    told = '{"quantity": 1, "total": 0, "zip": "22158", "order": "234567", "a": "12345678"}'
    assert not Mentions([number]).stand_in(told)


@pytest.mark.parametrize("part", ["0)", "(0)", "-", "0 ", "(", "+49(", "0049 ", "151-", "+ ", "1("])
def test_no_text_takes_long(part: str) -> None:
    """Whoever sends a line chooses it: the pattern looks at each sign a few times."""
    begun_s = process_time()
    assert not OURS.stand_in(f'{{"a": "{part * 10_000}"}}')
    assert process_time() - begun_s < 5, "quadratic at least"


def test_letters_of_domains() -> None:
    """An address is stored in ASCII; a line may have it as people write it."""
    stored = "ann@xn--bcher-kva.example"
    assert forms_of([MAIL, stored]) == [MAIL, "ann@bücher.example", stored]
    assert forms_of(["xn--@x", "ann@xn--\u0661.example"])
    assert "max@straße.example" in forms_of(["max@xn--strae-oqa.example"])


def test_a_store_looks_for_more() -> None:
    """Short values in quotation marks; others also as JSON writes them."""
    assert needles([SHORT]) == ['"17"']
    assert needles([UMLAUT]) == ["j\\u00f6rg@b.example", UMLAUT]
    assert not Mentions([]).stand_in('{"a": ""}')
