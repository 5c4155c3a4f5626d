"""The base of all models: tolerant of what a newer service adds, and of nothing else.

Fields that this version does not know are kept, so that an answer can be passed on whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Model(BaseModel):
    """A document of the API."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )
    _headers: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Documents are equal if they say the same, whatever the headers of their answers."""
        return (
            isinstance(other, Model)
            and type(self) is type(other)
            and self.__dict__ == other.__dict__
            and self.__pydantic_extra__ == other.__pydantic_extra__
        )

    @property
    def response_headers(self) -> Mapping[str, str]:
        """Headers of the answer that was this document; none for a part of one."""
        return self._headers

    def note_headers(self, headers: Mapping[str, str]) -> None:
        """Keep the headers of the answer."""
        self._headers = headers

    def as_json(self) -> dict[str, Any]:
        """The document as JSON values."""
        return self.model_dump(mode="json")
