"""The claims of a book that count: of an event, those of its newest version only.

The set is the same in whatever order claims arrive, and however often.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from operator import attrgetter

from schemas.claim import Book, Claim

ORDINAL = attrgetter("ordinal")


class ClaimSet:
    """The claims of one book. Not safe for concurrent use."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._claims: dict[str, tuple[Claim, ...]] = {}
        """By event, all of one version, by ordinal: most make one, for which a tuple is small."""
        self.changes = 0
        """How often a claim was added."""

    def __iter__(self) -> Iterator[Claim]:
        return chain.from_iterable(self._claims.values())

    def replaces(self, claim: Claim) -> bool:
        """Whether adding this one takes back claims of a lower version of its event."""
        known = self._claims.get(claim.event_id)
        return known is not None and known[0].version < claim.version

    def add(self, claim: Claim) -> bool:
        """Add a claim; whether it was new. A higher version replaces all claims of lower ones.

        Raises:
            ValueError: the claim belongs to another book.
        """
        if claim.book != self.book:
            raise ValueError(f"claim of {claim.book} in the book of {self.book}")
        known = self._claims.get(claim.event_id)
        if known is None or known[0].version < claim.version:
            self._claims[claim.event_id] = (claim,)
        elif known[0].version > claim.version:
            return False
        elif known[-1].ordinal < claim.ordinal:
            self._claims[claim.event_id] = (*known, claim)
        elif any(one.ordinal == claim.ordinal for one in known):
            return False
        else:
            by_ordinal = sorted((*known, claim), key=ORDINAL)
            self._claims[claim.event_id] = tuple(by_ordinal)
        self.changes += 1
        return True
