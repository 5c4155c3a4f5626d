"""Workbooks, Parquet, JSON lines and XML: typed cells, traps of each kind, and what is refused."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
import pyarrow
import pytest
from openpyxl import Workbook as NewWorkbook
from pyarrow import parquet

from schemas.import_map import ImportMap
from services.ingest.lines import InputError
from services.intake.tables import workbook
from services.intake.tables.import_file import ImportFile
from services.intake.tables.layout import checked_map
from services.intake.tables.refused_rows import RefusedRows
from services.intake.tables.table import TableRow
from services.runtime.settings.realms import RealmSettings

REALMS = {"default": RealmSettings()}
MAP: dict[str, Any] = {
    "type": "offer.published",
    "constants": {"channel": "shop", "occurred_at": "2026-03-02"},
    "columns": {
        "body.sku": ["sku", "id"],
        "body.gtin": "ean",
        "body.price": ["price", "Preis"],
        "body.title": "title",
        "body.valid_from": ["from", "ab"],
        "body.location": "store.id",
    },
}


def bodies(path: Path, **other: Any) -> list[Any]:
    """What becomes of each row of a file: a body, or the number of the row and why not."""
    checked = checked_map(ImportMap.model_validate(MAP | other))
    found = ImportFile(str(path), checked, REALMS)
    return [
        orjson.loads(one.line.content)["body"]
        if one.line.fault is None
        else (one.rows[0].number, one.line.fault.message)
        for one in found.lines()
    ]


Saved = Callable[..., Path]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Saves a workbook with these rows; `change` may do more to it."""

    def save(*rows: list[Any], change: Callable[[Any], None] = lambda book: None) -> Path:
        book = NewWorkbook()
        for row in rows:
            book.active.append(row)
        change(book)
        path = tmp_path / "table.xlsx"
        book.save(path)
        return path

    return save


def test_cells_of_a_workbook_keep_their_types(saved: Saved) -> None:
    """Numbers, times and texts; a number of an article has no decimals, whatever Excel keeps."""
    rows = (
        ["sku", "price", "title", "ab"],
        [4711.0, 12.5, "Müller’s", datetime(2026, 7, 2, 18, 20)],  # noqa: DTZ001 - as Excel has it
        ["0815", 0.1 + 0.2, 5, date(2026, 3, 2)],
        ["0816", "12,50", True, "03.03.2026"],
    )
    assert bodies(saved(*rows)) == [
        {"sku": "4711", "price": "12.5", "title": "Müller’s",
         "valid_from": "2026-07-02T18:20:00+02:00"},
        {"sku": "0815", "price": "0.3", "title": "5", "valid_from": "2026-03-02T00:00:00+01:00"},
        {"sku": "0816", "price": "12.5", "title": "true",
         "valid_from": "2026-03-03T00:00:00+01:00"},
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["1e3000000000000", "1e999999999", "-1e-999999999", "9" * 50])
def test_numbers_of_countless_digits_are_refused(tmp_path: Path, number: str) -> None:
    """At once, as a price and as a code, and their row is written as it stood."""
    path = tmp_path / "lines.jsonl"
    path.write_text(f'{{"sku": "1", "price": {number}}}\n{{"sku": {number}, "price": 1}}\n')
    assert [row for row, _ in bodies(path)] == [1, 2]


def test_days_of_a_workbook_are_refused_as_days(tmp_path: Path) -> None:
    """So that what is valid until one lasts until it ends, once the row is mended."""
    layout = cast(Any, SimpleNamespace(names=["ab", "um"], ignored=frozenset()))
    refused = RefusedRows(tmp_path / "errors.csv", layout, ";", {})
    day = datetime(2026, 3, 31)  # noqa: DTZ001 - as Excel has it
    refused.add([TableRow(2, (day, day.replace(hour=9)))], "why")
    refused.flush()
    assert (tmp_path / "errors.csv").read_text("utf-8").split("\n")[1].strip() == (
        "2;why;2026-03-31;2026-03-31T09:00:00"
    )


def test_zeros_that_a_workbook_shows_are_read(saved: Saved) -> None:
    """A number that is formatted as 00000 is a code with its zeros."""

    def change(book: Any) -> None:
        book.active["A2"].number_format = "00000"

    assert bodies(saved(["sku"], [1067], [1067], change=change)) == [
        {"sku": "01067"},
        {"sku": "1067"},
    ]


def test_digits_that_a_workbook_lost_are_not_made_up(saved: Saved) -> None:
    """It keeps fifteen; and a number with decimals is no code."""
    found = bodies(saved(["sku", "ean"], [1, 4006381333931], [2, 1.2345678901234567e18], [3.5, 1]))
    assert found[0] == {"sku": "1", "gtin": "4006381333931"}
    assert "more digits" in found[1][1]
    assert "decimals" in found[2][1]


def test_empty_rows_and_a_head_are_passed_over(saved: Saved) -> None:
    """Rows have the numbers that Excel shows."""
    rows: list[list[Any]] = [["Preisliste"], [], ["sku", "price"], [], [1, 2], [None], [2, "x"]]
    assert bodies(saved(*rows)) == [{"sku": "1", "price": "2"}, (7, "column 'price' is no number")]


def test_a_formula_counts_as_its_value(saved: Saved, tmp_path: Path) -> None:
    """One without a value, and one that is an error, is refused where it is read."""
    path = saved(["sku", "price", "title"], [1, "=1+1", "a"], [2, 3, "=A1"], [3, "#DIV/0!", "b"])
    assert [one[1] if isinstance(one, tuple) else one for one in bodies(path)] == [
        "column 'price' is a formula without a value; open the file in Excel and save it",
        "column 'title' is a formula without a value; open the file in Excel and save it",
        "column 'price' is an error of the spreadsheet",
    ]
    _edit(path, "xl/worksheets/sheet1.xml", "<f>1+1</f><v", "<f>1+1</f><v>2</v><v", "<v></v>")
    assert bodies(path)[0] == {"sku": "1", "price": "2", "title": "a"}


def _edit(path: Path, member: str, old: str, new: str, gone: str = "") -> None:
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts[member].decode()
    assert old in text
    parts[member] = text.replace(old, new, 1).replace(gone, "").encode()
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


INLINE = re.compile(r'(<c r="[A-Z0-9]+"(?: s="[0-9]+")?) t="inlineStr"><is><t>(.*?)</t></is></c>')
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"


def _share_strings(path: Path) -> None:
    """Write texts as Excel does, in a table of their own."""
    texts: list[str] = []

    def shared(cell: re.Match[str]) -> str:
        texts.append(cell[2])
        return f'{cell[1]} t="s"><v>{len(texts) - 1}</v></c>'

    with ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = INLINE.sub(shared, parts[sheet])
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{items}</sst>'
    for name, end, more in (
        ("[Content_Types].xml", "</Types>",
         f'<Override PartName="/xl/sharedStrings.xml" ContentType="{KIND}"/>'),
        ("xl/_rels/workbook.xml.rels", "</Relationships>",
         f'<Relationship Id="rIdS" Type="{RELATION}" Target="sharedStrings.xml"/>'),
    ):  # fmt: skip
        parts[name] = parts[name].replace(end, more + end)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def test_merged_cells_are_refused(saved: Saved) -> None:
    """In the table; those above its header do no harm."""
    rows = (["Preise", None], ["sku", "price"], [1, 2], [None, 3])
    assert len(bodies(saved(*rows, change=lambda book: book.active.merge_cells("A1:B1")))) == 2
    with pytest.raises(InputError, match="merged cells"):
        bodies(saved(*rows, change=lambda book: book.active.merge_cells("A3:A4")))


def test_the_sheet_is_the_only_visible_one_with_rows(saved: Saved) -> None:
    """Of several the map says which; a hidden one is read only if it is named."""

    def hide(book: Any) -> None:
        book.create_sheet("Tabelle2")
        hidden = book.create_sheet("Alt")
        hidden.append(["sku"])
        hidden.append([9])
        hidden.sheet_state = "hidden"

    path = saved(["sku"], [1], change=hide)
    assert bodies(path) == [{"sku": "1"}]
    assert bodies(path, sheet="Alt") == [{"sku": "9"}]
    with pytest.raises(InputError, match="no sheet"):
        bodies(path, sheet="Neu")

    def show(book: Any) -> None:
        hide(book)
        book["Alt"].sheet_state = "visible"

    with pytest.raises(InputError, match="several sheets: 'Sheet', 'Alt'"):
        bodies(saved(["sku"], [1], change=show))


def test_a_workbook_that_would_fill_the_memory_is_refused(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what its parts say they unpack to, before they are unpacked."""
    path = saved(["sku"], ["a text"])
    _share_strings(path)
    assert bodies(path) == [{"sku": "a text"}]
    for limit in ("STRINGS_BYTES_MAX", "SHEET_BYTES_MAX", "PART_BYTES_MAX"):
        with monkeypatch.context() as changed:
            changed.setattr(workbook, limit, 50)
            with pytest.raises(InputError, match="too large"):
                bodies(path)


def test_damaged_workbooks_are_refused(saved: Saved, tmp_path: Path) -> None:
    """Cut off, with entities, with rows in no order, old, open, or no workbook at all."""
    path = saved(["sku"], *([n] for n in range(200)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError):
        bodies(path)
    path.write_bytes(whole)
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet'
    _edit(path, "xl/worksheets/sheet1.xml", "<worksheet", bomb)
    with pytest.raises(InputError, match="damaged"):
        bodies(path)
    path.write_bytes(whole)
    _edit(path, "xl/worksheets/sheet1.xml", '<row r="5"', '<row r="2"')
    with pytest.raises(InputError, match="no order"):
        bodies(path)
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    with pytest.raises(InputError, match="old or a protected Excel file"):
        bodies(path)
    for name, said in (("content.xml", "OpenDocument"), ("a.csv", "ZIP archive")):
        with ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(InputError, match=said):
            bodies(path)


def test_json_lines_are_rows(tmp_path: Path) -> None:
    """Fields may come in any order, and within others; numbers keep their digits."""
    path = tmp_path / "table.jsonl"
    path.write_text(
        '{"sku": "0815", "price": 1.10, "store": {"id": 12}}\n'
        '\n{"price": 12345678901.2345, "sku": 4711, "ab": "2026-03-02", "more": [1]}\n'
        '{"sku": [1]}\n{"sku": 1, "price": 1e400}\n[1]\n{"sku": nix}\n{"price": NaN}\n'
    )
    found = bodies(path)
    assert found[0] == {"sku": "0815", "price": "1.1", "location": "12"}
    assert found[1] == {
        "sku": "4711", "price": "12345678901.2345", "valid_from": "2026-03-02T00:00:00+01:00",
    }  # fmt: skip
    assert [one[0] for one in found[2:]] == [4, 5, 6, 7, 8]
    assert "list" in found[2][1]
    path.write_bytes(gzip.compress(b'{"sku": 1}\n'))
    assert bodies(path) == [{"sku": "1"}]
    path.write_text('[{"sku": 1}]')
    with pytest.raises(InputError, match="on a line of its own"):
        bodies(path)


def test_parquet_columns_are_read_by_their_types(tmp_path: Path) -> None:
    """Times with and without a zone, exact decimals, structs; lists are refused where read."""
    path = tmp_path / "table.parquet"
    rows = {
        "sku": pyarrow.array(["0815", "0816", None]),
        "ean": pyarrow.array([4006381333931, None, 1], pyarrow.int64()),
        "price": pyarrow.array([Decimal("1.10"), Decimal("2.00"), None], pyarrow.decimal128(9, 2)),
        "from": pyarrow.array(
            [datetime(2026, 7, 2, 10, tzinfo=UTC), None, None], pyarrow.timestamp("ns", "UTC")
        ),
        "store": pyarrow.array([{"id": 12}, {"id": None}, None]),
        "title": pyarrow.array([None, ["a"], None], pyarrow.list_(pyarrow.string())),
    }
    parquet.write_table(pyarrow.table(rows), path)
    found = bodies(path)
    assert found[0] == {
        "sku": "0815", "gtin": "4006381333931", "price": "1.1", "location": "12",
        "valid_from": "2026-07-02T10:00:00+00:00",
    }  # fmt: skip
    assert found[1] == (2, "column 'title' is a list or another type that is no single value")
    assert found[2] == {"gtin": "1"}
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="damaged Parquet"):
        bodies(path)


FEED = """<?xml version="1.0" encoding="{0}"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>0815</g:id><title>Käse &amp; Brot</title><g:price>1.10</g:price>
<g:store g:id="12"/><g:image>a</g:image><g:image>b</g:image></item>
<!-- no item --><item><g:id>0816</g:id><title><![CDATA[<b>]]></title></item></channel></rss>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_items_of_a_feed_are_rows(tmp_path: Path, encoding: str) -> None:
    """In the encoding that the document names; attributes and nested elements are columns."""
    path = tmp_path / "feed.xml"
    path.write_bytes(FEED.format(encoding).encode(encoding))
    assert bodies(path) == [
        {"sku": "0815", "title": "Käse & Brot", "price": "1.1", "location": "12"},
        {"sku": "0816", "title": "<b>"},
    ]


def test_an_element_of_another_name_may_be_a_row(tmp_path: Path) -> None:
    """If the map says so; one that occurs several times in it is refused where it is read."""
    path = tmp_path / "feed.xml"
    path.write_text("<a><product><sku>1</sku></product><product><id>2</id><id>3</id></product></a>")
    assert bodies(path, element="product") == [
        {"sku": "1"},
        (2, "column 'id' occurs several times"),
    ]
    with pytest.raises(InputError, match="element=NAME"):
        bodies(path)


def test_text_beside_elements_is_not_half_read(tmp_path: Path) -> None:
    """Nobody knows which part is the title; what only holds elements has no text."""
    path = tmp_path / "feed.xml"
    path.write_text(
        "<rss><item><id>1</id><title>Espresso <b>Bio</b> 1 kg</title></item>"
        "<item><id>2</id><title><b>Bio</b></title><store> <id>7</id> </store></item></rss>"
    )
    (row, why), other = bodies(path)
    assert (row, "text beside elements" in why) == (1, True)
    assert other == {"sku": "2", "location": "7"}


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a><item><id>&x;</id></item></a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><item><id>1</id></item></a>',
        "<a><item><id>1</id></item>",
        "<a><item><id>" + "x" * 200_000 + "</id></item></a>",
        "<a>" + "<b>" * 60 + "</b>" * 60 + "</a>",
        "<a><item><id>1</id></item><!--" + "x" * 3_000_000 + "--></a>",
        '<a><item><id n="' + "x" * 3_000_000 + '">1</id></item></a>',
        '<?xml version="1.0" encoding="nothing"?><a/>',
        "<a><item><id>&nothing;</id></item></a>",
    ],
)
def test_feeds_that_are_no_feeds_are_refused(tmp_path: Path, content: str) -> None:
    """Entities, document types, and whatever would need endless memory."""
    path = tmp_path / "feed.xml"
    path.write_text(content)
    with pytest.raises(InputError):
        bodies(path)


def test_the_same_table_has_the_same_ids_in_every_kind(saved: Saved, tmp_path: Path) -> None:
    """A file that was saved in another form is the same to the store."""
    events = {"sku": ["0815", "0816"], "title": ["ä", "b"], "price": ["1.50", "2.50"]}
    rows = list(zip(*events.values(), strict=True))
    (tmp_path / "a.csv").write_text("".join(",".join(row) + "\n" for row in [tuple(events), *rows]))
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps(dict(zip(events, row, strict=True))) + "\n" for row in rows)
    )
    parquet.write_table(pyarrow.table(events), tmp_path / "a.parquet")
    saved(list(events), *map(list, rows)).rename(tmp_path / "a.xlsx")
    checked = checked_map(ImportMap.model_validate(MAP))
    ids = [
        [orjson.loads(one.line.content)["event_id"] for one in found.lines()]
        for found in (ImportFile(str(path), checked, REALMS) for path in sorted(tmp_path.iterdir()))
    ]
    assert len(ids) == 4
    assert all(one == ids[0] for one in ids)
