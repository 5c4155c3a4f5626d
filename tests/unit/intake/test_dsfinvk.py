"""DSFinV-K: receipts of joined tables, closings, references, and archives that are made to harm."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from services.intake.dsfinvk import archive
from services.intake.dsfinvk.export import read_archive, read_unpacked
from services.intake.dsfinvk.index import TABLES, UNREAD
from services.intake.dsfinvk.receipt import (
    BON_TYPES,
    CASH,
    DISCOUNT,
    LINES,
    PAID_BY,
    folded,
)
from services.intake.fields import NotTaken
from services.intake.format import Ignored, Refused, UnreadableFile
from services.intake.tills.receipt import SoldGoods, with_discount

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "tests/contract/file_formats/dsfinvk/two_tills"
PAGE = ROOT / "docs/formats/dsfinvk.md"
Files = dict[str, bytes]


def sample() -> Files:
    """The files of the example."""
    return {one.name: one.read_bytes() for one in sorted(SAMPLE.iterdir())}


def zipped(files: Mapping[str, bytes]) -> BinaryIO:
    """Files as an archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return io.BytesIO(made.getvalue())


def read(files: Mapping[str, bytes]) -> list[Any]:
    """What an export becomes: plain touchpoints, refusals, and what is ignored."""
    found = (part.found for part in read_archive(zipped(files)))
    return [json.loads(one) if isinstance(one, bytes) else one for one in found]


def receipts(found: list[Any]) -> dict[str, list[Any]]:
    """The touchpoints of each receipt, by its BON_ID."""
    by_id: dict[str, list[Any]] = {}
    for one in found:
        if isinstance(one, dict) and one["type"] != "till.closed":
            number = one["body"].get("return_id") or one["body"]["order_id"]
            by_id.setdefault(number.rpartition("/")[2], []).append(one)
    return by_id


def edited(name: str, change: Callable[[str], str]) -> Files:
    """The example with one table changed."""
    files = sample()
    files[name] = change(files[name].decode()).encode()
    return files


def rows(text: str) -> tuple[str, list[str]]:
    """Head and records of a table whose values hold no line breaks."""
    head, *records = text.splitlines(keepends=True)
    return head, records


def column(name: str, table: str) -> int:
    """Where a column stands."""
    return sample()[table].decode().splitlines()[0].split(";").index(name)


def with_value(text: str, bon: str, place: int, value: str) -> str:
    """A table with one value changed in the rows of one receipt."""
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=";", lineterminator="\r\n")
    for values in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
        changed = [*values[:place], value, *values[place + 1 :]]
        writer.writerow(changed if values[3] == bon else values)
    return made.getvalue()


def test_the_page_says_what_every_kind_becomes() -> None:
    """All types of receipts and business cases, and all tables that are not read."""
    page = PAGE.read_text("utf-8")
    named = {folded(one) for one in re.findall(r"`(\w+)`", page)}
    assert named >= BON_TYPES.keys()
    assert named >= {*LINES, *PAID_BY, *CASH, DISCOUNT}
    assert all(f"`{one}`" in page for one in UNREAD)
    assert len(TABLES) + len(UNREAD) == 20


def test_every_business_case_has_one_meaning() -> None:
    """None is two of a line, a discount, a way of paying and a movement of cash."""
    meanings = [set(LINES), {DISCOUNT}, set(PAID_BY), set(CASH)]
    assert sum(map(len, meanings)) == len(set().union(*meanings)) == 25


def test_the_order_of_rows_makes_no_difference() -> None:
    """Of any table: each receipt has the same lines, in the order of the export."""
    expected = {one["event_id"]: one for one in read(sample()) if isinstance(one, dict)}
    rng = random.Random(5)
    for _ in range(3):
        files = sample()
        for name in files:
            if name.endswith(".csv"):
                head, records = rows(files[name].decode())
                groups: dict[str, list[str]] = {}
                for one in records:
                    groups.setdefault(";".join(one.split(";")[:4]), []).append(one)
                keys = list(groups)
                rng.shuffle(keys)
                files[name] = (head + "".join("".join(groups[key]) for key in keys)).encode()
        found = {one["event_id"]: one for one in read(files) if isinstance(one, dict)}
        assert found == expected


def test_a_longer_export_changes_nothing_of_a_shorter_one() -> None:
    """What a closing is in an export of one day, it is in an export of many."""
    files = sample()
    for name in files:
        if name.endswith(".csv"):
            head, records = rows(files[name].decode())
            files[name] = (head + "".join(one for one in records if one.startswith("K1"))).encode()
    shorter, longer = read(files), read(sample())
    assert all(one in longer for one in shorter if isinstance(one, dict))
    assert 0 < len(shorter) < len(longer)


def test_a_closing_counts_what_arrived_and_what_was_refused() -> None:
    """Its totals are those of its sales less what came back; a receipt that was voided is in them,
    for the void is not."""
    found = read(sample())
    for till, refused in (("K1", Decimal("11.99")), ("K2", Decimal(0))):
        mine = [one for one in found if isinstance(one, dict) and one["source"]["till"] == till]
        [closed] = [one["body"] for one in mine if one["type"] == "till.closed"]
        total = refused
        for one in mine:
            if one["type"] != "till.closed" and one["body"].get("receipt_kind", "sale") == "sale":
                lines = sum(Decimal(line["total"]) for line in one["body"]["lines"])
                total += -lines if one["type"] == "order.returned" else lines
        assert Decimal(closed["gross"]) == total
        times = [one["occurred_at"] for one in mine if "receipt_kind" not in one["body"]]
        assert closed["opened_at"] == min(times)
    assert [one["body"]["receipts"] for one in found if isinstance(one, dict)
            and one["type"] == "till.closed"] == [18, 2]  # fmt: skip


def test_a_void_takes_back_the_receipt_that_it_names() -> None:
    """By its number, of the same issuer; it names nobody, and so do receipts that are no sale."""
    found = receipts(read(sample()))
    [void] = found["1005"]
    assert void["body"]["receipt_kind"] == "void"
    assert void["body"]["voids"] == found["1002"][0]["body"]["order_id"] == "K1/17/1002"
    assert void["body"]["issuer"] == found["1002"][0]["body"]["issuer"]
    kinds = {
        "1006": "training",
        "1007": "aborted",
        "1008": "void",
        "1009": "other",
        "1010": "other",
    }
    for bon, kind in kinds.items():
        [one] = found[bon]
        assert (one["body"]["receipt_kind"], one["identifiers"]) == (kind, [])
        assert "voids" not in one["body"]


def test_a_return_finds_its_sale_at_another_till() -> None:
    """Also where the till stands in another store of the export."""
    moved = edited("location.csv", lambda text: text.replace(";5;Filiale Mitte", ";5;Nord"))
    [_, back] = receipts(read(moved))["a-1"]
    assert back["source"]["store"] == "Nord"
    assert back["body"]["order_id"] == "K1/17/1001"
    assert back["body"]["issuer"] == "dsfinvk/Filiale Mitte"
    [external] = receipts(read(moved))["a-2"]
    assert "order_id" not in external["body"]


def test_a_reference_of_the_whole_receipt_is_that_of_its_returns() -> None:
    """Where the line that came back names none."""
    place = column("POS_ZEILE", "references.csv")
    [back] = receipts(
        read(edited("references.csv", lambda text: with_value(text, "1004", place, "")))
    )["1004"]
    assert back["body"]["order_id"] == "K1/17/1001"


def test_a_line_of_another_receipt_is_voided_and_did_not_come_back() -> None:
    """Nothing was sent back: it is a cancellation of that line, of the order that sold it."""
    place = column("P_STORNO", "lines.csv")
    [one] = receipts(read(edited("lines.csv", lambda text: with_value(text, "1004", place, "1"))))[
        "1001"
    ][1:]
    assert one["type"] == "order.cancelled"
    assert (one["body"]["order_id"], one["body"]["issuer"]) == (
        "K1/17/1001",
        "dsfinvk/Filiale Mitte",
    )
    assert [(line["sku"], line["total"]) for line in one["body"]["lines"]] == [("4711", "10")]


def test_walk_in_customers_are_nobody() -> None:
    """Whatever number a till gives to all of them."""
    place = column("KUNDE_NAME", "transactions.csv")
    files = edited(
        "transactions.csv", lambda text: with_value(text, "1001", place, "Laufkundschaft")
    )
    assert receipts(read(files))["1001"][0]["identifiers"] == []
    assert receipts(read(sample()))["1001"][0]["identifiers"][0]["value"] == "7001"


def test_a_void_of_several_receipts_is_refused() -> None:
    """It takes back one as a whole."""

    def twice(text: str) -> str:
        head, records = rows(text)
        [one] = [one for one in records if one.split(";")[3] == "1005"]
        return head + "".join(records) + one.replace("1002", "1003")

    found = read(edited("references.csv", twice))
    assert "REF_BON_ID" in [one.fault.path for one in found if isinstance(one, Refused)]
    assert "1005" not in receipts(found)


@pytest.mark.parametrize(
    ("table", "bon", "name", "value", "path"),
    [
        ("transactions.csv", "1002", "UMS_BRUTTO", "6,94", "UMS_BRUTTO"),
        ("transactions.csv", "1002", "BON_TYP", "AVFantasie", "BON_TYP"),
        ("transactions.csv", "1002", "BON_ENDE", "2026-02-30T10:00:00", "BON_ENDE"),
        ("lines.csv", "1002", "GV_TYP", "Fantasie", "GV_TYP"),
        ("lines.csv", "1002", "MENGE", "zwei", "MENGE"),
        ("lines.csv", "1002", "P_STORNO", "1", "lines"),
        ("lines_vat.csv", "1002", "POS_BRUTTO", "1,00", "UMS_BRUTTO"),
        ("lines_vat.csv", "1002", "POS_ZEILE", "9", "POS_BRUTTO"),
    ],
)
def test_one_value_that_is_wrong_costs_its_receipt(
    table: str, bon: str, name: str, value: str, path: str
) -> None:
    """With the rows of all its tables, and no other receipt."""
    place = column(name, table)
    before, found = read(sample()), read(edited(table, lambda t: with_value(t, bon, place, value)))
    refused = [one for one in found if isinstance(one, Refused)]
    [mine] = [one for one in refused if one.fault.path == path and b";1002;" in one.content]
    assert mine.content.count(b";1002;") >= 6
    assert b"Schmidt" not in mine.content
    others = receipts(found)
    assert others.keys() == receipts(before).keys() - {bon}
    assert all(others[key] == receipts(before)[key] for key in others)


def test_what_names_somebody_without_a_number_is_not_kept() -> None:
    """Nobody could tell whose it is; with a number it is kept with whom it names."""
    refused = [one for one in read(sample()) if isinstance(one, Refused)]
    assert [bool(one.content) for one in refused] == [False, True]
    named = json.loads(refused[1].named)["identifiers"]
    assert [(one["type"], one["value"]) for one in named] == [("customer_number", "7003")]


def test_movements_of_cash_are_counted_and_not_sent() -> None:
    """By their kinds."""
    ignored = [one.name for one in read(sample()) if isinstance(one, Ignored)]
    assert sorted(ignored) == [
        "receipt of Anfangsbestand",
        "receipt of Anzahlungseinstellung",
        "receipt of Geldtransit",
    ]


def test_rows_of_no_receipt_are_refused_with_their_number() -> None:
    """One refusal for each table."""

    def without(text: str) -> str:
        head, records = rows(text)
        return head + "".join(one for one in records if one.split(";")[3] not in ("1001", "1002"))

    refused = [one for one in read(edited("transactions.csv", without)) if isinstance(one, Refused)]
    lost = [
        one.fault.message for one in refused if not one.content and "rows of" in one.fault.message
    ]
    assert lost == [
        f"rows of {n} receipts that transactions.csv does not have" for n in (2, 2, 1, 2)
    ]


def test_columns_in_another_order_than_stated_are_refused() -> None:
    """Or a barcode would be taken for the number of an article."""

    def swapped(text: str) -> str:
        head, records = rows(text)
        return head.replace("ART_NR;GTIN", "GTIN;ART_NR") + "".join(records)

    assert "ART_NR;GTIN" in sample()["lines.csv"].decode()
    with pytest.raises(UnreadableFile, match="in another order"):
        read(edited("lines.csv", swapped))


def test_a_closing_that_stands_twice_is_one() -> None:
    """An export that was joined with itself is that export, totals of the till included."""
    files = sample()
    for name, content in files.items():
        if name.endswith(".csv"):
            head, records = rows(content.decode())
            files[name] = (head + "".join(records) * 2).encode()
    assert read(files) == read(sample())


def test_numbers_of_closings_that_begin_again_are_refused() -> None:
    """Receipts of both would have the same numbers."""

    def again(text: str) -> str:
        head, (first, *others) = rows(text)
        return head + first + first.replace("2026-03-02", "2026-05-02") + "".join(others)

    with pytest.raises(UnreadableFile, match="its numbers have begun again"):
        read(edited("cashpointclosing.csv", again))


@pytest.mark.parametrize("line", ["0", "1", "99"])
def test_a_reference_is_found_whatever_line_it_is_of(line: str) -> None:
    """A void takes back the whole receipt; what no line says, the receipt says."""
    place = column("POS_ZEILE", "references.csv")

    def of_line(bon: str) -> dict[str, list[Any]]:
        return receipts(
            read(edited("references.csv", lambda text: with_value(text, bon, place, line)))
        )

    void, back = of_line("1005"), of_line("1004")
    assert void["1005"] == receipts(read(sample()))["1005"]
    whole = edited("references.csv", lambda text: with_value(text, "1004", place, ""))
    expected = sample() if line == "1" else whole
    assert back["1004"] == receipts(read(expected))["1004"]


@pytest.mark.parametrize(("stated", "is_read"), [("true", True), ("TRUE", True), ("ja", False)])
def test_what_takes_back_says_yes_or_no(stated: str, is_read: bool) -> None:
    """A void whose word nobody knows is no sale and no return."""
    place = column("BON_STORNO", "transactions.csv")
    files = edited("transactions.csv", lambda text: with_value(text, "1005", place, stated))
    assert receipts(read(files)).get("1005") == (
        receipts(read(sample()))["1005"] if is_read else None
    )


def test_a_line_that_was_taken_back_bears_no_discount() -> None:
    """Of the receipt as a whole; the others bear it as if it had never been there."""
    files = sample()
    for name, lines in (
        ("lines.csv", ("5;;Tasse;;Umsatz;;0;0;0;4716;;;;1,000;1,000;;4,00000",
                       "6;;Tasse;;Umsatz;;0;0;1;4716;;;;-1,000;1,000;;4,00000")),
        ("lines_vat.csv", ("5;1;4,00000;3,36134;0,63866", "6;1;-4,00000;-3,36134;-0,63866")),
    ):  # fmt: skip
        files[name] += b"".join(f"K1;2026-03-02T20:05:00;17;1013;{x}\r\n".encode() for x in lines)
    storno = column("P_STORNO", "lines.csv")
    files["lines.csv"] = changed_line(
        files["lines.csv"].decode(), "1013", "6", storno, "1"
    ).encode()
    assert receipts(read(files))["1013"] == receipts(read(sample()))["1013"]


def changed_line(text: str, bon: str, line: str, place: int, value: str) -> str:
    """A table with one value of a line of a receipt changed."""
    head, records = rows(text)
    made = []
    for one in records:
        parts = one.rstrip("\r\n").split(";")
        if parts[3:5] == [bon, line]:
            parts[place] = value
            one = ";".join(parts) + "\r\n"
        made.append(one)
    return head + "".join(made)


def test_a_discount_takes_no_goods_below_nothing() -> None:
    """What is more than the goods of its rate is borne by all; more than all goods is refused."""
    rate = Decimal("0.19")
    goods = [SoldGoods(Decimal(3), Decimal(1), tax_rate=rate), SoldGoods(Decimal(20), Decimal(1))]
    found = with_discount(goods, Decimal(5), "EUR", rate)
    assert sum(one.total for one in found) == 18
    assert all(one.total >= 0 for one in found)
    with pytest.raises(NotTaken):
        with_discount(goods, Decimal(30), "EUR", rate)


def test_a_receipt_that_stands_twice_is_one_and_two_of_one_number_are_none() -> None:
    """Rows that are the same stand for one."""

    def doubled(text: str, bon: str = "1002") -> str:
        head, records = rows(text)
        return head + "".join(records) + "".join(r for r in records if r.split(";")[3] == bon)

    assert receipts(read(edited("transactions.csv", doubled))) == receipts(read(sample()))
    assert receipts(read(edited("lines_vat.csv", doubled))) == receipts(read(sample()))
    other = edited("transactions.csv", lambda text: doubled(text).replace("4,94", "5,94", 1))
    assert "1002" not in receipts(read(other))


def test_a_discount_on_the_receipt_is_borne_to_the_cent() -> None:
    """By goods of its tax rate, whatever their number is."""
    [bought] = receipts(read(sample()))["1013"]
    lines = bought["body"]["lines"]
    assert [one["discounts"][0]["amount"] for one in lines] == ["1", "0.5"]
    assert [one["unit_price"] for one in lines] == ["10", "5"]


@pytest.mark.parametrize("name", [one.name for one in TABLES])
def test_a_table_that_is_missing_is_missed(name: str) -> None:
    """An index that names it says that it was there: nothing of the export is read."""
    files = sample()
    del files[name]
    with pytest.raises(UnreadableFile, match=re.escape(name)):
        read(files)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"gdpdu-01-09-2004.dtd">', '"x" [<!ENTITY a "b">]>', "entities"),
        ("<URL>lines.csv</URL>", "<URL>../lines.csv</URL>", "lacks lines.csv"),
        ("<Name>BON_TYP</Name>", "<Name>BON</Name>", "BON_TYP"),
        ("<URL>pa.csv</URL>", "<URL>lines.csv</URL>", "twice"),
        ("</DataSet>", "", "index.xml"),
    ],
)
def test_an_index_that_says_something_else_is_refused(old: str, new: str, said: str) -> None:
    """Nothing outside the export is opened, and no entity expanded."""
    with pytest.raises(UnreadableFile, match=said):
        read(edited("index.xml", lambda text: text.replace(old, new)))


def test_a_row_of_too_few_values_refuses_the_export() -> None:
    """It was cut off, or its quotes are wrong."""
    with pytest.raises(UnreadableFile, match=r"line 3 of lines.csv"):
        read(
            edited("lines.csv", lambda text: re.sub(r"(?m)^(K1;.*;1001;1);", r"\1", text, count=1))
        )


def test_an_archive_made_to_fill_memory_is_refused() -> None:
    """By what it says of itself, before anything is unpacked."""
    files = sample() | {"lines.csv": b"0" * (archive.RATIO_BYTES_MIN + 1)}
    with pytest.raises(UnreadableFile, match="times its size"):
        read(files)
    many = sample() | {f"{place}.txt": b"" for place in range(archive.MEMBERS_MAX)}
    with pytest.raises(UnreadableFile, match="files"):
        read(many)


def test_an_archive_that_lies_about_its_sizes_is_refused() -> None:
    """What unpacks to more than it says is damaged."""
    stream = zipped(sample())
    content = bytearray(stream.read())
    at = content.index(b"PK\x01\x02")
    while (name := content[at + 46 : at + 46 + 9]) != b"lines.csv":
        at = content.index(b"PK\x01\x02", at + 1)
    assert name
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    with pytest.raises(UnreadableFile):
        list(read_archive(io.BytesIO(bytes(content))))


def test_an_export_may_lie_in_a_folder_and_is_alone() -> None:
    """Names that leave the archive are those of no table; two exports are not joined."""
    inside = {f"export/{name}": content for name, content in sample().items()}
    assert read(inside | {"../../lines.csv": b"x"}) == read(sample())
    with pytest.raises(UnreadableFile, match="several"):
        read(inside | sample())
    with pytest.raises(UnreadableFile, match="twice"):
        read(sample() | {"LINES.CSV": b"x"})


def test_a_directory_whose_table_was_cut_is_refused(tmp_path: Path) -> None:
    """An archive has check sums; of files only the end of their last line tells."""
    for name, content in sample().items():
        (tmp_path / name).write_bytes(content)
    whole = list(read_unpacked(tmp_path))
    assert [part.found for part in whole] == [part.found for part in read_archive(zipped(sample()))]
    (tmp_path / "references.csv").write_bytes(sample()["references.csv"][:-3])
    with pytest.raises(UnreadableFile, match="cut off"):
        list(read_unpacked(tmp_path))
    (tmp_path / "references.csv").unlink()
    (tmp_path / "references.csv").symlink_to("/etc/hostname")
    with pytest.raises(UnreadableFile, match="lacks"):
        list(read_unpacked(tmp_path))


def many(count: int) -> Files:
    """The example with many receipts."""
    files = sample()
    for name in ("transactions.csv", "lines.csv", "lines_vat.csv", "datapayment.csv"):
        head, records = rows(files[name].decode())
        mine = [one for one in records if one.split(";")[3] == "1002"]
        files[name] = (head + "".join(
            one.replace(";1002;", f";9{n};", 1) for n in range(count) for one in mine
        )).encode()  # fmt: skip
    for name in ("references.csv", "itemamounts.csv"):
        files[name] = rows(files[name].decode())[0].encode()
    return files


def test_memory_does_not_grow_with_the_export() -> None:
    """Four times the receipts take no more of it."""

    def peak(count: int) -> int:
        stream, found = zipped(many(count)), 0
        tracemalloc.start()
        for part in read_archive(stream):
            found += isinstance(part.found, bytes)
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == count + 2
        return taken

    assert peak(1_200) < peak(300) + 300_000


def test_a_pipe_is_kept_until_it_is_read() -> None:
    """An archive can only be read from its end; one without an end is refused."""

    class Pipe(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self._content = io.BytesIO(content)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            part = self._content.read(len(buffer))
            buffer[: len(part)] = part
            return len(part)

    stream = cast(BinaryIO, io.BufferedReader(Pipe(zipped(sample()).read())))
    assert len(list(read_archive(stream))) == len(read(sample()))
