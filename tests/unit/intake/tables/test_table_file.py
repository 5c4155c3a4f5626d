"""Files under maps: encodings, delimiters, headers, groups; what decides, and what is refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.import_map import ImportMap
from services.ingest.lines import InputError
from services.intake.tables.import_file import ImportFile
from services.intake.tables.layout import WrongMap, checked_map
from services.runtime.settings.realms import RealmSettings

REALMS = {"default": RealmSettings()}
PRICES: dict[str, Any] = {
    "type": "offer.published",
    "constants": {"channel": "shop", "occurred_at": "2026-03-02"},
    "columns": {
        "body.sku": ["sku", "Artikelnummer"],
        "body.price": "Preis",
        "body.stock": "Bestand",
        "body.title": "Titel",
        "body.valid_from": "ab",
        "body.valid_to": {"from": ["bis"], "end_of_day": True},
    },
}
ORDERS: dict[str, Any] = {
    "type": "order.placed",
    "group_by": ["body.order_id"],
    "event_id": ["body.order_id"],
    "constants": {"channel": "shop", "source.system": "erp"},
    "columns": {
        "occurred_at": "date",
        "body.order_id": "order",
        "identifiers.email": "mail",
        "body.lines.*.sku": "sku",
        "body.lines.*.total": "total",
    },
}
Opened = Callable[..., ImportFile]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens a file with this content under a map that differs from PRICES as given."""

    def open_(content: str | bytes, map_: dict[str, Any] = PRICES, **other: Any) -> ImportFile:
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return ImportFile(str(path), checked_map(ImportMap.model_validate(map_ | other)), REALMS)

    return open_


def events(found: ImportFile) -> list[Any]:
    """What becomes of the file: an event, or its rows and why they are refused."""
    return [
        orjson.loads(one.line.content)
        if one.line.fault is None
        else ([row.number for row in one.rows], one.line.fault.path, one.line.fault.message)
        for one in found.lines()
    ]


def bodies(found: ImportFile) -> list[Any]:
    return [one["body"] if isinstance(one, dict) else one for one in events(found)]


TEXT = "Artikelnummer;Preis;Titel\n0815;1,99;Müller’s Käse – 5 €\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_every_encoding_gives_the_same(opened: Opened, encoding: str) -> None:
    """UTF-8 and UTF-16 with and without a mark, and Windows-1252 with its euro sign."""
    assert bodies(opened(TEXT.encode(encoding))) == [
        {"sku": "0815", "price": "1.99", "title": "Müller’s Käse – 5 €"}
    ]


def test_a_packed_file_is_read(opened: Opened) -> None:
    """As gzip; a truncated one is refused before anything of it is taken."""
    assert len(bodies(opened(gzip.compress(TEXT.encode())))) == 1
    with pytest.raises(InputError, match="gzip"):
        opened(gzip.compress(TEXT.encode() * 1000)[:-9])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Titel;Preis\nä;ü".encode() + b";\xe4\n", "UTF-8 in part only"),
        ("Artikelnummer;Titel\n1;Müller\n".encode("cp850"), "neither UTF-8 nor Windows-1252"),
        ("Artikelnummer;Titel\n1;in Österreich\n".encode("cp850"), "encoding"),
        ("Artikelnummer;Titel\n1;Märchen\n".encode("mac-roman"), "neither UTF-8"),
        (b"Artikelnummer;Titel\n1;a\0b\n", "zero"),
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "zero bytes"),
    ],
)
def test_what_has_no_known_encoding_is_refused(opened: Opened, content: bytes, said: str) -> None:
    """Whatever would come out would be letters that nobody wrote."""
    with pytest.raises(InputError, match=said):
        opened(content)


def test_the_map_may_say_the_encoding(opened: Opened) -> None:
    """One that cannot be told apart is read as the map says, and refused if it is not that."""
    content = "Artikelnummer;Titel\n1;Müller\n".encode("cp850")
    assert bodies(opened(content, encoding="cp850"))[0]["title"] == "Müller"
    with pytest.raises(InputError, match="is not in utf-8"):
        opened(content, encoding="utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_the_header(opened: Opened, delimiter: str) -> None:
    """Also where cells hold the other signs, and lines."""
    rows = [["sku", "Titel", "Preis"], ["1", '"a,b;c|d\te\nf"', '"1,50"'], ["2", "x", '"2,50"']]
    found = opened("\r\n".join(delimiter.join(row) for row in rows))
    assert [one["title"] for one in bodies(found)] == ["a,b;c|d\te\nf", "x"]
    assert [row.number for one in found.lines() for row in one.rows] == [2, 3]


def test_a_spreadsheet_may_state_the_delimiter(opened: Opened) -> None:
    """In a first line that is none of the rows."""
    assert bodies(opened("sep=;\r\nsku;Titel\r\n1;a\r\n")) == [{"sku": "1", "title": "a"}]


def test_lines_before_the_header_are_passed_over(opened: Opened) -> None:
    """The header is the row that names the most columns of the map."""
    found = opened("Preisliste;;\nStand: 2.3.2026;;\n\nsku;Preis;Titel\n1;2,50;a\n")
    assert bodies(found) == [{"sku": "1", "price": "2.5", "title": "a"}]
    assert found.found()["header"] == "row 4"


def test_a_header_in_the_middle_is_no_row(opened: Opened) -> None:
    """As where files were joined; empty rows are none, either."""
    found = opened("sku;Titel\n1;a\n;\n\nsku;Titel\n2;b\n")
    assert [one["sku"] for one in bodies(found)] == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("sku;sku;Titel\n1;2;a\n", "two columns 'sku'"),
        ("Nr;Titel\n1;a\n", "has nothing for body.sku"),
        ("Nr;Text\n1;a\n", "no column that the map names"),
        ('sku;Titel\n1;"ab"c\n', "row 2"),
        ('sku;Titel\n1;"abc\n', "row 2"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(opened: Opened, content: str, said: str) -> None:
    """As a whole, before anything of it is taken."""
    with pytest.raises(InputError, match=said):
        opened(content, columns=PRICES["columns"] | {"body.sku": {"from": "sku", "required": True}})


def test_a_row_of_another_width_is_refused_alone(opened: Opened) -> None:
    """Its cells would stand under other columns; an empty cell too many does no harm."""
    found = bodies(opened("sku;Titel;Preis\n1;a;2,50\n2;b\n3;c;d;e\n4;f;3,50;\n"))
    assert [one[2] for one in found[1:3]] == [
        "has 2 cells, and the header 3", "has 4 cells, and the header 3",
    ]  # fmt: skip
    assert found[3] == {"sku": "4", "title": "f", "price": "3.5"}


def test_the_whole_file_decides_what_may_be_read_twice(opened: Opened) -> None:
    """A number by its column, else by the others; a date in the same way."""
    found = opened("sku;Preis;Bestand\n1;1.234;5\n2;2,50;1.500\n")
    assert [one["price"] for one in bodies(found)] == ["1234", "2.5"]
    assert bodies(found)[1]["stock"] == "1500"
    assert "column 'Bestand' follows the others" in found.found()["decimals"]
    days = bodies(opened("sku;ab;bis\n1;01/02/2026;02/03/2026\n2;13/02/2026;03/03/2026\n"))
    assert [(one["valid_from"], one["valid_to"]) for one in days] == [
        ("2026-02-01T00:00:00+01:00", "2026-03-03T00:00:00+01:00"),
        ("2026-02-13T00:00:00+01:00", "2026-03-04T00:00:00+01:00"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("sku;Preis\n1;1.234\n2;5\n", "column 'Preis'.*two ways, as in row 2.*decimals=comma"),
        ("sku;Preis\n1;1,99\n2;1.99\n", "decimal point in row 3 and decimal comma in row 2"),
        ("sku;ab\n1;01/02/2026\n", "column 'ab'.*two ways.*dates=day_first"),
        ("sku;ab\n1;13/02/2026\n2;02/13/2026\n", "day first in row 2 and month first in row 3"),
        ("sku;Preis;Bestand\n1;1,99;2.50\n2;1.234;5.00\n", None),  # two columns, two notations
        ("sku;Preis;Bestand;ab\n1;1,99;2.50;2026-01-01\n", None),
    ],
)
def test_what_the_file_does_not_decide_is_refused(
    opened: Opened, content: str, said: str | None
) -> None:
    """Until the map says it; nothing is guessed."""
    if said is None:
        assert bodies(opened(content))[0]["stock"] == "2.5"
        return
    with pytest.raises(InputError, match=said):
        opened(content)
    assert bodies(opened(content, decimals="comma", dates="day_first"))


def test_numbers_of_articles_stay_as_they_are(opened: Opened) -> None:
    """With their zeros; a number that a spreadsheet shortened is refused, and `.0` is left off
    where all have it."""
    assert bodies(opened("sku\n0815\n4711.0\n"))[1]["sku"] == "4711.0"
    assert [one["sku"] for one in bodies(opened("sku\n815.0\n4711.0\n"))] == ["815", "4711"]
    assert bodies(opened('sku\n="0815"\n'))[0]["sku"] == "0815"
    assert "shortened" in bodies(opened("sku\n4.00638E+12\n"))[0][2]
    assert "shortened" in bodies(opened("sku\n4,00638E+12\n", delimiter=";"))[0][2]


def test_the_total_of_a_file_is_no_row(opened: Opened) -> None:
    """It is refused where it is the last row, whatever columns it fills; elsewhere it is a name."""
    found = events(opened("Titel;sku;Preis\nSumme;1;2,50\nSumme:;2;2,50\n\n"))
    assert found[0]["body"]["title"] == "Summe"
    assert "total" in found[1][2]
    assert len(bodies(opened("Titel;sku\nSumme;2\n", total_row=[]))[0]) == 2


def test_another_currency_is_refused(opened: Opened) -> None:
    """A price with the sign of another currency than that of the event."""
    found = bodies(opened("sku;Preis\n1;2,50 €\n2;2,50 CHF\n"))
    assert found[0]["price"] == "2.5"
    assert found[1][1:] == (
        "body.price", "is in CHF, and the currency of the event is another one",
    )  # fmt: skip


def test_words_are_read_by_the_map() -> None:
    """Those that it does not list are refused; without a list only yes and no are known."""
    for wrong, said in (
        ({"columns": {"body.prize": "x"}}, "near: body.price"),
        ({"type": "offer.publishd"}, "no event type"),
        ({"constants": {"body.availability": "yes"}}, "in_stock"),
        ({"event_id": ["body.gtin"]}, "neither a column"),
        ({"columns": {"body.price": {"from": "x", "values": {"a": True}}}}, "not what the field"),
    ):
        with pytest.raises(WrongMap, match=said):
            checked_map(ImportMap.model_validate(PRICES | wrong))


ROWS = [
    "A;01.03.2026 10:00;a@example.org;1;2,50",
    "A;;;2;3,50",
    "B;01.03.2026 11:00;b@example.org;1;2,50",
    "B;01.03.2026 11:00;b@example.org;2;4,50",
]


def orders(opened: Opened, rows: Sequence[str], **other: Any) -> list[Any]:
    return events(opened("order;date;mail;sku;total\n" + "\n".join(rows) + "\n", ORDERS, **other))


def test_rows_of_one_order_are_one_event(opened: Opened) -> None:
    """What is the same for all may be repeated, or stand in the first row only."""
    first, second = orders(opened, ROWS)
    assert first["body"] == {
        "order_id": "A",
        "lines": [{"sku": "1", "total": "2.5"}, {"sku": "2", "total": "3.5"}],
    }
    assert first["identifiers"] == [{"type": "email", "value": "a@example.org"}]
    assert [one["total"] for one in second["body"]["lines"]] == ["2.5", "4.5"]


def test_an_order_whose_rows_differ_is_refused_as_a_whole(opened: Opened) -> None:
    """In what all of its rows say, and in any row that cannot be read."""
    found = orders(opened, [*ROWS, "C;01.03.2026;c@example.org;1;2,5", "C;02.03.2026;;2;2,5"])
    assert found[2] == (
        [6, 7], "occurred_at",
        "column 'date' says in row 7 something else than in row 6 of the same event",
    )  # fmt: skip
    found = orders(opened, [*ROWS, "C;01.03.2026;;1;2,5", "C;01.03.2026;;2;zwei"])
    assert found[2][:2] == ([6, 7], "body.lines.*.total")


def test_half_an_order_is_never_taken_for_all_of_it(opened: Opened) -> None:
    """A row that cannot be read may be of the order before it, or behind it."""
    for broken in ("B;1", ";;;3;2,50"):
        found = orders(opened, [*ROWS[:3], broken, *ROWS[3:], "C;01.03.2026;c@example.org;1;2,5"])
        assert [one[0] for one in found[1:4]] == [[4], [5], [6]] or [
            one[0] for one in found[1:4]
        ] == [[5], [4], [6]]
        assert [isinstance(one, dict) for one in found] == [True, False, False, False, True]


def test_orders_that_do_not_stand_together_are_refused(opened: Opened) -> None:
    """Before anything of the file is taken."""
    with pytest.raises(InputError, match="do not stand together: row 6"):
        orders(opened, [*ROWS, ROWS[0]])


def test_an_order_has_a_limit(opened: Opened) -> None:
    """All rows of one that is larger are refused, and the next order is read."""
    rows = [f"A;01.03.2026;a@example.org;{n};1,50" for n in range(1002)]
    found = orders(opened, [*rows, *ROWS[2:]])
    assert isinstance(found[-1], dict)
    assert sorted(number for one in found[:-1] for number in one[0]) == list(range(2, 1004))
    assert {one[2] for one in found[:-1]} == {"an event may have 500 rows"}


def test_ids_follow_from_the_rows(opened: Opened) -> None:
    """From the fields that the map names, else from all that an event says: neither order of
    columns nor encoding nor further columns matter."""
    first = orders(opened, ROWS)
    other = orders(opened, [row.replace("2,50", "2,75") for row in ROWS])
    assert [one["event_id"] for one in first] == [one["event_id"] for one in other]
    prices = events(opened("sku;Titel\n1;ä\n2;b\n"))
    again = events(opened("Bem.;Titel;sku\nx;ä\t;1\ny;b;2\n".encode("utf-16")))
    changed = events(opened("sku;Titel\n1;ä\n2;c\n"))
    assert [one["event_id"] for one in prices] == [one["event_id"] for one in again]
    assert [a["event_id"] == b["event_id"] for a, b in zip(prices, changed, strict=True)] == [
        True, False,
    ]  # fmt: skip


def test_rows_that_say_the_same_are_one_event_or_several(opened: Opened) -> None:
    """As the map says: the answers of two people may be the same."""
    content = "sku;Titel\n1;a\n1;a\n2;b\n1;a\n"
    assert len({one["event_id"] for one in events(opened(content))}) == 2
    found = opened(content, identical_rows="each")
    ids = [one["event_id"] for one in events(found)]
    assert len(set(ids)) == 4
    behind = [orjson.loads(one.line.content)["event_id"] for one in found.lines(after=3)]
    assert behind == ids[2:]


def test_what_is_refused_says_whom_it_names(opened: Opened) -> None:
    """So that nothing is kept of somebody of whom nothing may be; if that cannot be known, no byte
    of the row is kept."""
    found = opened("order;date;mail;sku;total\nA;1.3.2026;a@example.org;1;zwei\nB;1\n", ORDERS)
    first, second = (one.line for one in found.lines())
    assert orjson.loads(first.named)["identifiers"] == [{"type": "email", "value": "a@example.org"}]
    assert orjson.loads(first.content)["mail"] == "a@example.org"
    assert second.content == second.named == b""


def test_memory_of_a_line_is_bounded(opened: Opened) -> None:
    """A file that is one endless line, or one endless cell, is refused."""
    for content in ("sku;Titel\n1;" + "x" * 2_000_000, 'sku;Titel\n1;"' + "x\n" * 1_000_000):
        with pytest.raises(InputError):
            opened(content)


def test_times_may_be_numbers_and_words_may_stand_for_values(opened: Opened) -> None:
    """As the map says: days of a spreadsheet, a list of words, a part of a cell, and fields that
    are read only beside others."""
    columns = PRICES["columns"] | {
        "body.valid_from": {"from": "ab", "form": "excel"},
        "body.availability": {"from": "da", "values": {"Ja": "in_stock"}, "otherwise": "limited"},
        "body.price": {"from": ["Aktion", "Preis"], "pattern": "^([0-9,]+) EUR$"},
        "body.former_price": {"from": "Preis", "only_with": ["Aktion"], "pattern": "^([0-9,]+)"},
    }
    content = (
        "sku;ab;da;Preis;Aktion\n1;46083,5;JA;2,50 EUR;\n2;46083;nie;2,50 EUR;1,50 EUR\n3;;;2;\n"
    )
    found = bodies(opened(content.replace("46083,5", "46083.5"), columns=columns))
    assert found[0] == {
        "sku": "1", "price": "2.5", "valid_from": "2026-03-02T12:00:00+01:00",
        "availability": "in_stock",
    }  # fmt: skip
    assert found[1]["availability"] == "limited"
    assert (found[1]["price"], found[1]["former_price"]) == ("1.5", "2.5")
    assert found[2][1:] == ("body.price", "column 'Preis' does not have the form of the pattern")
