"""`c360 import`: a retailer's table, laid under a map, as touchpoints."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from schemas.faults import fault_of
from schemas.reject import NOT_KEPT, RejectReason
from schemas.touchpoint import TouchpointAdapter
from services.cli.ingest import IngestReport
from services.cli.output import (
    OutputFailed,
    bold,
    err,
    one_line,
    out,
    print_json,
    print_line,
    print_record,
    print_table,
    progress_bar,
)
from services.cli.state import AsJson, State, state_of
from services.ingest.lines import InputError, Line
from services.ingest.stage import Result, Status
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from services.intake.tables.import_file import ImportFile, TakenRows
    from services.intake.tables.position import PositionFile
    from services.intake.tables.refused_rows import RefusedRows

DRY_VERSION = 1
ROWS_SHOWN = 10
REFUSALS_SHOWN = 5
CELL_SHOWN = 60
TEXT_DELIMITER = ";"
"""Of refused rows, if the file has none of its own."""


def import_files(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            help="CSV, TSV, Excel, JSON lines, Parquet or a product feed in XML.",
            show_default=False,
        ),
    ] = "",
    map_: Annotated[
        str,
        typer.Option("--map", metavar="MAP", help="A map that ships, or a TOML file of your own."),
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be read, with the first rows, and stop."),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An option or a constant of the map."),
    ] = None,
    errors: Annotated[
        str, typer.Option("--errors", metavar="FILE", help="Where refused rows are written.")
    ] = "",
    output: Annotated[
        str,
        typer.Option("--output", metavar="FILE", help="Write touchpoints for 'c360 publish'."),
    ] = "",
    maps: Annotated[bool, typer.Option("--maps", help="List the maps that ship.")] = False,
    show_map: Annotated[
        str, typer.Option("--show-map", metavar="NAME", help="Print a map that ships, to copy it.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read a table of customers, orders, prices or others, whose columns a map explains.

    Reading the same file again changes nothing. After an interruption run the same command again:
    it goes on where it was.
    """
    if maps or show_map:
        _show_maps(show_map, as_json)
        return
    if not file or not map_:
        raise typer.BadParameter("give a file and --map; 'c360 import --maps' lists maps")
    state = state_of(context)
    if not dry_run and not output and state.settings().clickhouse_url is not None:
        raise ConfigurationError(
            "C360_CLICKHOUSE_URL names a server, where events come in through Kafka: write them "
            "with --output FILE, and send them with 'c360 publish FILE'"
        )
    found = _opened(state, file, map_, settings or [])
    if dry_run:
        _dry_run(found, as_json)
    elif output:
        _write(found, output, errors, as_json)
    else:
        _import(state, found, errors, as_json)


def _show_maps(name: str, as_json: bool) -> None:
    from services.intake.tables.maps import READY, map_text, read_map

    if name:
        print_line(map_text(name).rstrip("\n"))
        return
    rows = [{"map": one, "what it reads": read_map(one).map.title} for one in READY]
    if as_json:
        print_json([{"map": row["map"], "title": row["what it reads"]} for row in rows])
    else:
        print_table("", rows, ("map", "what it reads"))


def _opened(state: State, file: str, map_: str, settings: Sequence[str]) -> ImportFile:
    from services.intake.tables.import_file import ImportFile
    from services.intake.tables.maps import read_map

    said = dict[str, str]()
    for one in settings:
        name, is_set, value = one.partition("=")
        if not is_set:
            raise typer.BadParameter(f"--set {one!r} has no value; write NAME=VALUE")
        said[name.strip()] = value.strip()
    checked = read_map(map_, said)
    with progress_bar("rows looked at") as bar:
        return ImportFile(file, checked, state.settings().realms, bar.advance)


def _import(state: State, found: ImportFile, errors: str, as_json: bool) -> None:
    from services.intake.tables.position import PositionFile

    data_dir = state.settings().data_dir
    positions = PositionFile(data_dir, found.file.path, found.checked.map)
    begin = positions.read()
    if begin.row and not errors:
        errors = begin.errors
    goes_on = begin.row > 0 and Path(errors).absolute() == Path(begin.errors)
    refused = _refused_rows(found, errors, begin.errors_size if goes_on else 0, goes_on=goes_on)
    if begin.row:
        err.print(f"goes on behind row {begin.row:,}, where an import before was cut off")
    with (
        state.session(create=True) as session,
        progress_bar("events", found.decided.events) as bar,
    ):
        report = IngestReport(bar)
        run = _Run(found, refused, positions, report)
        session.ingest(run.lines(begin.row), run.take)
    positions.remove()
    if as_json:
        print_json({**report.as_json(), "refused_rows": _shown(refused)})
    else:
        report.print()
        _print_refused(found, refused)
    if not begin.row:
        _require_some(report.tally.statuses[Status.REJECTED], report.tally.events, refused)


class _Run:
    """One import: which rows wait for their results, and what becomes of those refused."""

    def __init__(
        self,
        found: ImportFile,
        refused: RefusedRows,
        positions: PositionFile,
        report: IngestReport,
    ) -> None:
        self._found, self._refused = found, refused
        self._positions, self._report = positions, report
        self._waiting: deque[TakenRows] = deque()

    def lines(self, after: int) -> Iterator[Line]:
        """The events of the file behind a row."""
        for taken in self._found.lines(after):
            self._waiting.append(taken)
            yield taken.line

    def take(self, results: list[Result]) -> None:
        """Results that are durable, in the order of their lines."""
        row = 0
        for result in results:
            taken = self._waiting.popleft()
            row = taken.rows[-1].number
            # Of people who were erased or suppressed no copy is made.
            if result.status is Status.REJECTED and RejectReason(result.reason) not in NOT_KEPT:
                self._refused.add(taken.rows, _reason(result, taken.line.place))
        self._report.take(results)
        if results:
            self._positions.write(row, self._refused.path, self._refused.flush())


def _reason(result: Result, place: str) -> str:
    message = result.message.removesuffix(f"({place})").rstrip()
    return " ".join(part for part in (result.path, message or result.reason) if part)


def _refused_rows(
    found: ImportFile, errors: str, size: int = 0, *, goes_on: bool = False
) -> RefusedRows:
    from services.intake.tables.refused_rows import RefusedRows, free_name

    path = Path(errors) if errors else free_name(found.file.path)
    if errors and not goes_on and path.exists():
        raise InputError(f"{path} exists already; name another file by --errors")
    delimiter = getattr(found.table, "delimiter", TEXT_DELIMITER)
    refused = RefusedRows(
        path,
        found.layout,
        delimiter,
        found.decided.signs,
        size,
        is_padded=found.table.is_padded,
    )
    refused.require_writable()
    return refused


def _print_refused(found: ImportFile, refused: RefusedRows) -> None:
    from services.intake.tables.refused_rows import settings_of

    if not refused.size:
        return
    settings = settings_of(found.decided.signs, found.decided.orders)
    if refused.is_point_written:
        settings = ["decimals=point", *settings]
    said = "".join(f" --set {one}" for one in settings)
    out.print(
        f"{refused.rows:,} refused {'row is' if refused.rows == 1 else 'rows are'} in "
        f"{one_line(refused.path)}, each with its reason: "
        f"mend them there and import that file in the same way{said and ', with'}{said}.",
        soft_wrap=True,
    )


def _shown(refused: RefusedRows) -> dict[str, Any]:
    return {"rows": refused.rows, "file": str(refused.path) if refused.size else ""}


def _require_some(rejected: int, events: int, refused: RefusedRows) -> None:
    """Raises InputError if everything was rejected: a pipeline must not take that for success."""
    if rejected and rejected == events:
        where = f" {refused.path} has each with its reason." if refused.rows else ""
        raise InputError(f"nothing was accepted: all {events:,} events were rejected.{where}")


def _write(found: ImportFile, output: str, errors: str, as_json: bool) -> None:
    """Touchpoints as JSON lines; the file is there when it is complete."""
    path = Path(output)
    if path.exists():
        raise InputError(
            f"{one_line(output)} is there already, and is not replaced: name another file"
        )
    refused = _refused_rows(found, errors)
    beside = path.with_name(f"{path.name}.part")
    events = written = 0
    try:
        with (
            progress_bar("events", found.decided.events) as bar,
            open(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file,
        ):
            for taken in found.lines():
                events += 1
                fault = taken.line.fault
                if fault is None:
                    written += file.write(taken.line.content + b"\n") > 0
                else:
                    refused.add(taken.rows, " ".join(filter(None, (fault.path, fault.message))))
                bar.advance(1)
        beside.replace(path)
    except OSError as error:
        raise OutputFailed.of(error, output) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    refused.flush()
    if as_json:
        print_json({"version": 1, "events": events, "written": written, **_rows_of(refused)})
    else:
        out.print(f"{written:,} events written to {one_line(output)}, {events - written:,} refused")
        _print_refused(found, refused)
    _require_some(events - written, events, refused)


def _rows_of(refused: RefusedRows) -> dict[str, Any]:
    return {"refused_rows": _shown(refused)}


def _dry_run(found: ImportFile, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "row": row.number,
            "fault": row.fault,
            "fields": [_field(one) for one in found.translator.seen(row)],
        }
        for row in found.first(ROWS_SHOWN)
    ]
    with progress_bar("rows", found.decided.rows) as bar:
        checked = _Checked(found, bar.advance)
    if as_json:
        print_json(
            {
                "version": DRY_VERSION,
                "found": found.found(),
                "constants": found.checked.map.constants,
                "unused_columns": found.layout.unused,
                "rows": rows,
                **checked.as_json(),
            }
        )
        return
    print_record(found.found())
    _print_constants(found)
    _print_rows(rows)
    checked.print()


def _print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """What stands in the file on the left, what becomes of it on the right."""
    for row in rows:
        out.print()
        out.print(bold(f"row {row['row']}"))
        if row["fault"]:
            out.print(f"  refused: {one_line(row['fault'])}")
        shown = [one for one in row["fields"] if one["cell"] or one["value"] or one["fault"]]
        widths = [
            max((len(one_line(one[name])) for one in shown), default=0)
            for name in ("column", "cell", "field")
        ]
        for one in shown:
            column, cell, field = (
                one_line(one[name]).ljust(width)
                for name, width in zip(("column", "cell", "field"), widths, strict=True)
            )
            value = f"refused: {one['fault']}" if one["fault"] else one["value"]
            out.print(f"  {column}  {cell}  →  {field}  {one_line(value)}", soft_wrap=True)
    out.print()


def _print_constants(found: ImportFile) -> None:
    constants = found.checked.map.constants
    said = ", ".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else value}"
        for name, value in constants.items()
    )
    if said:
        out.print(f"in every row  {one_line(said)}", soft_wrap=True)
    if found.layout.unused:
        unused = ", ".join(map(one_line, found.layout.unused))
        out.print(f"not read      {unused}", soft_wrap=True)


def _field(seen: Any) -> dict[str, Any]:
    from services.intake.tables.table import shown

    cell = shown(seen.cell)
    return {
        "column": seen.column,
        "cell": cell if len(cell) <= CELL_SHOWN else f"{cell[:CELL_SHOWN]}…",
        "field": seen.target.name,
        "value": "" if seen.value is None else seen.value,
        "fault": seen.fault,
    }


class _Checked:
    """All events of a file, looked at as the contract does; nothing is written."""

    def __init__(self, found: ImportFile, advance: Callable[[int], None]) -> None:
        self._events = 0
        self._refused = Counter[str]()
        self._first: list[dict[str, Any]] = []
        for taken in found.lines():
            self._events += 1
            advance(len(taken.rows))
            if reason := contract_fault(taken.line):
                self._refused[reason] += 1
                if len(self._first) < REFUSALS_SHOWN:
                    self._first.append({"row": taken.rows[0].number, "reason": reason})

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self._events,
            "refused": self._refused.total(),
            "first_refused": self._first,
        }

    def print(self) -> None:
        refused = self._refused.total()
        out.print(f"{self._events:,} events, of which {refused:,} would be refused")
        for reason, count in self._refused.most_common(REFUSALS_SHOWN):
            out.print(f"  {count:>8,}  {one_line(reason)}", soft_wrap=True)
        for one in self._first:
            out.print(f"  row {one['row']}: {one_line(one['reason'])}", soft_wrap=True)
        out.print("Nothing was written. Without --dry-run it is imported.")


def contract_fault(line: Line) -> str:
    """Why an event would be refused, as far as the event itself says so."""
    fault = line.fault
    if fault is None:
        if not line.is_whole:
            return "is larger than an event may be"
        try:
            TouchpointAdapter.validate_json(line.content)
        except ValidationError as error:
            fault = fault_of(error, "type", "is no event type")
    return "" if fault is None else " ".join(filter(None, (fault.path, fault.message)))
