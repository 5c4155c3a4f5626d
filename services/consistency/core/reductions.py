"""What is wrong with an announced reduction, given the lowest price before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from services.consistency.core.asked_prices import AskedSpan
from services.consistency.core.consumer_prices import AskedPrice
from services.consistency.core.places import Place

HUNDRED = Decimal(100)


class Cause(StrEnum):
    """What is wrong with the announcement."""

    NO_REDUCTION = "no_reduction"
    FORMER_PRICE_TOO_HIGH = "former_price_too_high"
    PERCENT_TOO_HIGH = "percent_too_high"


class WrongReduction(NamedTuple):
    """An announcement that is measured from too high a price."""

    span: AskedSpan
    cause: Cause
    began: datetime
    """When the reduction began."""
    lowest: AskedSpan


def lowest_and_latest(span: AskedSpan) -> tuple[Decimal, float]:
    """Orders spans with a price by it, of equal ones the latest first."""
    assert span.asked is not None
    return span.asked.price, -span.begin.timestamp()


def runs_of(
    findings: Iterable[WrongReduction | None],
    wider: Mapping[Place, Sequence[Sequence[WrongReduction]]],
) -> Iterator[list[WrongReduction]]:
    """What is wrong without a break, without what is wrong for a wider place already."""
    run: list[WrongReduction] = []
    for finding in findings:
        if finding is not None and not _is_known(finding, wider):
            run.append(finding)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _is_known(
    finding: WrongReduction, wider: Mapping[Place, Sequence[Sequence[WrongReduction]]]
) -> bool:
    begin = finding.span.begin
    return any(
        one.span.begin <= begin and (one.span.end is None or begin < one.span.end)
        for run in wider.get(finding.span.place, ())
        for one in run
    )


def wrong_about(asked: AskedPrice, lowest: Decimal) -> Cause | None:
    """What is wrong with an announced reduction, if this was the lowest price before."""
    if lowest <= asked.price:
        return Cause.NO_REDUCTION
    if asked.former_price is not None and asked.former_price > lowest:
        return Cause.FORMER_PRICE_TOO_HIGH
    if asked.percent is not None:
        exponent = asked.percent.normalize().as_tuple().exponent
        places = Decimal(1).scaleb(min(0, int(exponent)))
        true = (lowest - asked.price) * HUNDRED / lowest
        if asked.percent > true.quantize(places, ROUND_HALF_UP):
            return Cause.PERCENT_TOO_HIGH
    return None
