"""Lists over HTTP come in pages."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

from schemas.descriptions import Described

T = TypeVar("T")


class PageEnd(Described, BaseModel):
    """How a list goes on."""

    next: str | None
    """The `cursor` of the next page; null at the end of the list."""
    has_more: bool
    """Whether there is a next page."""


class Page(Described, BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    """The rows."""
    page: PageEnd
    """How the list goes on."""
