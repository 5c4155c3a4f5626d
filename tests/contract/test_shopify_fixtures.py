"""The sample answers of Shopify's own client: each is mapped, or refused for a listed reason.

They are read from beside the checkout, and are no part of it; without them this test says so and
skips.
"""

from __future__ import annotations

from collections import Counter

from schemas.faults import Fault
from schemas.touchpoint import TouchpointAdapter
from services.intake.format import Refused
from services.intake.formats.shopify import touchpoints
from services.intake.shopify.payload import NOT_TAKEN, UNKNOWN
from tests.payload_sets import needs, payload_set

SET = "shopify_fixtures"
LISTED = {
    *(("topic", reason) for reason in NOT_TAKEN.values()),
    ("sku", "Shopify's message of a stock names no article number"),
}
EXPECTED = {
    "order.placed": 2, "order.status_changed": 4, "order.returned": 1, "profile.updated": 3,
    "consent.given": 1, "cart.updated": 3, "offer.published": 12, "store.published": 3,
    "refused": 29,
}  # fmt: skip


@needs(SET)
def test_every_sample_is_mapped_or_refused_for_a_listed_reason() -> None:
    """32 files; whatever is refused is so for what it is, and never as something unknown."""
    files = sorted(payload_set(SET).glob("*.json"))
    assert len(files) == 32
    types: Counter[str] = Counter()
    for file in files:
        found = touchpoints(file.read_bytes())
        assert not isinstance(found, Fault), file.name
        assert found, file.name
        for one in found:
            if isinstance(one, Refused):
                assert one.fault.message != UNKNOWN, file.name
                assert (one.fault.path, one.fault.message) in LISTED, file.name
                types["refused"] += 1
            else:
                types[TouchpointAdapter.validate_json(one).type] += 1
    assert types == EXPECTED
