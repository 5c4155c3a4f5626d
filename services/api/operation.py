"""What an operation is: a name, the scope it needs, typed request and response, and a handler.

The command line calls operations in its own process, or through a running `c360 up`; HTTP routes
call them, too. An operation knows neither: its texts name no command and no path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from schemas.descriptions import Described
from schemas.instants import written
from services.api.auth import Scope
from services.api.ports import Access
from services.runtime.errors import InvalidInput

Json = dict[str, Any]
SURROGATE = re.compile("[\ud800-\udfff]")
"""Stands for a byte of the command line that is not UTF-8."""


class Request(Described, BaseModel):
    """The arguments of an operation; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="after")
    def _asks_for_times_that_are(self) -> Self:
        """Far times would overflow somewhere on the way to the store."""
        for name, value in self:
            if isinstance(value, datetime) and value.year not in YEARS:
                years = f"{YEARS.start} to {YEARS.stop - 1}"
                raise ValueError(f"{name} is not within the years {years}")
        return self

    if not TYPE_CHECKING:  # type checkers know the arguments of each request

        def __init__(self, **arguments: Any) -> None:
            """Raises InvalidInput."""
            for name, value in arguments.items():
                if isinstance(value, str) and SURROGATE.search(value):
                    raise InvalidInput(f"{name}: {value!r} is not UTF-8")
            try:
                super().__init__(**arguments)
            except ValidationError as error:
                raise _invalid(error) from error


YEARS = range(1900, 2200)
"""What a store can hold; nothing that is asked for lies beyond."""


def _invalid(error: ValidationError) -> InvalidInput:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(map(str, fault["loc"])) or "arguments"
    return InvalidInput(f"{path}: {fault['msg']}")


class RealmRequest(Request):
    """A request about one realm."""

    realm: str
    """Brand or tenant."""


class Answer(Described, BaseModel):
    """A row of a response that is no contract of its own."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        defer_build=True,
    )


In = TypeVar("In", bound=Request)
Out = TypeVar("Out", bound=BaseModel)


@dataclass(frozen=True)
class Operation(Generic[In, Out]):
    """One operation. Its rows may be many, and are computed as they are read."""

    name: str
    scope: Scope
    request: type[In]
    response: Any
    """Model of a row, or a union of models."""
    handler: Callable[[Access, In], Iterable[Out]]

    @cached_property
    def adapter(self) -> TypeAdapter[Out]:
        """Validates a row; built when it is first asked for."""
        return TypeAdapter(self.response)

    def parse(self, arguments: bytes) -> In:
        """The request in its JSON form. Raises InvalidInput."""
        try:
            return self.request.model_validate_json(arguments)
        except ValidationError as error:
            raise _invalid(error) from error

    def run(self, access: Access, request: In) -> Iterator[Out]:
        """Rows of the response. Raises as its handler does, here or while rows are read."""
        yield from self.handler(access, request)


def plain(row: BaseModel) -> Json:
    """A row as JSON values; every time in the one form of outputs."""
    found: Json = _with_times(row.model_dump(), row.model_dump(mode="json"))
    return found


def _with_times(values: Any, written_values: Any) -> Any:
    """The JSON form, but for times: pydantic writes them with none, three or six decimals."""
    if isinstance(values, datetime):
        return written(values)
    if isinstance(values, dict):
        pairs = zip(values.values(), written_values.items(), strict=True)
        return {name: _with_times(value, plain_value) for value, (name, plain_value) in pairs}
    if isinstance(values, list | tuple):
        return [_with_times(*pair) for pair in zip(values, written_values, strict=True)]
    return written_values


def part_of(document: Json, fields: Collection[str]) -> Json:
    """The fields of a document that are wanted, in its order."""
    return {name: value for name, value in document.items() if name in fields}
