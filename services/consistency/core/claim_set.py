"""The claims of a book that count: of an event, those of its newest version only.

The set is the same in whatever order claims arrive, and however often.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.claim import Book, Claim


class ClaimSet:
    """The claims of one book. Not safe for concurrent use."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._versions: dict[str, int] = {}
        self._claims: dict[str, dict[int, Claim]] = {}
        self.changes = 0
        """How often a claim was added."""

    def __iter__(self) -> Iterator[Claim]:
        for claims in self._claims.values():
            yield from claims.values()

    def replaces(self, claim: Claim) -> bool:
        """Whether adding this one takes back claims of a lower version of its event."""
        known = self._versions.get(claim.event_id)
        return known is not None and known < claim.version

    def add(self, claim: Claim) -> bool:
        """Add a claim; whether it was new. A higher version replaces all claims of lower ones.

        Raises:
            ValueError: the claim belongs to another book.
        """
        if claim.book != self.book:
            raise ValueError(f"claim of {claim.book} in the book of {self.book}")
        known = self._versions.get(claim.event_id)
        if known is None or known < claim.version:
            self._versions[claim.event_id] = claim.version
            self._claims[claim.event_id] = {}
        elif known > claim.version or claim.ordinal in self._claims[claim.event_id]:
            return False
        self._claims[claim.event_id][claim.ordinal] = claim
        self.changes += 1
        return True
