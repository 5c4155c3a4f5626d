"""Notations of scalar values: what JSON may write for a text, a number, a time, a yes or no.

Each notation makes both the validator and its JSON Schema, so that the two cannot differ. What is
not clearly one value is refused, with a message that says how to write it; a number is never taken
for a time, nor text for a number or a boolean. Validators run within pydantic-core: no function of
Python is called for a value that is written the usual way.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Json = dict[str, Any]
WHOLE_FLOAT_MAX = 2**53
"""Up to here a binary float holds every whole number."""
BLANK = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space of Unicode, as a class of a regular expression: what stripping removes."""
NOT_BLANK = f"[^{BLANK}]"
NO_LINE_BREAK = r"(?!\n)"
TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})$"
)
"""The look of a time; that there is such a day and hour is checked when it is read."""
_LEAP = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
EXACT_TIME = (
    rf"^(?!0000)(([0-9]{{4}}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01]))"
    rf"|([0-9]{{4}}-(0[469]|11)-(0[1-9]|[12][0-9]|30))|([0-9]{{4}}-02-(0[1-9]|1[0-9]|2[0-8]))"
    rf"|({_LEAP}-02-29))[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$"
)
"""The same with the calendar."""
NO_TIME = "must be text in RFC 3339 with a zone, such as 2026-03-02T18:20:00+01:00"


def _refusal(schema: CoreSchema, kind: str, message: str) -> CoreSchema:
    return core_schema.custom_error_schema(
        schema, custom_error_type=kind, custom_error_message=message
    )


def _numbers() -> CoreSchema:
    """Any finite number, whole ones with every digit; neither text nor boolean."""
    return core_schema.union_schema(
        [
            core_schema.int_schema(strict=True),
            core_schema.float_schema(strict=True, allow_inf_nan=False),
        ],
        mode="left_to_right",
    )


def _digits_of_any(number: int | float) -> str:
    whole = not isinstance(number, float) or (
        number.is_integer() and abs(number) <= WHOLE_FLOAT_MAX
    )
    return str(int(number)) if whole else repr(number)


def _digits_of_whole(number: int | float) -> str:
    if isinstance(number, float) and not (number.is_integer() and abs(number) <= WHOLE_FLOAT_MAX):
        raise PydanticCustomError("text", "not a whole number")
    return str(int(number))


@dataclass(frozen=True)
class Written:
    """Text of bounded length; `strip` removes blanks around it before it is measured.

    A number becomes its digits: senders write ids and postal codes as numbers. `whole` accepts only
    whole ones, because an id with a fraction, or beyond 2^53 with an exponent, has lost digits.
    With `yes_no` a boolean becomes `true` or `false`.
    """

    max_length: int
    min_length: int = 0
    strip: bool = False
    whole: bool = True
    yes_no: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(
            min_length=self.min_length or None,
            max_length=self.max_length,
            strip_whitespace=self.strip or None,
        )
        digits = core_schema.no_info_plain_validator_function(
            _digits_of_whole if self.whole else _digits_of_any
        )
        number = core_schema.chain_schema([_numbers(), digits, text])
        kinds: list[CoreSchema] = [text, number]
        if self.yes_no:
            word = core_schema.no_info_plain_validator_function(lambda yes: str(yes).lower())
            kinds.append(core_schema.chain_schema([core_schema.bool_schema(strict=True), word]))
        either = core_schema.union_schema([*kinds], mode="left_to_right")
        return _refusal(either, "text", self._message())

    def _message(self) -> str:
        least = f"{self.min_length} to " if self.min_length else "at most "
        number = "a whole number" if self.whole else "a number"
        more = " or a boolean" if self.yes_no else ""
        return f"must be text of {least}{self.max_length} characters, or {number}{more}"

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        found: Json = {"type": "string", "maxLength": self.max_length}
        if self.min_length:
            found["minLength"] = self.min_length
        if handler.mode == "serialization":
            return found
        found["type"] = ["string", "integer" if self.whole else "number"]
        if self.yes_no:
            found["type"].append("boolean")
        if self.min_length and self.strip:
            found["pattern"] = NOT_BLANK
        return found


@dataclass(frozen=True)
class Exact:
    """An exact decimal: a number, or text of plain digits with a point before its decimals.

    No exponent, no sign but minus, no separators and no blanks in text. Nothing is rounded: more
    `places` than given, zeros apart, are refused.
    """

    digits: int
    places: int
    noun: str
    least: int | None = None
    most: int | None = None

    @property
    def pattern(self) -> str:
        """The text form."""
        if (self.least, self.most) == (0, 1):
            return rf"^(0{{1,3}}([.][0-9]{{1,{self.places}}}0*)?|0{{0,2}}1([.]0+)?)$"
        sign = "-?" if self.least is None else ""
        return rf"^{sign}[0-9]{{1,{self.digits - self.places}}}([.][0-9]{{1,{self.places}}}0*)?$"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        decimal = core_schema.decimal_schema(
            max_digits=self.digits,
            decimal_places=self.places,
            ge=None if self.least is None else Decimal(self.least),
            le=None if self.most is None else Decimal(self.most),
            allow_inf_nan=False,
        )
        text = core_schema.chain_schema([core_schema.str_schema(pattern=self.pattern), decimal])
        number = core_schema.chain_schema([_numbers(), decimal])
        decimals = core_schema.chain_schema([core_schema.is_instance_schema(Decimal), decimal])
        return _refusal(
            core_schema.json_or_python_schema(
                json_schema=core_schema.union_schema([text, number], mode="left_to_right"),
                python_schema=core_schema.union_schema(
                    [decimals, text, number], mode="left_to_right"
                ),
            ),
            "decimal",
            self._message(),
        )

    def _message(self) -> str:
        bounds = "" if self.least is None else f", from {self.least}"
        bounds += "" if self.most is None else f" to {self.most}"
        return (
            f"must be {self.noun}, plain digits with a point, such as 1250.50: at most "
            f"{self.digits - self.places} digits and {self.places} decimals{bounds}"
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        text: Json = {"type": "string", "pattern": self.pattern}
        if handler.mode == "serialization":
            return text
        limit = 10 ** (self.digits - self.places)
        number: Json = {"type": "number"}
        if self.least is None:
            number["exclusiveMinimum"] = -limit
        else:
            number["minimum"] = self.least
        if self.most is None:
            number["exclusiveMaximum"] = limit
        else:
            number["maximum"] = self.most
        return {"anyOf": [number, text]}


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds, as a JSON number; `5.0` is 5. No text, no boolean."""

    least: int
    most: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        whole = core_schema.int_schema(strict=True, ge=self.least, le=self.most)
        written_as_float = core_schema.chain_schema(
            [
                core_schema.float_schema(strict=True, allow_inf_nan=False),
                core_schema.int_schema(ge=self.least, le=self.most),
            ]
        )
        return _refusal(
            core_schema.union_schema([whole, written_as_float], mode="left_to_right"),
            "whole_number",
            f"must be a whole number from {self.least} to {self.most}, not text",
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class YesOrNo:
    """`true` or `false`; no text, no number."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return _refusal(
            core_schema.bool_schema(strict=True), "boolean", "must be true or false, without quotes"
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        return {"type": "boolean"}


class Rfc3339:
    """A time of RFC 3339 with its zone, as text.

    Three notations beside it have one meaning, too, and widespread senders: a space for the `T`, no
    seconds, no colon in the zone. Nothing else is a time: no number, no date alone, no time without
    a zone. Within Python a `datetime` with a zone will do.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        look = _refusal(
            core_schema.str_schema(strict=True, pattern=TIME),
            "time",
            NO_TIME,
        )
        instant = core_schema.datetime_schema(tz_constraint="aware")
        day = _refusal(instant, "time", "there is no such day or time of day")
        text = core_schema.chain_schema([look, day])
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=_refusal(
                core_schema.union_schema(
                    [core_schema.datetime_schema(strict=True, tz_constraint="aware"), text],
                    mode="left_to_right",
                ),
                "time",
                NO_TIME,
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        # The format `date-time` would be narrower.
        return {"type": "string", "pattern": EXACT_TIME}


def end_of_text(pattern: str) -> str:
    """A pattern whose `$` is the end of the text for every dialect, not the line break before it.

    ECMA 262 means the end; Python's `re` also accepts one line break after it.
    """
    return pattern + NO_LINE_BREAK if pattern.endswith("$") else pattern
