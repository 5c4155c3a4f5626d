"""Lists over HTTP come in pages."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class PageEnd(BaseModel):
    """How a list goes on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    next: str | None
    """The `cursor` of the next page; null at the end of the list."""
    has_more: bool
    """Whether there is a next page."""


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    data: list[T]
    """The rows."""
    page: PageEnd
    """How the list goes on."""
