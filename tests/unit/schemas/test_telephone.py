"""Telephone numbers: one number per person's writing of it, and never a number nobody sent."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import AmbiguousIdentifier, normalise_phone
from schemas.telephone import AmbiguousTelephoneNumber, NoTelephoneNumber, read_number

BERLIN, MOBILE = "+493023125014", "+4915112345678"
READ = [
    # written, region, number
    ("3023125014.0", "DE", BERLIN),  # a float column took the zero and added a digit
    ("3023125014.00", "DE", BERLIN),
    ("030 23125014.0", "DE", BERLIN),
    ("03023125014.0", "DE", BERLIN),
    ("3023125014.000", "DE", BERLIN),  # however many decimals the column shows
    ("+4915112345678.000000", "DE", MOBILE),
    ("\u202d+4915112345678\u202c", "DE", MOBILE),  # marks of direction, as telephones copy them
    ("\ufeff030\u200b 2312\u00ad5014\u2060", "DE", BERLIN),
    ("+49 30 23125014.00", "DE", BERLIN),
    ('="4915112345678"', "DE", MOBILE),  # how spreadsheets are made to keep digits
    ("'4915112345678", "DE", MOBILE),
    ("4915112345678;", "DE", MOBILE),
    ("p:+4915112345678", "DE", MOBILE),
    ("Tel.: 0151 12345678", "DE", MOBILE),
    ("+49 151 1234 5678 (mobil)", "DE", MOBILE),
    ("0151.12345678", "DE", MOBILE),
    ("3921234567", "IT", "+393921234567"),
    ("8912345678", "DE", "+498912345678"),
    ("2101234567", "GR", "+302101234567"),
    ("912345678", "ES", "+34912345678"),
    ("2079460018", "GB", "+442079460018"),
    ("6502530000", "US", "+16502530000"),
    ("3023125014,0", "DE", BERLIN),  # the same with a decimal comma
    ("4915112345678.0", "DE", MOBILE),
    ("+4915112345678.0", "DE", MOBILE),
    ("3023125014", "DE", BERLIN),  # without its trunk zero
    ("15112345678", "DE", MOBILE),
    ("4915112345678", "DE", MOBILE),  # without +, as messengers write it
    ("49 151 12345678", "DE", MOBILE),
    ("４９ 151 12345678", "DE", MOBILE),  # full-width digits
    ("＋49 151 12345678", "DE", MOBILE),
    ("٠١٥١ ١٢٣٤٥٦٧٨", "DE", MOBILE),  # digits of another script
    ("0049151/12345678", "DE", MOBILE),
    ("+49 (0)151 12345678", "DE", MOBILE),
    ("49 (0) 30 23125014", "DE", BERLIN),
    ("(+49) 30 23125014", "DE", BERLIN),
    ("tel:+49-30-23125014", "DE", BERLIN),
    ("030 23125014 ext. 7", "DE", BERLIN),
    ("12125551234", "DE", "+12125551234"),  # only valid with +
    ("12125551234", "US", "+12125551234"),
    ("(212) 555-1234", "US", "+12125551234"),
    ("33612345678", "FR", "+33612345678"),
    ("612345678", "FR", "+33612345678"),
    ("436641234567", "AT", "+436641234567"),
    ("06 69812345", "IT", "+390669812345"),  # this zero belongs to the number
    ("501234567", "PL", "+48501234567"),  # a country without trunk zero
    ("49-30-23125014", "DE", BERLIN),
]
AMBIGUOUS = [
    ("491511234567", "DE"),  # a mobile that lacks a digit, or a landline in Leer
    ("441632960961", "DE"),  # as long as a British number
    ("436641234567", "DE"),  # an Austrian mobile, or a landline near Grömitz
    ("33612345678", "DE"),
    ("447911123456", "DE"),
    ("436641234567.0", "DE"),
]
NO_NUMBERS = [
    "4.91512e12", "4.91512E+12", "4,91512E+12", "4.915112345678E+12", "1e10", "+4.9e12",
    "3023125014.5e0", "-4915112345678", "#3023125014", "*49", "30231250.14", "3023125014.5",
    "+3023125014", "+030 23125014", "12", "110", "0", "+49", "call me", "23125014ABC",
    "3f2b9c1d-7a44", "0151 12345678 / 030 23125014", "+49 30", "++", "",
    "49151123456789012", "nan", "Infinity", "0.0", "-1",
]  # fmt: skip


@pytest.mark.parametrize(("written", "region", "number"), READ)
def test_one_number_for_every_notation(written: str, region: str, number: str) -> None:
    """Blanks, brackets, trunk zeros, missing plus signs and float columns make no second number."""
    assert read_number(written, region) == number


@pytest.mark.parametrize(("written", "region"), AMBIGUOUS)
def test_two_valid_readings_are_not_guessed_between(written: str, region: str) -> None:
    """Digits that are a number of the region and one of another country are neither."""
    with pytest.raises(AmbiguousTelephoneNumber):
        read_number(written, region)
    with pytest.raises(AmbiguousIdentifier):
        normalise_phone(written, region)


@pytest.mark.parametrize("written", NO_NUMBERS)
def test_what_is_no_valid_number_is_none(written: str) -> None:
    """Lost digits, other text, too short, too long, of no country."""
    with pytest.raises(NoTelephoneNumber):
        read_number(written, "DE")


@pytest.mark.parametrize("written", ["(670) 234-5678", "670-234-5678"])
def test_brackets_and_dashes_are_national(written: str) -> None:
    """A number of the Mariana Islands, in a French realm, is not one of Timor."""
    with pytest.raises(NoTelephoneNumber):
        read_number(written, "FR")


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from(["DE", "AT", "FR", "US", "IT", "PL"]),
    st.sampled_from(
        [
            "{e164}", "{e164}.0", "{bare}", "{bare}.0", "{bare},00", "{national}",
            "{international}", "00{bare}",
        ]
    ),
)  # fmt: skip
def test_no_notation_becomes_a_number_nobody_sent(country: str, region: str, form: str) -> None:
    """A valid number of any country, written in any of these forms in any realm, is read as itself
    or with all its digits as the region writes a number or as one without its +, or not at all."""
    number = phonenumbers.example_number(country)
    if number is None or not phonenumbers.is_valid_number(number):
        return
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    style = phonenumbers.PhoneNumberFormat
    written = form.format(
        e164=e164,
        bare=e164[1:],
        national=phonenumbers.format_number(number, style.NATIONAL),
        international=phonenumbers.format_number(number, style.INTERNATIONAL),
    )
    try:
        found = read_number(written, region)
    except NoTelephoneNumber:
        return
    own_code = f"+{phonenumbers.country_code_for_region(region)}"
    digits = "".join(one for one in written.split(".")[0].split(",")[0] if one.isdigit())
    as_national = found.startswith(own_code) and digits.endswith(found[len(own_code) :])
    as_international = found == f"+{digits}" and written.replace(" ", "").isdigit()
    assert found == e164 or ("+" not in written and (as_national or as_international))


@given(st.text(max_size=20))
def test_any_text_is_a_valid_number_or_none(text: str) -> None:
    """Nothing but a valid number ever becomes a key, and nothing else than refusal is raised."""
    try:
        found = read_number(text, "DE")
    except NoTelephoneNumber:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(found))
    assert read_number(found, "FR") == found
