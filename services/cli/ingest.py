"""`c360 ingest`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer

from schemas.reject import ADVICE, NOT_KEPT, RejectReason
from services.cli.output import Bar, err, one_line, out, print_json, progress_bar
from services.cli.state import AsJson, state_of
from services.ingest.lines import InputError, Line
from services.ingest.measure import Tally
from services.ingest.stage import Result, Status
from services.intake.files import read_lines, require_files
from services.intake.format import FileFormat, Format
from services.intake.formats import ALL
from services.intake.formats.touchpoint import FORMAT as NATIVE

REPORT_VERSION = 1
HINTS_SHOWN = 10
REFUSALS_SHOWN = 5


class IngestReport:
    """Counts events by result."""

    def __init__(self, bar: Bar) -> None:
        self.tally = Tally()
        self.refused: list[Result] = []
        """The first ones, to be shown."""
        self.ignored: Counter[str] = Counter()
        """What says nothing of customers, by its name: no event."""
        self._bar = bar
        self._begun = time.monotonic()

    def take(self, results: list[Result]) -> None:
        """Count results that are durable."""
        self.tally.add(results)
        room = REFUSALS_SHOWN - len(self.refused)
        self.refused += [one for one in results if one.status is Status.REJECTED][:room]
        self._bar.advance(len(results))

    def as_json(self) -> dict[str, object]:
        """The documented JSON form of the report."""
        seconds, tally = time.monotonic() - self._begun, self.tally
        return {
            "version": REPORT_VERSION,
            "events": tally.events,
            **{status.value: tally.statuses[status] for status in Status},
            "rejected_by_reason": dict(sorted(tally.rejects.items())),
            "id_conflicts": tally.conflicts,
            "ignored": dict(sorted(self.ignored.items())),
            "hints": [
                {"path": path, "message": message, "events": count}
                for (path, message), count in sorted(tally.hints.items())
            ],
            "seconds": round(seconds, 3),
            "events_per_second": round(tally.events / seconds) if seconds else 0,
        }

    def print(self) -> None:
        """Print the report as text."""
        numbers, tally = self.as_json(), self.tally
        out.print(
            f"{numbers['events']:,} events in {numbers['seconds']} s "
            f"({numbers['events_per_second']:,}/s): "
            f"{tally.statuses[Status.ACCEPTED]:,} accepted, "
            f"{tally.statuses[Status.DUPLICATE]:,} duplicate, "
            f"{tally.statuses[Status.REJECTED]:,} rejected",
            soft_wrap=True,
        )
        for reason, count in tally.rejects.most_common():
            out.print(f"  {count:>8,}  {reason}: {ADVICE[RejectReason(reason)]}", soft_wrap=True)
        if tally.conflicts:
            out.print(f"  {tally.conflicts:>8,}  have a known id and another body (kept)")
        for (path, message), count in tally.hints.most_common(HINTS_SHOWN):
            out.print(
                f"  {count:>8,}  hint at {one_line(path)}: {one_line(message)}", soft_wrap=True
            )
        for name, count in self.ignored.most_common():
            out.print(f"  {count:>8,}  {one_line(name)}: ignored, says nothing of customers")
        if tally.rejects:
            out.print(_what_is_kept(tally))


def ingest(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(
            help="JSON lines or a list, or as the format has it; plain or gzip; '-' is standard "
            "input."
        ),
    ],
    format_: Annotated[
        str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(ALL)}.")
    ] = NATIVE.name,
    as_json: AsJson = False,
) -> None:
    """Read touchpoint events and update profiles and incidents.

    Reading the same events again changes nothing, so after any interruption simply run the same
    command again.
    """
    layout = ALL.get(format_)
    if layout is None:
        raise typer.BadParameter(f"{format_!r} is none of {', '.join(ALL)}")
    require_files(files, layout)
    unreadable: list[InputError] = []
    with state_of(context).session(create=True) as session, progress_bar("events") as bar:
        report = IngestReport(bar)
        session.ingest(_all_lines(files, layout, unreadable, report.ignored), report.take)
    _show_refused(report)
    if as_json:
        print_json(report.as_json())
    elif report.tally.events or not unreadable:
        report.print()
    for error in unreadable[:-1]:
        err.print(f"error: {error}", soft_wrap=True)
    if unreadable:
        raise unreadable[-1]
    _require_some(report.tally)


def _all_lines(
    files: list[str],
    layout: Format | FileFormat,
    unreadable: list[InputError],
    ignored: Counter[str],
) -> Iterator[Line]:
    """Lines of all files; one that cannot be read is noted and costs no other."""
    for name in files:
        try:
            yield from read_lines(name, layout, ignored)
        except InputError as error:
            unreadable.append(error)


def _show_refused(report: IngestReport) -> None:
    for one in report.refused:
        path = f" at '{one.path}'" if one.path else ""
        err.print(one_line(f"refused: {one.reason}{path}: {one.message}"), soft_wrap=True)
    hidden = report.tally.statuses[Status.REJECTED] - len(report.refused)
    if hidden:
        more = ": 'c360 rejected list'" if _is_kept(report.tally) else ""
        err.print(f"… and {hidden:,} more{more}")


def _is_kept(tally: Tally) -> bool:
    """Whether any of what was rejected can be looked at, and sent again."""
    return any(RejectReason(reason) not in NOT_KEPT for reason in tally.rejects)


def _what_is_kept(tally: Tally) -> str:
    bare = [reason for reason in sorted(tally.rejects) if RejectReason(reason) in NOT_KEPT]
    said = "Rejected events are kept: 'c360 rejected list'." if _is_kept(tally) else ""
    if bare:
        said += f" Of those rejected as {' or '.join(bare)} only the reason is kept."
    return said.strip()


def _require_some(tally: Tally) -> None:
    """Raises InputError if all events were rejected: a pipeline must not take that for success."""
    rejected = tally.statuses[Status.REJECTED]
    if rejected and rejected == tally.events:
        what = "the one event was" if rejected == 1 else f"all {rejected:,} events were"
        shown = ", 'c360 rejected show ID' one of them as it was sent" if _is_kept(tally) else ""
        raise InputError(
            f"nothing was accepted: {what} rejected. 'c360 rejected list' shows why{shown}."
        )
