"""Claims about customers, apart from all others.

They are not added to a book when they arrive: a customer's book is read anew, with the claims of
all anchors of the profile, whenever a claim or the profile map says that it changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.claim import BookEntry
from schemas.identifiers import NodeId
from schemas.subject import SubjectType


def split_claims(claims: Iterable[BookEntry]) -> tuple[list[BookEntry], set[NodeId]]:
    """The claims about anything else, and the anchors of those about customers."""
    others: list[BookEntry] = []
    anchors: set[NodeId] = set()
    for claim in claims:
        if claim.book.subject.type is SubjectType.CUSTOMER:
            anchors.add(claim.book.subject.node)
        else:
            others.append(claim)
    return others, anchors
