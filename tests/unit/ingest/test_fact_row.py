"""Rows of facts: the groups that an event has, and a batch of rows as columns."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.examples import EXAMPLES
from services.ingest.core.fact_row import COLUMNS, EMPTY_ROW, ENVELOPE, FactRow, columns_of
from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, core, event, line


def row_of(fields: dict[str, Any]) -> FactRow:
    """The row of an event that is accepted."""
    found = core().process(line(fields), RECEIVED_AT)
    assert isinstance(found, Accepted), found
    return found.row


def test_columns_have_the_value_of_each_row() -> None:
    """Of every type of event, at the place of its row; of those without the group, the empty one.

    An event that says nothing stands first and last, and between the others.
    """
    plain = row_of(event())
    rows = [plain]
    for fields in EXAMPLES.values():
        rows += [row_of(dict(fields)), plain]
    columns = columns_of(rows)
    assert set(columns) == set(COLUMNS)
    for name, column in columns.items():
        assert list(column) == [row[name] for row in rows], name


def test_a_group_that_no_row_has_makes_no_column() -> None:
    """The column of the table is empty by itself."""
    ordered = row_of(event("order.placed", body={"order_id": "o-1"}))
    columns = columns_of([row_of(event()), ordered])
    assert columns["order_id"] == ["", "o-1"]
    assert {"order_action", *ENVELOPE} <= columns.keys()
    assert not {"survey_kind", "attrs.name", "consents.action", "group_kind"} & columns.keys()


def test_a_row_of_values_by_name() -> None:
    """It has what it was made of; a group that is not whole is none."""
    made = row_of(EXAMPLES["order.placed"])
    again = FactRow.of(dict(made))
    assert again == made
    whole = {name: made[name] for name in ENVELOPE}
    part = FactRow.of({**whole, "order_id": "o-1"})
    assert part["order_id"] == EMPTY_ROW["order_id"] == ""
    assert "order_id" not in columns_of([part])


def test_a_row_has_no_other_column() -> None:
    """A wrong name is an error, not an empty value."""
    with pytest.raises(KeyError):
        row_of(event())["order"]
