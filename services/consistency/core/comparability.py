"""Comparable books: those in which a claim can be contradicted, now or later.

Most articles of a retailer are charged at the till and mentioned on no other channel. Nothing can
contradict such a claim, so its book is not judged: the claims stay in the facts until the book
becomes comparable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from schemas.claim import Book, BookEntry, Claim, Superseded
from schemas.offer import Basis


class ComparableBooks:
    """Filters claims by book. `single` maps books with claims of one channel to that channel."""

    def __init__(self, single: Mapping[Book, str] | None = None) -> None:
        self._single = dict(single or {})
        self._comparable: set[Book] = set()

    def mark(self, books: Iterable[Book]) -> None:
        """These books are comparable and stay so."""
        self._comparable.update(books)

    def filter(self, claims: Sequence[BookEntry]) -> list[BookEntry]:
        """The claims whose book has a published claim or claims of two channels, with these.

        When a book becomes comparable, read its earlier claims from the facts. A book that lost
        claims may have incidents left, so it counts as comparable.
        """
        for claim in claims:
            if isinstance(claim, Superseded):
                self._comparable.add(claim.book)
            elif claim.book not in self._comparable:
                self._note(claim)
        return [claim for claim in claims if claim.book in self._comparable]

    def _note(self, claim: Claim) -> None:
        channel = self._single.setdefault(claim.book, claim.channel)
        if claim.basis is Basis.PUBLISHED or channel != claim.channel:
            self._comparable.add(claim.book)
            del self._single[claim.book]
