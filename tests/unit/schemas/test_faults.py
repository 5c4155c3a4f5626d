"""The first fault of a document: reason, field and words, and never a value."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.faults import fault_of, path_of
from schemas.records import OfferRecordAdapter
from schemas.reject import RejectReason


@pytest.mark.parametrize(
    ("document", "reason", "path"),
    [
        (b"{", RejectReason.NOT_JSON, ""),
        (b'{"kind":"rumour"}', RejectReason.UNKNOWN_TYPE, "kind"),
        (b'{"realm":"default"}', RejectReason.INVALID_FIELD, "kind"),
        (b'{"kind":"tick","realm":"default"}', RejectReason.INVALID_FIELD, "reached_at"),
        (b'{"kind":"claims","realm":"default","claims":[{}]}', RejectReason.INVALID_FIELD,
         "claims.0.market"),
    ],
)  # fmt: skip
def test_the_first_fault(document: bytes, reason: RejectReason, path: str) -> None:
    """Whatever is wrong, it has a reason of the closed set and leads to its field."""
    with pytest.raises(ValidationError) as raised:
        OfferRecordAdapter.validate_json(document)
    fault = fault_of(raised.value, "kind", "no such kind of record")
    assert (fault.reason, fault.path) == (reason, path)
    assert fault.message


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        (("body", "lines", 0, "total"), "body.lines.0.total"),
        (("body", "attributes", "preference.colour"), "body.attributes.preference.colour"),
        (("body", "attributes", "anna@example.com"), "body.attributes"),
        (("body", "attributes", "Anna Berg", "[key]"), "body.attributes"),
        (("body", "attributes", "a" * 65, "[key]"), "body.attributes"),
        ((), ""),
    ],
)
def test_a_path_names_fields_alone(steps: tuple[int | str, ...], path: str) -> None:
    """A key that a sender made up may be personal: the path ends before it."""
    assert path_of(steps) == path
