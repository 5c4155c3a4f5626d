"""`c360 consistency coverage` as a process: text, JSON, one product, through `c360 up`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from services.api.queries.coverage import CoverageReport
from tests.e2e.runs import c360
from tests.e2e.test_incident_actions import WRONG, offer
from tests.e2e.up import running
from tests.events import event, line

COMMAND = ("consistency", "coverage")


def price_of(channel: str, terms: bytes) -> bytes:
    """A published price of another product."""
    return offer(channel, "8.40", "2026-03-02T00:00:00Z").replace(b'"sku":"4711"', terms)


LINES = b"\n".join(
    [
        WRONG,
        price_of("shop", b'"sku":"net","tax_mode":"net"'),
        price_of("app", b'"sku":"net"'),
        price_of("app", b'"sku":"net","price_list_id":"feed","price_list_edition":"7"'),
        line(
            event(
                "price_list.completed",
                channel="app",
                identifiers=[],
                occurred_at="2026-03-02T01:00:00Z",
                body={"price_list_id": "feed", "price_list_edition": "7", "offers": 12},
            )
        ),
    ]
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with a product of three channels, and one with a net and a gross price."""
    c360(tmp_path / "data", "ingest", "-", stdin=LINES)
    return tmp_path / "data"


def reported(data_dir: Path, *arguments: str) -> CoverageReport:
    """The document that is printed."""
    return CoverageReport.model_validate_json(c360(data_dir, *COMMAND, "--json", *arguments).stdout)


def test_which_prices_are_compared(data_dir: Path) -> None:
    """As text, as JSON, and through the service that holds the directory; nothing changes."""
    before = c360(data_dir, "state", "digest").stdout
    report = reported(data_dir)
    numbers = report.summary
    assert (numbers.offers, numbers.offers_compared) == (5, 3)
    assert (numbers.products, numbers.products_compared) == (2, 1)
    assert {(one.channel, one.reason, one.offers) for one in report.counts} == {
        *((channel, None, 1) for channel in ("app", "pos", "shop")),
        *((channel, "tax_mode", 1) for channel in ("app", "shop")),
    }
    text = c360(data_dir, *COMMAND).stdout
    assert "3 of 5 prices in force are compared, of 1 of 2 products" in text
    assert "one with tax, others without" in text
    [edition] = report.editions
    assert (edition.channel, edition.price_list_edition) == ("app", "7")
    assert (edition.offers, edition.received) == (12, 1)
    assert "Price lists that are not complete" in text
    assert reported(data_dir, "--channel", "shop").editions == []
    assert c360(data_dir, "state", "digest").stdout == before
    with running(data_dir) as up, closing(up.client):
        again = reported(data_dir)
    assert again.counts == report.counts


def test_why_nothing_is_reported_of_one_product(data_dir: Path) -> None:
    """Each of its prices, and the reason of each pair."""
    report = reported(data_dir, "--sku", "net")
    assert [(one.channel, one.reason, one.terms) for one in report.offers] == [
        ("app", "tax_mode", {}),
        ("shop", "tax_mode", {"tax_mode": "net"}),
    ]
    [pair] = report.offers[0].pairs
    assert (pair.channel, pair.price, pair.reason) == ("shop", "8.4000", "tax_mode")
    text = c360(data_dir, *COMMAND, "--sku", "net").stdout
    assert text.partition("Why two are not compared with each other")[2].count("tax_mode") == 1
    assert "0 of 2 prices in force are compared" in text
    assert "0 of 0 prices" in c360(data_dir, *COMMAND, "--sku", "unknown").stdout


def test_a_store_without_ticks(tmp_path: Path) -> None:
    """It says so."""
    c360(tmp_path / "data", "ingest", "-", stdin=b"")
    assert "there is no tick" in c360(tmp_path / "data", *COMMAND).stdout
