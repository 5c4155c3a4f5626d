"""GTINs in every notation, against the rules of the standard written down a second time."""

import random

import pytest

from schemas.events.orders import OrderLine
from schemas.offer import Offer
from services.consistency.core.gtin import article_of, gtin_of, one_form

GLOBAL_8 = "96385074"
GLOBAL_13 = "4006381333931"
ISSUED_BY_STORES = range(20, 30)


def check_digit(digits: str) -> str:
    """By the standard: from the right, each digit three times and once in turn."""
    total = sum(int(one) * (3, 1)[at % 2] for at, one in enumerate(reversed(digits)))
    return str(-total % 10)


def notations(number: str) -> list[str]:
    """A number of 13 digits, as channels write it."""
    spaced = f"{number[0]} {number[1:7]} {number[7:]}"
    found = [number, "0" + number, spaced, f" {number} ", number[:3] + "-" + number[3:]]
    return [*found, number[1:]] if number[0] == "0" else found


@pytest.mark.parametrize("seed", range(20))
def test_every_notation_of_a_number_is_one_product(seed: int) -> None:
    """And two numbers are never one."""
    rng = random.Random(seed)
    forms: dict[str, str] = {}
    for _ in range(200):
        prefix = rng.choice(["00", "01", "03", "06", "40", "50", "76", "80", "90"])
        body = prefix + "".join(rng.choices("0123456789", k=10))
        number = body + check_digit(body)
        if number.startswith("00000"):
            continue
        found = {one_form(text) for text in notations(number)}
        assert found == {number}
        assert forms.setdefault(one_form(number), number) == number


@pytest.mark.parametrize("zeros", [0, 4, 5, 6])
def test_a_short_number_stays_short(zeros: int) -> None:
    """Eight digits, filled up to 12, 13 or 14."""
    assert one_form("0" * zeros + GLOBAL_8) == GLOBAL_8


def test_what_is_no_number_of_one_item_stays_as_it_is() -> None:
    """A wrong check digit, a store's own number, a case, another text."""
    texts = ["", "n/a", "4711", "4006381333930", "04006381333930", "14006381333938"]
    for prefix in ISSUED_BY_STORES:
        body = f"{prefix}1234567890"
        texts += [body + check_digit(body), "0" + body + check_digit(body)]
    assert [one_form(text) for text in texts] == texts
    assert not any(map(gtin_of, texts))


def test_the_own_number_goes_first() -> None:
    """The retailer's article number is never touched, even if it looks like a GTIN."""
    line = OrderLine(sku="04006381333931", gtin=GLOBAL_13, total="1")
    assert article_of(line) == "04006381333931"
    assert article_of(line.model_copy(update={"sku": ""})) == GLOBAL_13
    assert article_of(Offer(gtin="0" + GLOBAL_13, price="1")) == GLOBAL_13
