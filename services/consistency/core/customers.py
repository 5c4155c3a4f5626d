"""Claims about customers, apart from all others.

They are not added to a book when they arrive: a customer's book is read anew, with the claims of
all anchors of the profile, whenever a claim or the profile map says that it changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.claim import BookEntry
from schemas.identifiers import NodeId
from schemas.subject import CUSTOMER, Subject


def split_claims(claims: Iterable[BookEntry]) -> tuple[list[BookEntry], set[NodeId]]:
    """The claims about anything else, and the anchors of those about customers."""
    others: list[BookEntry] = []
    customers: dict[str, Subject] = {}  # read once, for each has many claims
    for claim in claims:
        subject = claim.book.subject
        if subject.type is CUSTOMER:
            customers[subject.key] = subject
        else:
            others.append(claim)
    return others, {subject.node for subject in customers.values()}
