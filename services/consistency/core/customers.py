"""Claims about customers, apart from all others.

They are not added to a book when they arrive: a customer's book is read anew, with the claims of
all anchors of the profile, whenever a claim or the profile map says that it changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from schemas.claim import BookEntry
from schemas.identifiers import NodeId
from schemas.subject import CUSTOMER, Subject


def split_claims(claims: Iterable[BookEntry]) -> tuple[list[BookEntry], dict[str, set[NodeId]]]:
    """The claims about anything else, and the anchors of those about customers by kind."""
    others: list[BookEntry] = []
    customers: dict[str, dict[str, Subject]] = defaultdict(dict)  # each has many claims
    for claim in claims:
        book = claim.book
        subject = book.subject
        if subject.type is CUSTOMER:
            customers[book.kind][subject.key] = subject
        else:
            others.append(claim)
    return others, {
        kind: {subject.node for subject in named.values()} for kind, named in customers.items()
    }
