"""Cutting a stream of items into bounded parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def bounded(
    items: Iterable[T], count_max: int, bytes_max: int, size_of: Callable[[T], int]
) -> Iterator[list[T]]:
    """Consecutive items, at most so many and of so many bytes together.

    An item that is larger than `bytes_max` by itself is a part of its own.
    """
    part: list[T] = []
    size = 0
    for item in items:
        length = size_of(item)
        if part and (len(part) == count_max or size + length > bytes_max):
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    if part:
        yield part
