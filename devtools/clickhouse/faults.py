"""Faults on demand, for tests: refusals, lost answers, slow answers and downtime."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class InjectedFault(BaseModel):
    """One scheduled fault, as posted to /dev/faults."""

    model_config = ConfigDict(extra="forbid")

    code: int | None = Field(default=None, ge=1)
    """The ClickHouse error to answer with."""
    status: int | None = Field(default=None, ge=400, le=599)
    """The HTTP status to answer with: that of the code, or alone as from a load balancer."""
    drop: bool = False
    """Drop the connection instead of answering."""
    when: Literal["before", "after"] = "before"
    """`before`: the statement does not run. `after`: it runs, and the answer is lost."""
    delay_s: float = Field(default=0, ge=0, le=600)
    """Wait this long before the statement runs."""
    match: str = ""
    """Only statements in which this regular expression is found."""
    count: int = Field(default=1, ge=0)
    """How often; 0 until it is cleared."""
    down_s: float = Field(default=0, ge=0, le=3600)
    """Close every connection for this long; excludes all other fields."""

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _does_something(self) -> InjectedFault:
        if not (self.code or self.status or self.drop or self.delay_s or self.down_s):
            raise ValueError("name one of code, status, drop, delay_s, down_s")
        return self

    @property
    def answers(self) -> bool:
        """Whether it replaces the answer (a mere delay does not)."""
        return bool(self.code or self.status or self.drop)

    @property
    def label(self) -> str:
        """The kind under which it is counted."""
        if self.drop:
            return "drop"
        return str(self.code or self.status) if self.answers else "delay"


class Faults:
    """The scheduled faults that remain, and a count of those injected."""

    def __init__(self) -> None:
        self._orders: list[tuple[InjectedFault, int]] = []
        self._injected: Counter[str] = Counter()
        self._down_until = 0.0

    def order(self, fault: InjectedFault) -> None:
        """Inject this from now on."""
        if fault.down_s:
            self._down_until = time.monotonic() + fault.down_s
        else:
            self._orders.append((fault, fault.count))

    def take(self, sql: str) -> list[InjectedFault]:
        """The faults for this statement: every delay that matches, and the first that answers."""
        taken: list[InjectedFault] = []
        kept: list[tuple[InjectedFault, int]] = []
        for fault, left in self._orders:
            due = re.search(fault.match, sql, re.IGNORECASE | re.DOTALL) is not None
            if due and fault.answers and any(one.answers for one in taken):
                due = False
            if due:
                taken.append(fault)
                self._injected[fault.label] += 1
            if not due or fault.count == 0 or left > 1:
                kept.append((fault, left - due))
        self._orders = kept
        return taken

    def is_down(self) -> bool:
        """Whether connections are closed at once now; counts each positive answer."""
        down = time.monotonic() < self._down_until
        self._injected["down"] += down
        return down

    def heal(self) -> None:
        """Clear the schedule; the counts stay."""
        self._orders = []
        self._down_until = 0.0

    def status(self) -> dict[str, Any]:
        """Scheduled and injected faults, for GET /dev/faults."""
        return {
            "ordered": [
                {**fault.model_dump(exclude_defaults=True), "left": left or None}
                for fault, left in self._orders
            ],
            "injected": dict(self._injected),
            "down_for_s": round(max(0.0, self._down_until - time.monotonic()), 3),
        }
