"""Building blocks of every contract: bounded strings, exact money, zone-aware times.

Every string and list has a limit, so one event can never grow without bound. How each kind of value
is written in JSON is the business of `schemas.scalars`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from schemas.descriptions import Described
from schemas.scalars import Exact, Rfc3339, Whole, Written, YesOrNo

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _ModelType
else:
    _ModelType = type(BaseModel)


class _ContractType(_ModelType):
    """Answers `isinstance` as every class does, and not as an abstract one: nothing is registered
    as a contract, and asking for that takes several times as long."""

    __instancecheck__ = type.__instancecheck__


class Contract(Described, BaseModel, metaclass=_ContractType):
    """A frozen value. Fields unknown to the contract stay in the stored payload and are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        defer_build=True,  # most bodies are only ever validated as part of the union
    )


Code = Annotated[str, Written(100, min_length=1, strip=True)]
"""A short technical name or number (≤ 100 characters)."""
OptionalCode = Annotated[str, Written(100, strip=True)]
"""Like Code; the empty string says "not given"."""
Title = Annotated[str, Written(300, whole=False)]
"""One line a person reads (≤ 300 characters)."""
Text = Annotated[str, Written(8000, whole=False)]
"""A message, a comment, a complaint (≤ 8,000 characters)."""
Url = Annotated[str, Written(2000)]
"""Where a page is (≤ 2,000 characters)."""
Address = Annotated[str, Written(320)]
"""An e-mail address or telephone number (≤ 320 characters)."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 alphabetic code."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone, for example Europe/Berlin") from error
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""Name of an IANA time zone."""
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2 code."""
RealmName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""Name of a brand or tenant."""
ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Name of a channel."""
Money = Annotated[Decimal, Exact(15, 4, "an amount")]
"""An exact amount, at most 4 decimals; its currency is a field of its own. Never a float. With 11
digits before the point the sum of 500 lines still fits its column."""
NonNegativeMoney = Annotated[Decimal, Exact(15, 4, "an amount", least=0)]
"""An amount without a sign."""
Quantity = Annotated[Decimal, Exact(15, 4, "a quantity")]
"""Pieces, or kilograms of weighed goods; at most 4 decimals."""
Rate = Annotated[Decimal, Exact(7, 4, "a share", least=0, most=1)]
"""A share between 0 and 1."""
Percentage = Annotated[Decimal, Exact(7, 4, "a percentage", least=0)]
"""A number of hundredths: 20 is a fifth."""
Count = Annotated[int, Whole(0, 2**53 - 1)]
"""How many; a whole number."""
Flag = Annotated[bool, YesOrNo()]
"""True or false."""
Instant = Annotated[datetime, Rfc3339()]
"""RFC 3339 time with its zone."""
