"""Cutting a stream of items into bounded parts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def bounded(
    items: Iterable[T],
    count_max: int,
    bytes_max: float = math.inf,
    size_of: Callable[[T], int] = lambda _item: 0,
    age_s: float = math.inf,
) -> Iterator[list[T]]:
    """Consecutive items, at most so many and of so many bytes together.

    An item that is larger than `bytes_max` by itself is a part of its own. A part older than
    `age_s` ends with the item that arrives next. If the source fails, the items before come first.
    """
    part: list[T] = []
    size, begun_s = 0, 0.0
    try:
        for item in items:
            length = size_of(item)
            if part and size + length > bytes_max:
                yield part
                part, size = [], 0
            begun_s = begun_s if part else time.monotonic()
            part.append(item)
            size += length
            if len(part) == count_max or time.monotonic() - begun_s > age_s:
                yield part
                part, size = [], 0
    except Exception:
        if part:
            yield part
        raise
    if part:
        yield part
