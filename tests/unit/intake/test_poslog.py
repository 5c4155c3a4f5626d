"""POSLog: transactions as receipts, readings of amounts, and documents that are made to harm."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from services.intake.format import Ignored, Refused, UnreadableFile
from services.intake.poslog.document import (
    DEPTH_MAX,
    NODES_MAX,
    TRANSACTION_BYTES_MAX,
    transactions,
)
from services.intake.poslog.log import read_log
from services.intake.poslog.transactions import ITEM_TYPES, STATUSES

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "tests/contract/file_formats/poslog/stores.xml"
PAGE = ROOT / "docs/formats/poslog.md"
HEAD = (
    "<BusinessUnit><UnitID>12</UnitID></BusinessUnit><WorkstationID>3</WorkstationID>"
    "<SequenceNumber>7</SequenceNumber><BusinessDayDate>2026-03-02</BusinessDayDate>"
    "<EndDateTime>2026-03-02T10:00:00Z</EndDateTime>"
)


def read(text: str | bytes) -> list[Any]:
    """What a log becomes: plain touchpoints, refusals, and what is ignored."""
    content = text.encode() if isinstance(text, str) else text
    found = (part.found for part in read_log(io.BytesIO(content)))
    return [json.loads(one) if isinstance(one, bytes) else one for one in found]


def log(retail: str, attributes: str = "", status: str = "") -> str:
    """A log of one transaction."""
    stated = f' TransactionStatus="{status}"' if status else ""
    inside = f"<RetailTransaction{stated}>{retail}</RetailTransaction>"
    return f"<POSLog><Transaction {attributes}>{HEAD}{inside}</Transaction></POSLog>"


def sale(amount: str, more: str = "", name: str = "Sale", quantity: str = "1") -> str:
    """A line."""
    return (
        f"<LineItem><{name}><ItemID>a</ItemID><ExtendedAmount>{amount}</ExtendedAmount>"
        f"<Quantity>{quantity}</Quantity>{more}</{name}></LineItem>"
    )


def total(amount: str) -> str:
    """What was to be paid."""
    return f'<Total TotalType="TransactionGrandAmount">{amount}</Total>'


def lines(text: str) -> list[Any]:
    """The lines of the one receipt of a log."""
    [found] = read(text)
    assert isinstance(found, dict), found
    return [(one["total"], one.get("unit_price")) for one in found["body"]["lines"]]


def test_the_page_lists_statuses_and_types() -> None:
    """All that are read."""
    named = {one.casefold() for one in re.findall(r"`(\w+)`", PAGE.read_text("utf-8"))}
    assert named >= STATUSES.keys() - {"", "canceled"}
    assert named >= ITEM_TYPES.keys() - {"", "stock", "item", "merchandise", "itemcollection",
                                         "weighted", "bulk"}  # fmt: skip


STATED = "<RegularSalesUnitPrice>10.00</RegularSalesUnitPrice>"
OFF = "<ExtendedDiscountAmount>2.00</ExtendedDiscountAmount>"
TAX = "<Tax><Amount>1.50</Amount><Percent>19</Percent></Tax>"
WHOLE = "<LineItem><Discount><Amount>1.00</Amount></Discount></LineItem>"


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (sale("8.00", STATED + OFF) + total("8.00"), ("8", "10")),  # after the discount
        (sale("10.00", STATED + OFF) + total("8.00"), ("8", "10")),  # before it
        (sale("8.00", STATED + OFF + TAX) + total("9.50"), ("9.5", None)),  # without the tax
        (sale("10.00", STATED + OFF + TAX) + total("9.50"), ("9.5", None)),  # before both
        (sale("10.00", STATED) + WHOLE + total("9.00"), ("9", "10")),  # a discount on the whole
        (sale("9.00", STATED) + WHOLE + total("9.00"), ("9", None)),  # that the lines have already
        (sale("10.00", STATED), ("10", "10")),  # no total
    ],
)
def test_the_reading_counts_that_makes_up_the_total(
    written: str, read_as: tuple[str, str | None]
) -> None:
    """Whichever way a vendor writes amounts; a price without the tax is none of the shelf."""
    assert lines(log(written)) == [read_as]


def test_what_makes_up_no_total_is_refused() -> None:
    """As it stands in the log, but for the name of the cashier; nothing is guessed."""
    text = log(sale("10.00") + total("12.00")).replace(
        HEAD, f'{HEAD}<OperatorID OperatorName="Erika">op</OperatorID>'
    )
    [refused] = read(text)
    assert refused.fault.path == "Total"
    inside = text.removeprefix("<POSLog>").removesuffix("</POSLog>")
    assert refused.content.decode() == inside.replace('"Erika"', '""')


@pytest.mark.parametrize("yes", ["true", "1", "YES", "y"])
def test_flags_have_known_words(yes: str) -> None:
    """As an attribute or an element, of the transaction or a line, or of what the line sells. One
    of which nobody knows whether it means yes sells nothing."""
    flag = f"<TrainingModeFlag>{yes}</TrainingModeFlag>"
    for text in (log(sale("9.00"), f'TrainingModeFlag="{yes}"'), log(flag + sale("9.00"))):
        [found] = read(text)
        assert found["body"]["receipt_kind"] == "training"
    [cancelled] = read(log(sale("9.00"), f'CancelFlag="{yes}"'))
    assert cancelled["body"]["receipt_kind"] == "aborted"
    voided = sale("5.00").replace("<Sale>", f'<Sale VoidFlag="{yes}">')
    assert lines(log(sale("9.00") + voided + total("9.00"))) == [("9", None)]
    for text in (log(sale("9.00"), 'TrainingModeFlag="perhaps"'),
                 log(sale("9.00").replace("<LineItem>", '<LineItem VoidFlag="-1">'))):  # fmt: skip
        [refused] = read(text)
        assert refused.fault.message == "must be true or false"


def test_a_transaction_for_training_may_be_one_by_its_type() -> None:
    """`TypeCode` says so where no flag does."""
    [found] = read(log(sale("9.00"), 'TypeCode="Training"'))
    assert found["body"]["receipt_kind"] == "training"


@pytest.mark.parametrize(
    "twice",
    [
        log(sale("9.00")).replace(
            "</Transaction>", f"<RetailTransaction>{sale('5')}</RetailTransaction></Transaction>"
        ),
        log(sale("9.00", "<ExtendedAmount>12</ExtendedAmount>")),
        log(sale("9.00", "<Quantity>2</Quantity>")),
    ],
)
def test_what_may_stand_once_is_not_half_read(twice: str) -> None:
    """Of two nobody knows which is meant."""
    [refused] = read(twice)
    assert refused.fault.message == "stands more than once"


def test_a_reading_to_the_cent_comes_before_one_that_is_nearly_right() -> None:
    """A discount of a cent is none of a rounding."""
    cent = "<ExtendedDiscountAmount>0.01</ExtendedDiscountAmount>"
    assert lines(log(sale("10.00", cent) + total("9.99"))) == [("9.99", None)]


def test_what_is_paid_for_nothing_that_is_read_is_refused() -> None:
    """A card that is loaded by its activation is no receipt without goods."""
    card = "<LineItem><CardActivation><Amount>50.00</Amount></CardActivation></LineItem>"
    paid = "<LineItem><Tender><Amount>50.00</Amount></Tender></LineItem>"
    [refused] = read(log(card + paid))
    assert refused.fault.path == "Total"
    [ignored] = read(log(card))
    assert isinstance(ignored, Ignored)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"), ("2026-03-29T02:30:00", "")],
)
def test_times_without_a_zone_when_clocks_change(stated: str, expected: str) -> None:
    """Of an hour that comes twice the earlier one is meant; one that never was is refused."""
    [found] = read(log(sale("9.00")).replace("2026-03-02T10:00:00Z", stated))
    if expected:
        assert found["occurred_at"] == expected
    else:
        assert found.fault.message == "is no time that exists"


def test_without_a_total_what_was_paid_is_one() -> None:
    """Less the change."""
    change = "<TenderChange><Amount>5.00</Amount></TenderChange>"
    tender = f"<LineItem><Tender><Amount>15.00</Amount>{change}</Tender></LineItem>"
    assert lines(log(sale("10.00") + tender)) == [("10", None)]
    [refused] = read(log(sale("11.00") + tender))
    assert refused.fault.path == "Total"


@pytest.mark.parametrize(
    ("attributes", "status", "kind"),
    [
        ("", "Finished", "sale"), ('TrainingModeFlag="true"', "Finished", "training"),
        ('CancelFlag="true"', "Finished", "aborted"), ("", "Suspended", "aborted"),
        ('SuspendedFlag="1"', "", "aborted"), ("", "PostVoided", "void"), ("", "Voided", "aborted"),
    ],
)  # fmt: skip
def test_only_a_finished_transaction_is_a_sale(attributes: str, status: str, kind: str) -> None:
    """Void, training and aborted ones stay what they are, and name nobody."""
    customer = "<Customer><CustomerID>7001</CustomerID></Customer>"
    [found] = read(log(sale("10.00") + customer, attributes, status))
    assert found["body"].get("receipt_kind", "sale") == kind
    assert bool(found["identifiers"]) == (kind == "sale")


def test_a_status_or_type_that_nobody_knows_is_refused() -> None:
    """Nothing tells whether something was sold."""
    paths = [
        read(text)[0].fault.path
        for text in (
            log(sale("1"), status="Dreamt"),
            log(sale("1").replace("<Sale>", '<Sale ItemType="Dragon">')),
            log(sale("1") + "<LineItem><PayIn><Amount>5</Amount></PayIn></LineItem>"),
        )
    ]
    assert paths == ["TransactionStatus", "ItemType", "LineItem"]


def test_a_return_finds_its_sale_in_another_store() -> None:
    """By the link of its line; a return of a positive amount is one, too."""
    link = (
        "<TransactionLink><RetailStoreID>99</RetailStoreID><WorkstationID>1</WorkstationID>"
        "<BusinessDayDate>2026-02-27</BusinessDayDate><SequenceNumber>5</SequenceNumber>"
        "</TransactionLink>"
    )
    for amount in ("10.00", "-10.00"):
        [back] = read(log(sale(amount, link, "Return") + total(amount)))
        assert back["type"] == "order.returned"
        assert (back["body"]["issuer"], back["body"]["order_id"]) == ("poslog/99", "1/2026-02-27/5")
        assert back["body"]["lines"][0]["total"] == "10"


def test_what_sells_nothing_is_counted() -> None:
    """By the name of its kind."""
    ignored = [one.name for one in read(SAMPLE.read_bytes()) if isinstance(one, Ignored)]
    assert ignored == ["ControlTransaction", "TenderControlTransaction"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<!DOCTYPE POSLog [<!ENTITY a "b">]><POSLog/>', "document type"),
        ('<!DOCTYPE POSLog SYSTEM "file:///etc/hostname"><POSLog/>', "document type"),
        ("<POSLog>" + "<a>" * DEPTH_MAX, "nested"),
        ("<POSLog><!--" + "x" * 1_000_000, "without an end"),
        ('<POSLog a="' + "x" * 1_000_000, "without an end"),
        ("<html></html>", "no POSLog"),
        ("<POSLog>&a;</POSLog>", "damaged"),
        ('<?xml version="1.0" encoding="utf-7"?><POSLog/>', "."),
        ("", "no XML"),
    ],
)
def test_a_document_that_may_harm_is_refused(text: str, said: str) -> None:
    """Nothing outside of it is opened, no entity expanded, nothing without an end kept."""
    with pytest.raises(UnreadableFile, match=said):
        read(text)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16", "utf-8"])
def test_a_log_says_its_encoding(encoding: str) -> None:
    """And is read in it."""
    text = log(sale("10.00", "<Description>Käse</Description>"))
    [found] = read(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding))
    assert found["body"]["lines"][0]["title"] == "Käse"


def test_a_billion_laughs_are_none() -> None:
    """Entities that stand for entities are refused with the first declaration."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    with pytest.raises(UnreadableFile, match="document type"):
        read(f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><POSLog>&a9;</POSLog>')


def test_a_transaction_without_bounds_costs_only_itself() -> None:
    """By its bytes or its elements: it is refused, and the next one is read."""
    good = log(sale("10.00")).removeprefix("<POSLog>").removesuffix("</POSLog>")
    for large in ("<a>" + "x" * (2 * TRANSACTION_BYTES_MAX) + "</a>", "<a/>" * (NODES_MAX + 1)):
        text = f"<POSLog><Transaction>{large}</Transaction>{good}</POSLog>".encode()
        tracemalloc.start()
        refused, found = read(text)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert isinstance(refused, Refused)
        assert refused.fault.reason == "too_large"
        assert found["type"] == "order.placed"
        assert peak < 4 * TRANSACTION_BYTES_MAX + len(text)


def test_memory_does_not_grow_with_the_log() -> None:
    """A transaction is let go of once it is read."""
    one = log(sale("10.00")).removeprefix("<POSLog>").removesuffix("</POSLog>").encode()

    def peak(count: int) -> int:
        stream = io.BytesIO(b"<POSLog>" + one * count + b"</POSLog>")
        tracemalloc.start()
        assert sum(1 for _ in transactions(stream)) == count
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return taken

    assert peak(4_000) < peak(1_000) + 50_000


def test_a_cut_log_gives_what_was_whole() -> None:
    """The transactions before the damage, and the error then."""
    content = SAMPLE.read_bytes()
    found: list[bytes] = []
    parts = read_log(io.BytesIO(content[: len(content) // 2]))
    with pytest.raises(UnreadableFile, match="cut off"):
        found.extend(part.found for part in parts if isinstance(part.found, bytes))
    whole = [part.found for part in read_log(io.BytesIO(content))]
    assert found
    assert all(one in whole for one in found)
