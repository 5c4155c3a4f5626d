"""Receipts in a plain table: columns, numbers, what belongs together, and what is refused."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.intake.fields import NotTaken
from services.intake.format import Refused, UnreadableFile
from services.intake.tills.columns import COLUMNS
from services.intake.tills.receipt_table import read_table
from services.intake.tills.values import instant, money, number

PAGE = Path(__file__).parents[3] / "docs/formats/receipts.md"
HEAD = "store;till;receipt;time;customer;sku;quantity;total;unit price;discount;voids;kind\n"


def read(*rows: str, head: str = HEAD) -> list[Any]:
    """What a table becomes: bodies with their types, and faults."""
    table = head + "".join(f"{one}\n" for one in rows)
    found: list[Any] = []
    for _, part in read_table(io.BytesIO(table.encode())):
        if isinstance(part, Refused):
            found.append((part.fault.path, part.content.decode(), part.named.decode()))
        elif isinstance(part, bytes):
            found.append(json.loads(part))
    return found


def test_the_page_lists_the_columns() -> None:
    """With their other names, and what they say."""
    page = PAGE.read_text("utf-8")
    for one in COLUMNS:
        mark = " (needed)" if one.is_required else ""
        others = ", ".join(f"`{name}`" for name in one.others)
        says = f"{one.says}; of the receipt" if one.of_receipt else one.says
        assert f"| `{one.name}`{mark} | {others} | {says} |" in page


def test_rows_of_a_receipt_may_stand_anywhere() -> None:
    """Each receipt becomes the same touchpoint, whatever order the rows of a file have."""
    rows = [f"12;3;{n};2026-03-02T10:00;;{sku};1;1,00;;;;" for n in (1, 2, 3) for sku in "abc"]
    by_receipt = {one["event_id"]: one for one in read(*rows)}
    shuffled = [rows[place] for place in (0, 3, 6, 1, 4, 7, 2, 5, 8)]
    assert {one["event_id"]: one for one in read(*shuffled)} == by_receipt
    assert [len(one["body"]["lines"]) for one in by_receipt.values()] == [3, 3, 3]


def test_a_longer_table_of_the_same_days_changes_nothing() -> None:
    """What a table held is in a longer one, event by event."""
    rows = [f"12;3;{n};2026-03-02T10:0{n};;a;1;1,00;;;;" for n in range(1, 9)]
    assert read(*rows)[:4] == read(*rows[:4])


def test_one_row_that_cannot_be_read_costs_its_receipt() -> None:
    """With all its rows as they are written, and whom they name; the others are read."""
    rows = [
        "12;3;1;2026-03-02T10:00;7001;a;1;1,00;;;;",
        "12;3;2;2026-03-02T10:00;;a;1;1,00;;;;",
        "12;3;1;2026-03-02T10:00;;b;1;one;;;;",
    ]
    (path, content, named), other = read(*rows)
    assert (path, content) == ("total", f"{HEAD}{rows[0]}\n{rows[2]}\n")
    assert [one["value"] for one in json.loads(named)["identifiers"]] == ["7001"]
    assert other["body"]["order_id"] == "3/2"


@pytest.mark.parametrize(
    ("sofa", "cup", "totals"),
    [("1.250", "12,50", ["1250", "12.5"]), ("1,250", "12.50", ["1250", "12.5"]),
     ("1,250", "12,50", ["1.25", "12.5"])],
)  # fmt: skip
def test_a_table_has_one_decimal_sign(sofa: str, cup: str, totals: list[str]) -> None:
    """By all its numbers, so that thousands are thousands."""
    when = "2026-03-02T10:00"
    [found] = read(f"12;3;1;{when};;a;1;{sofa};;;;", f"12;3;1;{when};;b;1;{cup};;;;")
    assert [one["total"] for one in found["body"]["lines"]] == totals


def test_what_no_number_decides_is_refused() -> None:
    """And so is a table in two notations."""
    when = "2026-03-02T10:00"
    ambiguous, whole = read(f"12;3;1;{when};;a;1;1.250;;;;", f"12;3;2;{when};;a;1;7;;;;")
    assert ambiguous[0] == "total"
    assert whole["body"]["lines"][0]["total"] == "7"
    with pytest.raises(UnreadableFile, match="points and decimal commas"):
        read(f"12;3;1;{when};;a;1;1,50;;;;", f"12;3;2;{when};;a;1;1.50;;;;")


def test_a_quote_takes_no_rows_along() -> None:
    """Nor is a row with too few values read as one whose last ones are empty."""
    head = "receipt;time;title;quantity;total\n"
    rows = [f'{n};2026-03-02T10:00;"{n}/4 Zoll Rohr;1;7,00' for n in (1, 2, 3)]
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read(*rows, head=head)
    [short] = read("1;2026-03-02T10:00;5,00", head=head)
    assert short[0] == ""


def test_a_receipt_of_countless_rows_is_refused() -> None:
    """Without being joined; the others are read."""
    endless = ["12;3;1;2026-03-02T10:00;;a;1;1,00;;;;"] * 3_000
    refused, other = read(*endless, "12;3;2;2026-03-02T10:00;;a;1;1,00;;;;")
    assert refused[1] == ""
    assert other["body"]["order_id"] == "3/2"


def test_a_receipt_number_may_have_a_slash() -> None:
    """It is found by what names it, as another one of the same till or in full."""
    when = "2026-03-02T10:00"
    sold = f"12;3;2026/1001;{when};;a;1;7,00;;;;"
    for named in ("2026/1001", "3/2026%2F1001"):
        first, void = read(sold, f"12;3;9;{when};;a;1;7,00;;;{named};void")
        assert first["body"]["order_id"] == "3/2026%2F1001"
        assert void["body"]["voids"] == "3/2026%2F1001"


def test_numbers_that_begin_again_are_refused() -> None:
    """Two receipts of one number are never taken for one: neither by their days nor by their
    customers."""
    [(path, _, _)] = read(
        "12;3;1;2026-03-02T10:00;;a;1;1,00;;;;", "12;3;1;2026-03-03T10:00;;a;1;1,00;;;;"
    )
    assert path == "time"
    [(path, _, named)] = read(
        "12;3;1;2026-03-02T10:00;7001;a;1;1,00;;;;", "12;3;1;2026-03-02T10:00;7002;a;1;1,00;;;;"
    )
    assert path == "customer"
    assert len(json.loads(named)["identifiers"]) == 2


def test_tills_and_stores_have_numbers_of_their_own() -> None:
    """Also where the parts of two numbers are the same when they are joined."""
    found = read(
        "1;2/3;4;2026-03-02T10:00;;a;1;1,00;;;;",
        "1;2;3/4;2026-03-02T10:00;;a;1;1,00;;;;",
        "1/2;3;4;2026-03-02T10:00;;a;1;1,00;;;;",
    )
    assert len({one["event_id"] for one in found}) == 3
    assert len({(one["body"]["issuer"], one["body"]["order_id"]) for one in found}) == 3


def test_empties_are_no_return_and_goods_are() -> None:
    """Empties beside a purchase are a line of it, alone a return of nothing but deposit; goods that
    came back are a return of their own."""
    head = "receipt;time;sku;line kind;total;original\n"
    bought, back, empties = read(
        "1;2026-03-02T10:00;a;;10,00;",
        "1;2026-03-02T10:00;;Pfand;-1,50;",
        "1;2026-03-02T10:00;b;;-4,00;77",
        "2;2026-03-02T10:00;;Leergut;-0,50;",
        head=head,
    )
    assert [one["total"] for one in bought["body"]["lines"]] == ["10", "-1.5"]
    assert back["type"] == "order.returned"
    assert (back["body"]["order_id"], back["body"]["return_id"]) == ("77", "1")
    assert [one["total"] for one in back["body"]["lines"]] == ["4"]
    assert empties["type"] == "order.returned"
    assert [one["kind"] for one in empties["body"]["lines"]] == ["deposit"]


def test_a_void_takes_back_its_receipt_and_names_nobody() -> None:
    """As training and aborted receipts, it is of nobody."""
    for kind, said in (("Storno", "void"), ("training", "training"), ("Abbruch", "aborted")):
        [found] = read(f"12;3;2;2026-03-02T10:00;7001;a;-1;-1,00;;;1;{kind}")
        assert found["body"]["receipt_kind"] == said
        assert found["identifiers"] == []
        assert found["body"].get("voids") == ("3/1" if said == "void" else None)


@pytest.mark.parametrize(
    ("row", "price"),
    [
        ("2;18,00;10,00;2,00", "10"),  # the price before the discount
        ("2;18,00;9,00;2,00", "10"),  # the price after it
        ("3;20,00;6,6667;", "6.6667"),  # a total that was rounded
        ("2;18,00;7,00;", None),  # they do not agree
        ("3;20,00;6,6667;1,01", None),  # 21.01 / 3 is no price
    ],
)
def test_a_price_counts_where_it_agrees_with_the_total(row: str, price: str | None) -> None:
    """Quantity, price, discount and total make each other up, or nobody knows what one cost."""
    quantity, total, unit, discount = row.split(";")
    [found] = read(f"1;1;1;2026-03-02T10:00;;a;{quantity};{total};{unit};{discount};;")
    assert found["body"]["lines"][0].get("unit_price") == price


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("receipt;time\n", "'total'"),
        ("receipt;time;total;Rabbat\n", "'Rabbat'"),
        ("receipt;time;total;Betrag\n", "two columns"),
        ("", "empty"),
    ],
)
def test_a_table_of_other_columns_is_refused_by_name(head: str, said: str) -> None:
    """As a whole, before anything is read."""
    with pytest.raises(UnreadableFile, match=said):
        read(head=head)


def test_a_table_that_does_not_hold_together_is_refused_as_a_whole() -> None:
    """A quote that does not end swallows rows; a line without its end was cut."""
    row = "1;1;1;2026-03-02T10:00;;a;1;1,00;;;;"
    with pytest.raises(UnreadableFile, match="does not end"):
        read(row, '1;1;2;2026-03-02T10:00;;"a;1;1,00;;;;', *[row] * 300)
    with pytest.raises(UnreadableFile, match="cut off"):
        list(read_table(io.BytesIO(f"{HEAD}{row}".encode())))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12,5", "12.5"), ("12.50", "12.50"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"),
        ("1.234.567,00", "1234567"), ("-3,00", "-3"), ("3,00-", "-3"), ("1'234.50", "1234.5"),
        ("0,123", "0.123"), ("7", "7"),
    ],
)  # fmt: skip
def test_numbers_have_a_comma_or_a_point(text: str, value: str) -> None:
    """In German and English, with thousands set apart or not."""
    assert number(text, "total") == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "1e9", "NaN", "1.23.45", "1,2,3", "12 34", "--1", "-1-", "½", "0x10", "9" * 20]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(NotTaken):
        number(text, "total")


def test_the_fifth_decimal_is_rounded() -> None:
    """Tills write five where they count the tax; the contract has four."""
    assert str(money("0,84034", "total")) == "0.8403"
    assert money("5,00000", "total") == 5


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T17:24:00+01:00", "2026-03-02T16:24:00.000Z"),
        ("2026-03-02T17:24:00.123Z", "2026-03-02T17:24:00.123Z"),
        ("2026-07-02 17:24", "2026-07-02T15:24:00.000Z"),
        ("02.03.2026 7:24:59", "2026-03-02T06:24:59.000Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00.000Z"),
    ],
)
def test_times_without_a_zone_are_german(text: str, at: str) -> None:
    """In the hour that comes twice the first one is meant."""
    assert instant(text, "time") == at


@pytest.mark.parametrize(
    "text", ["2026-02-30 10:00", "2026-03-02", "10:00", "2026-03-02 25:00", "03/02/2026 10:00", ""]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """A day that does not exist, a day without a time, an order of day and month to be guessed."""
    with pytest.raises(NotTaken):
        instant(text, "time")
