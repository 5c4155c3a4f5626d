"""Comparable books: those in which a claim can be contradicted, now or later.

Most articles of a retailer are charged at the till and mentioned on no other channel. Nothing can
contradict such a claim, so its book is not judged: the claims stay in the facts until the book
becomes comparable.

The book of a GTIN may have guests (services/consistency/core/guests.py). They contradict the claims
that are its own; a book without any of those tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from schemas.claim import Book, BookEntry, Claim, Superseded
from schemas.offer import PUBLISHED
from services.consistency.core.guests import is_guest

SEVERAL = ""
"""Instead of a channel: there are two of them, or a published claim."""


class ComparableBooks:
    """Filters claims by book. `single` maps books with claims of one channel to that channel.

    Of a book only its hash is kept, a quarter of its size: should two books ever share one, both
    are judged, which is never wrong.
    """

    def __init__(self, single: Mapping[Book, str] | None = None) -> None:
        self._single: dict[int, str] = {}
        self._guests: dict[int, str] = {}
        """Books that have guests only, with their one channel, or `SEVERAL`."""
        self._comparable: set[int] = set()
        for book, channel in (single or {}).items():
            self.put_single(book, channel)

    def put_single(self, book: Book, channel: str) -> None:
        """All claims of this book are observations of one channel."""
        self._single[hash(book)] = channel

    def put_guests(self, book: Book, channel: str) -> None:
        """All claims of this book are guests: observations of one channel, or `SEVERAL`."""
        self._guests[hash(book)] = channel

    def mark(self, books: Iterable[Book]) -> None:
        """These books are comparable and stay so."""
        self._comparable.update(map(hash, books))

    def filter(self, claims: Sequence[BookEntry]) -> list[BookEntry]:
        """The claims whose book has a claim of its own, and a published claim or claims of two
        channels, with these.

        When a book becomes comparable, read its earlier claims from the facts. A book that lost
        claims may have incidents left, so it counts as comparable.
        """
        comparable, hashes = self._comparable, [hash(claim.book) for claim in claims]
        for book, claim in zip(hashes, claims, strict=True):
            if book not in comparable:
                if isinstance(claim, Superseded):
                    comparable.add(book)
                else:
                    self._note(book, claim)
        return [claim for book, claim in zip(hashes, claims, strict=True) if book in comparable]

    def _note(self, book: int, claim: Claim) -> None:
        said = SEVERAL if claim.basis is PUBLISHED else claim.channel
        known = self._single.get(book)
        if known is None:
            known = self._guests.pop(book, said) if self._guests else said
            if is_guest(claim):
                self._guests[book] = said if known == said else SEVERAL
                return
            self._single[book] = known
        if known != said or said == SEVERAL:
            self._comparable.add(book)
            del self._single[book]
