"""The map of a table's columns to the fields of touchpoints: one TOML file for each kind of table.

A map says what the rows of a file become. What it leaves open (encoding, delimiter, decimal comma,
order of a date) is decided from the whole file, or the file is refused. Which fields there are is
the business of the event contracts; `services.intake.tables` checks their names.
"""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator

from schemas.base import TimeZone
from schemas.descriptions import Described

MAP_BYTES_MAX = 256 * 1024
NAMES_MAX, FIELDS_MAX, VALUES_MAX = 60, 200, 2_000
FIELD = r"^[a-z][a-z0-9_]*(\.([A-Za-z0-9_-]+|\*))*$"
"""As `body.lines.*.total`: `*` is one place in a list for each row of a group."""
FieldPath = Annotated[str, Field(pattern=FIELD, max_length=200)]
ColumnName = Annotated[str, Field(min_length=1, max_length=300)]
Word = Annotated[str, Field(max_length=500)]
Scalar = StrictBool | int | Annotated[str, Field(max_length=8000)]
AUTO = "auto"


class Decimals(StrEnum):
    """What stands before the decimals of a number."""

    AUTO = "auto"
    COMMA = "comma"
    POINT = "point"


class DateOrder(StrEnum):
    """What comes first in a date such as 01/02/2026. Dates that begin with the year need none."""

    AUTO = "auto"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class ClockChange(StrEnum):
    """What becomes of a time that a clock showed twice when it was put back."""

    REFUSE = "refuse"
    EARLIER = "earlier"
    LATER = "later"


class IdenticalRows(StrEnum):
    """What rows are that say the same, where no column tells them apart."""

    ONE = "one"
    EACH = "each"


class TimeForm(StrEnum):
    """Times that are written as numbers."""

    UNIX_S = "unix_s"
    UNIX_MS = "unix_ms"
    EXCEL = "excel"
    """Days since 1899-12-30, as a spreadsheet counts them."""


class _MapPart(Described, BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ColumnSource(_MapPart):
    """Where the value of a field comes from."""

    names: Annotated[list[ColumnName], Field(min_length=1, max_length=NAMES_MAX)] = Field(
        alias="from"
    )
    """Names of columns; of several that the file has, the first that is not empty in a row counts.
    Case, blanks and punctuation of names do not matter."""
    values: Annotated[dict[Word, Scalar], Field(max_length=VALUES_MAX)] = {}
    """What the words of the file stand for, as `{ ja = true, nein = false }`; case does not matter.
    A word that is not listed is refused, unless `otherwise` says more."""
    otherwise: Scalar | None = None
    """What every other word stands for."""
    pattern: Annotated[str, Field(max_length=300)] = ""
    """A regular expression with one group: only what the group finds is read."""
    form: TimeForm | None = None
    """How a time is written that is no text."""
    end_of_day: StrictBool = False
    """A day without a time of day stands for its end, as the last day on which a price is valid."""
    only_with: Annotated[list[ColumnName], Field(max_length=NAMES_MAX)] = []
    """It is read only in rows in which one of these columns is not empty, too."""
    required: StrictBool = False
    """A row without it is refused, although the touchpoint would not need it."""

    @model_validator(mode="before")
    @classmethod
    def _may_be_names_only(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"from": [value]}
        if isinstance(value, list):
            return {"from": value}
        if isinstance(value, dict) and isinstance(value.get("from"), str):
            return {**value, "from": [value["from"]]}
        return value

    @property
    def is_listed(self) -> bool:
        """Whether its words are those of a list."""
        return bool(self.values) or self.otherwise is not None

    @field_validator("pattern")
    @classmethod
    def _has_one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        if pattern and groups != 1:
            raise ValueError("must have exactly one group")
        return pattern


class ImportMap(_MapPart):
    """What the rows of a table become."""

    version: Literal[1] = 1
    """Version of this form."""
    title: Annotated[str, Field(max_length=300)] = ""
    """What it is for, in one line."""
    type: Annotated[str, Field(max_length=100)] = ""
    """The event type of every row. Empty: `[columns]` says it."""
    time_zone: TimeZone | Literal[""] = ""
    """Zone of times that are written without one. Empty means that of the realm."""
    encoding: Annotated[str, Field(max_length=40)] = AUTO
    """Encoding of a text file, as `cp1252`; `auto` tells UTF-8, UTF-16 and Windows-1252 apart."""
    delimiter: Annotated[str, Field(max_length=4)] = AUTO
    """What separates cells: one character; `auto` finds `,`, `;`, `|` and tab."""
    sheet: Annotated[str, Field(max_length=100)] = ""
    """Sheet of a workbook; empty means the only one that is visible."""
    element: Annotated[str, Field(max_length=100)] = ""
    """Name of the XML element that is a row; empty means `item` or `entry`, as in product feeds."""
    decimals: Decimals = Decimals.AUTO
    """`comma` (12,50) or `point` (12.50); `auto` decides by the whole file."""
    dates: DateOrder = DateOrder.AUTO
    """`day_first` or `month_first`, for dates such as 01/02/2026; `auto` decides by the file."""
    two_digit_years_from: Annotated[int, Field(ge=1800, le=2100)] | None = None
    """The first of the hundred years that two digits stand for, as 1930. Without it a year of two
    digits is refused."""
    clock_change: ClockChange = ClockChange.REFUSE
    """What becomes of a time that occurred twice when clocks were put back: refused, or the
    `earlier` or `later` one."""
    identical_rows: IdenticalRows = IdenticalRows.ONE
    """Rows that say the same, and have no `event_id`: `one` event, or one for `each` row."""
    group_by: Annotated[list[FieldPath], Field(max_length=5)] = []
    """Fields that are the same in all rows of one event, as `body.order_id` of an order with a row
    for each of its lines. The rows of a group must stand together."""
    event_id: Annotated[list[FieldPath], Field(max_length=10)] = []
    """Fields from which the id of an event follows; without them it follows from all it says."""
    empty_removes: StrictBool = False
    """An empty cell of an attribute says that the customer has it no longer; else it says
    nothing."""
    no_value: Annotated[list[Word], Field(max_length=NAMES_MAX)] = []
    """Further words that say that a cell is empty, beside those that programs write."""
    total_row: Annotated[list[Word], Field(max_length=NAMES_MAX)] = [
        "total", "grand total", "sum", "summe", "gesamt", "gesamtsumme", "endsumme",
    ]  # fmt: skip
    """Words with which the last row begins if it is a total: it is then refused."""
    columns: Annotated[dict[FieldPath, ColumnSource], Field(max_length=FIELDS_MAX)]
    """The columns of each field."""
    constants: Annotated[dict[FieldPath, Scalar], Field(max_length=FIELDS_MAX)] = {}
    """Fields that are the same in every row. A column of the file that says more counts more."""

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            codec = codecs.lookup("utf-8" if name == AUTO else name)
        except (LookupError, ValueError) as error:
            raise ValueError("is no known encoding, as cp1252") from error
        if not codec._is_text_encoding:
            raise ValueError("is no encoding of text")
        return name

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, delimiter: str) -> str:
        if delimiter != AUTO and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
            raise ValueError("must be one character, as ;")
        return delimiter

    @model_validator(mode="after")
    def _says_the_type_once(self) -> Self:
        if bool(self.type) == ("type" in self.columns):
            raise ValueError("say the event type by `type`, or by a column of the field `type`")
        return self
