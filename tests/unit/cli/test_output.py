"""What commands print: whatever a value contains, a terminal and a spreadsheet take no harm."""

from __future__ import annotations

import csv
import io
import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from services.cli.app import _end
from services.cli.output import (
    bold,
    err,
    local_time,
    out,
    print_csv,
    print_json,
    print_record,
    print_table,
    visible,
)

HOSTILE = [
    "\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "\r overwritten", "a\x00b", "\u202egnp.exe",
    "\u2066x", "\u200f", "\ufeff", "\ud800", "\u206a", "so\u00adft", "\ufff9", "\U000e0041",
    "\u180e", ":bomb:", "2026-13-45T25:00:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "[bold]x[/]", "[/]", "[link=http://x]y", "\\[x]",
]  # fmt: skip


def is_harmless(text: str) -> bool:
    """Whether nothing in it moves the cursor, changes a colour, or turns the direction."""
    return all(sign == "\n" or sign.isprintable() for sign in text)


@pytest.mark.parametrize("value", HOSTILE)
def test_values_reach_no_terminal_raw(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In tables, records and lines, on both streams; what is markup for us is text in a value."""
    print_table(value, [{"a": value}], ("a",))
    print_record({"a": value, "b": {"c": [value]}, "d": [[value], [value]]})
    out.print(value)
    err.print(value)
    out.print(bold(value))
    printed = capsys.readouterr()
    assert is_harmless(printed.out)
    assert is_harmless(printed.err)
    assert printed.out.count(visible(value)) >= 5
    assert visible(value) in printed.err


@pytest.mark.parametrize("value", HOSTILE)
def test_an_error_is_told_as_it_is(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a message quotes from a file or an option is no markup."""
    with pytest.raises(SystemExit):
        _end(1, f"{value} is not known")
    assert capsys.readouterr().err == f"error: {visible(value)} is not known\n"


def test_a_line_break_in_a_value_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Or a value could pose as a field or a row of ours."""
    print_table("", [{"a": "x\nProfile y", "b": "1"}], ("a", "b"))
    print_record({"a": "x\nallowed  true"})
    lines = [one.strip() for one in capsys.readouterr().out.splitlines()]
    assert not any(one.startswith(("Profile", "allowed")) for one in lines)


@given(st.text())
def test_printable_text_stays_as_it_is(text: str) -> None:
    """Letters of every script are shown; escaping is the same when it is done twice."""
    assert visible(visible(text)) == visible(text)
    if text.isprintable():
        assert visible(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\n=1",
        "\uff1d1+1",
        "\uff20SUM(A1)",
    ],
)
def test_a_cell_is_no_formula(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A spreadsheet sees text; numbers, also phone numbers and negative amounts, stay numbers."""
    numbers = ["+4915112345678", "-17.90", "0", -3]
    print_csv([{"a": value, "b": one} for one in numbers], ("a", "b"))
    _head, *rows = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert [row[0] for row in rows] == [f"'{value}"] * 4
    assert [row[1] for row in rows] == [str(one) for one in numbers]


def test_json_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly the value, whatever it contains."""
    print_json({"a": HOSTILE[:8]})
    assert json.loads(capsys.readouterr().out) == {"a": HOSTILE[:8]}


def test_times_are_shown_in_the_zone_with_its_offset() -> None:
    """Summer and winter; what is no time stays."""
    zone = ZoneInfo("Europe/Berlin")
    assert local_time("2026-03-02T17:20:00.000Z", zone) == "2026-03-02 18:20+01:00"
    assert local_time("2026-07-02T17:20:59Z", zone) == "2026-07-02 19:20+02:00"
    assert local_time("2026-07-02T17:20 is no time", zone) == "2026-07-02T17:20 is no time"


def test_a_table_fits_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """No line is longer than 80; codes stay whole, texts wrap between words, and what has no room
    is named."""
    row = {
        "profile_id": "ef8b4ccd-a51b-1d38-a32f",
        "at": "2026-03-02T17:20:00.000Z",
        "type": "order.placed",
        "summary": "bought one item for 17.99 EUR and another one for the neighbour",
        "spare_one": "x" * 20,
    }
    print_table("Title", [row], tuple(row), spare=("spare_one", "type"))
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert row["profile_id"] in printed
    assert "2026-03-02 17:20+00:00" in printed
    assert "(no room for: spare one, type;" in printed
    words = {word for line in printed.splitlines() for word in line.split()}
    assert set(row["summary"].split()) <= words


@pytest.mark.parametrize("text", ["張偉" * 12, "👩" * 30, "é" * 50, "Ａ" * 25])
@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(
    text: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters of double width count twice. Where columns do not fit, rows become records, so that
    no code is cut into letters."""
    monkeypatch.setattr(out, "_width", width)
    code = "1b2c-3d4e-5f6a"
    row = {"id": code, "name": text, "at": "2026-03-02T17:20:00.000Z", "n": 1}
    print_table("Title", [row], tuple(row))
    printed = capsys.readouterr().out
    if width > 20:
        assert code in printed
        assert "2026-03-02 17:20+00:00" in printed
    if "name  " not in printed:  # a table: records go on where the terminal breaks them
        assert max(map(cell_len, printed.splitlines())) <= width


def test_a_record_shows_what_is_nested(capsys: pytest.CaptureFixture[str]) -> None:
    """No notation of a programming language: fields, lists with commas, nothing for nothing."""
    print_record(
        {
            "kind": "price_mismatch",
            "exposure": {"customers": 2, "overcharged": "1.20"},
            "evidence": [["e-1", "e-2"], ["e-3"]],
            "until": None,
            "since": "2026-03-02T17:20:00.000Z",
        },
        ZoneInfo("Europe/Berlin"),
    )
    printed = capsys.readouterr().out
    assert "e-1, e-2; e-3" in printed
    assert "  customers    2" in printed
    assert "2026-03-02 18:20+01:00" in printed
    assert not set("[]{}'") & set(printed)
    assert "None" not in printed
