"""What the page of shop systems says of each message is what becomes of it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from schemas.touchpoint import EVENT_TYPES
from services.docs.shops_page import SHOPS
from services.intake.formats import FORMATS
from services.intake.shops.message import ShopMessage, ShopReader

CONTRACTS = Path(__file__).parents[2] / "contract" / "formats"
SELDOM = {("orders", "order.returned")}
"""What no payload of the conformance suite shows: the page of the format says when it comes."""


@pytest.mark.parametrize("title", SHOPS)
def test_messages_become_what_the_page_says(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all payloads of the conformance suite: nothing else, and each of these types."""
    shop, became = SHOPS[title], defaultdict[str, set[str]](set)

    def noting(name: str, reader: ShopReader) -> ShopReader:
        def read(message: ShopMessage) -> Any:
            found = list(reader.read(message))
            became[name] |= {json.loads(one)["type"] for one in found if isinstance(one, bytes)}
            return found

        return reader._replace(read=read)

    for name, reader in list(shop.readers.items()):
        monkeypatch.setitem(shop.readers, name, noting(name, reader))
    for payload in (CONTRACTS / shop.name / "payloads.jsonl").read_bytes().splitlines():
        FORMATS[shop.name].touchpoints(payload)
    for name, reader in shop.readers.items():
        assert set(reader.becomes) <= EVENT_TYPES.keys()
        assert became[name] <= set(reader.becomes)
    kinds = {(name, one) for name, reader in shop.readers.items() for one in reader.becomes}
    shown = {(name, one) for name, types in became.items() for one in types}
    consents = {(name, one) for name, one in kinds if one.startswith("consent.")}
    assert kinds - shown - SELDOM - consents == set()
