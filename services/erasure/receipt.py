"""The receipt of an erasure: what was removed where, signed with a key that follows from the secret
of the node ids. It names no value; the profile id is a keyed hash.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256

import orjson
from pydantic import Field

from schemas.base import Contract
from schemas.instants import written

RECEIPT_VERSION = 1
PURPOSE = b"receipt of an erasure"


class ErasureReceipt(Contract):
    """What an erasure removed."""

    version: int = RECEIPT_VERSION
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    erasure_id: str
    """Names the erasure."""
    identifiers: int
    """How many identifiers were erased."""
    erased_at: datetime
    """No event of the person up to this time is accepted any more."""
    removed: dict[str, int]
    """Rows removed by table, repeated ones not yet merged."""
    kept_shared: int
    """Identifiers of several persons that the person had used, too. They stay, and belong to nobody
    for good."""
    kept_objections: int = 0
    """How many objections, withdrawals and complaints go on to count, for every identifier that
    was erased: kept without the events that said so."""
    kept_sales: int | None = None
    """Orders, cancellations and returns that stay without the person; empty if the erasure was not
    to keep any."""
    files_removed: bool
    """Whether the files that held the rows are gone from the store's disk, too."""
    topics: dict[str, datetime] = Field(default_factory=dict)
    """Kafka topics with records about the person that nobody can remove singly, and when Kafka has
    dropped them at the latest; none on a data directory."""
    signature: str = ""
    """HMAC-SHA-256 of the rest, in hexadecimal."""


def signed(receipt: ErasureReceipt, secret: bytes) -> ErasureReceipt:
    """The receipt with its signature."""
    return receipt.model_copy(update={"signature": _signature(receipt, secret)})


def is_genuine(receipt: ErasureReceipt, secret: bytes) -> bool:
    """Whether this service signed it, and nobody changed it since."""
    return hmac.compare_digest(receipt.signature, _signature(receipt, secret))


def _signature(receipt: ErasureReceipt, secret: bytes) -> str:
    plain = receipt.model_dump(
        mode="json", exclude={"signature", "erased_at", "topics", "kept_sales"}
    )
    plain["erased_at"] = written(receipt.erased_at)
    if not receipt.kept_objections:  # a receipt of before there were any is as genuine
        del plain["kept_objections"]
    if receipt.topics:  # the same
        plain["topics"] = {name: written(until) for name, until in receipt.topics.items()}
    if receipt.kept_sales is not None:
        plain["kept_sales"] = receipt.kept_sales
    key = hmac.digest(secret, PURPOSE, sha256)
    text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return hmac.new(key, text, sha256).hexdigest()
