"""A POSLog as a file: each of its transactions, or why it is none that counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import IDENTIFIERS_MAX
from services.intake.fields import NotTaken
from services.intake.format import FilePart, Ignored, Refused
from services.intake.poslog.document import FoundTransaction, transactions
from services.intake.poslog.transactions import (
    SYSTEM,
    names_somebody,
    persons_of,
    receipt_of,
    without_goods,
)
from services.intake.tills.receipt import fault_of, refusal_of, touchpoints_of

STAFF = re.compile(rb"""(\bOperatorName\s*=\s*)(?:"[^"]*"|'[^']*')""")
"""The name of the cashier is not kept."""
TOO_LARGE = Fault(RejectReason.TOO_LARGE, "", "a transaction may have 4 MiB and 50,000 elements")


def read_log(stream: BinaryIO) -> Iterator[FilePart]:
    """The touchpoints of a log. Raises UnreadableFile."""
    for found in transactions(stream):
        place = f"transaction {found.number}"
        if found.node is None:
            yield FilePart(place, Refused(b"", TOO_LARGE))
            continue
        if why := without_goods(found.node):
            yield FilePart(place, Ignored(why))
            continue
        fault: Fault | None = None
        parts: list[bytes] = []
        at = ""
        try:
            receipt = receipt_of(found.node, found.head)
            at = receipt.at
            parts = touchpoints_of(receipt)
        except Exception as error:
            fault = fault_of(error)
        if fault is not None:
            yield FilePart(place, _refused(found, fault, at))
        for one in parts:
            yield FilePart(place, one)


def _refused(found: FoundTransaction, fault: Fault, at: str) -> Refused:
    """As it stands in the file, but for the cashier; without its bytes if nobody can tell whom they
    name."""
    assert found.node is not None
    try:
        persons = persons_of(found.node)
    except NotTaken:
        return Refused(b"", fault)
    is_nameless = not persons and names_somebody(found.node)
    if is_nameless or len(persons) > IDENTIFIERS_MAX:
        return Refused(b"", fault)
    content = STAFF.sub(rb'\1""', found.content)
    return Refused(content, fault, refusal_of(SYSTEM, persons, at))
