"""Closings of DSFinV-K against the receipts of the same export, by the consistency check."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident
from schemas.subject import Subject, SubjectType
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.records_mismatch import (
    KIND,
    NAME,
    Cause,
    RecordsDetails,
    RecordsRules,
    claims,
)
from services.intake.files import read_lines
from services.intake.formats import FILE_FORMATS

SAMPLE = Path(__file__).parents[2] / "contract/file_formats/dsfinvk/two_tills"


def export() -> list[Any]:
    """The touchpoints of the example."""
    found = read_lines(str(SAMPLE), FILE_FORMATS["dsfinvk"])
    return [json.loads(one.content) for one in found if one.fault is None]


def incidents(till: str, day: str, touchpoints: list[Any]) -> list[AnyIncident]:
    """What is said of a till two days later."""
    said: list[Statement] = []
    for one in map(TouchpointAdapter.validate_python, touchpoints):
        heard = Heard(one, one.occurred_at, 0, 7, "DE", "EUR", tills_close=True)
        said += [claim for claim, _ in claims(heard)]
    subject = Subject(SubjectType.SOURCE, f"Filiale Mitte/{till}/{day}")
    book = KIND.judge(Book("default", NAME, subject), RecordsRules())
    book.add(one for one in said if one.book.subject == subject)
    book.advance(max(one.occurred_at for one in said) + timedelta(days=2))
    return list(book.incidents().values())


def test_a_whole_export_agrees_with_its_closing() -> None:
    """Returns, voids and goods that a voucher paid are counted as the till counts them."""
    assert incidents("K2", "2026-03-03", export()) == []


def test_a_receipt_that_was_refused_is_missed() -> None:
    """By the total of the closing, for the till counted it."""
    [found] = incidents("K1", "2026-03-02", export())
    assert found.cause == Cause.TOTAL_DIFFERS
    details = cast(RecordsDetails, found.details)
    assert details.observed_gross is not None
    back = sum(
        Decimal(line["total"])
        for one in export()
        if one["type"] == "order.returned" and one["source"]["till"] == "K1"
        for line in one["body"]["lines"]
    )
    assert details.expected_gross - (details.observed_gross - back) == Decimal("11.99")


def test_a_receipt_that_was_lost_is_missed() -> None:
    """Though the export says nothing of it any more."""
    lost = [one for one in export() if one["body"].get("order_id") != "K2/5/a-1"]
    [found] = incidents("K2", "2026-03-03", lost)
    assert cast(RecordsDetails, found.details).expected_receipts == 2
