"""Numbers: what each notation says, and what is refused instead of guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.tables.numbers import DecimalSign, NoNumber, number_of, parts_of


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("12", DecimalSign.NONE),
        ("12,5", DecimalSign.COMMA),
        ("12.50", DecimalSign.POINT),
        ("1.234", DecimalSign.EITHER),  # a thousand, or one and a bit
        ("1,234", DecimalSign.EITHER),
        ("0.234", DecimalSign.POINT),  # no group begins with a zero
        ("1234.567", DecimalSign.POINT),  # nor has it four digits
        ("1.234,50", DecimalSign.COMMA),
        ("1,234.50", DecimalSign.POINT),
        ("1.234.567", DecimalSign.COMMA),
        ("1,234,567", DecimalSign.POINT),
        ("1'234.50", DecimalSign.POINT),  # Switzerland
        ("1\u202f234,567", DecimalSign.COMMA),  # the blank groups, so the comma does not
        ("1\u00a0234", DecimalSign.NONE),
        (".5", DecimalSign.POINT),
    ],
)
def test_what_a_number_says_of_its_decimals(text: str, sign: DecimalSign) -> None:
    """Only a notation that has one meaning decides."""
    assert parts_of(text).sign is sign


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [
        ("1.234", DecimalSign.COMMA, "1234"),
        ("1.234", DecimalSign.POINT, "1.234"),
        ("1.234,50", DecimalSign.COMMA, "1234.50"),
        ("1’234.50", DecimalSign.POINT, "1234.50"),
        ("1 234 567,89", DecimalSign.COMMA, "1234567.89"),
        ("-12,50", DecimalSign.COMMA, "-12.50"),
        ("12,50-", DecimalSign.COMMA, "-12.50"),  # as SAP writes it
        ("(12.50)", DecimalSign.POINT, "-12.50"),  # as accountants do
        ("\u221212,5", DecimalSign.COMMA, "-12.5"),
        (",5", DecimalSign.COMMA, "0.5"),
        ("+7", DecimalSign.COMMA, "7"),
    ],
)
def test_a_number_is_read_exactly(text: str, sign: DecimalSign, number: str) -> None:
    """With all its digits, and its sign wherever it stands."""
    assert number_of(text, sign)[0] == Decimal(number)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("12,50 €", "EUR"), ("€ 12,50", "EUR"), ("12,50 EUR", "EUR"), ("CHF 12,50", "CHF"),
     ("-12,50€", "EUR")],
)  # fmt: skip
def test_a_currency_at_a_number_is_kept(text: str, mark: str) -> None:
    """Whether it is that of the event is for others to say."""
    number, written = number_of(text, DecimalSign.COMMA)
    assert abs(number) == Decimal("12.50")
    assert written.mark == mark


@pytest.mark.parametrize(
    "text",
    ["4.00638E+12", "1e5", "12..5", "1.23.456", "1,2,3", "12,", "abc", "--5", "1.234.56", "", "€",
     "1 23", "5 Stück", "12:30", "1.234,567.8", "1'23'456", "9" * 70],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    """Nothing is cut off until a number is left."""
    with pytest.raises(NoNumber) as refused:
        number_of(text, DecimalSign.COMMA)
    assert len(text) < 4 or text not in str(refused.value)


def test_the_other_sign_is_refused() -> None:
    """Where commas stand before decimals, a decimal point is a slip."""
    with pytest.raises(NoNumber, match="decimal point"):
        number_of("12.50", DecimalSign.COMMA)


@given(st.text(alphabet="0123456789.,'- €EURx()%\u00a0", max_size=30))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    """No other exception; a number has no digit that is not in the text."""
    for sign in (DecimalSign.POINT, DecimalSign.COMMA):
        try:
            number, _ = number_of(text, sign)
        except NoNumber:
            continue
        assert number.is_finite()
        digits = "".join(one for one in text if one.isdigit())
        assert f"{abs(number):f}".replace(".", "").lstrip("0") == digits.lstrip("0")


@given(st.decimals(-(10**9), 10**9, places=2))
def test_a_written_number_comes_back(number: Decimal) -> None:
    """In the German and in the English notation."""
    english = f"{number:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert number_of(english, DecimalSign.POINT)[0] == number
    assert number_of(german, DecimalSign.COMMA)[0] == number
