"""Books in which nobody could contradict anybody: one channel only, and no published price.

Most articles of a retailer are charged at the till and never spoken of elsewhere. Their claims
wait in the facts; the book is judged from the first claim that something can be compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from schemas.claim import Book, Claim
from schemas.offer import Basis


class ComparableBooks:
    """Tells the claims that matter. `alone` maps the books known to be lone to their channel."""

    def __init__(self, alone: Mapping[Book, str] | None = None) -> None:
        self._alone = dict(alone or {})
        self._judged: set[Book] = set()

    def judge(self, books: Iterable[Book]) -> None:
        """These books have something to compare and always will."""
        self._judged.update(books)

    def matter(self, claims: Sequence[Claim]) -> list[Claim]:
        """The claims of books in which prices can be compared, as of these claims.

        When a book stops being lone, its earlier claims are to be read from the facts.
        """
        for claim in claims:
            if claim.book not in self._judged:
                self._hear(claim)
        return [claim for claim in claims if claim.book in self._judged]

    def _hear(self, claim: Claim) -> None:
        channel = self._alone.setdefault(claim.book, claim.channel)
        if claim.basis is Basis.PUBLISHED or channel != claim.channel:
            self._judged.add(claim.book)
            del self._alone[claim.book]
