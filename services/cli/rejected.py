"""`c360 rejected`: rejected events of the embedded engine or, with Kafka, the dead letters."""

from __future__ import annotations

import asyncio
import base64
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from schemas.instants import to_ms
from schemas.reject import RejectReason
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.rejected import (
    REJECTED_COUNTS,
    REJECTED_LINES,
    REJECTED_LIST,
    REJECTED_SHOW,
    NoArguments,
    RejectedBytes,
    RejectedLinesRequest,
    RejectedRequest,
    RejectRequest,
)
from services.cli.ingest import IngestReport
from services.cli.output import err, out, print_json, print_table, progress_bar, writing
from services.cli.session import Session, open_session
from services.cli.state import AsJson, state_of
from services.cli.times import instant_of
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.runtime.errors import C360Error
from services.runtime.settings import Settings
from services.stream.dead_letters import BY_OTHER_REALM

if TYPE_CHECKING:
    from services.ingest.adapters.rejected import DeadLetter, DeadLetters, Listing
    from services.intake.replay import ReplayReport

LISTED = ("reject_id", "reason", "path", "event_id", "received_at", "raw_bytes", "message")
LISTED_LETTERS = (*LISTED[:5], "source_topic", *LISTED[5:])
SPARE = ("raw_bytes", "received_at", "source_topic", "event_id", "path")
PAGE_LINES = 500
ID_CHARS_SHOWN = 8
"""A beginning is enough for 'show' and 'replay' on the embedded engine."""
rejected = typer.Typer(
    help="List, show and replay rejected events: the dead letters on Kafka if "
    "C360_KAFKA_BOOTSTRAP_SERVERS is set, otherwise those of the embedded engine.",
    no_args_is_help=True,
)
T = TypeVar("T")


class Choice(NamedTuple):
    """The selected rejected events."""

    ids: list[str]
    reason: str
    since_ms: int | None


Since = Annotated[
    datetime | None,
    typer.Option(
        parser=instant_of, metavar="TIME", help="Only those rejected at or after it, with a zone."
    ),
]


@rejected.command("list")
def list_(
    context: typer.Context,
    reason: Annotated[RejectReason | None, typer.Option(help="Only this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most rows to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Rejected events, the latest first, and their number by reason."""
    settings = state_of(context).settings()
    if settings.kafka_bootstrap_servers:
        found = _on_kafka(_latest(settings, limit, reason or ""))
        rows = [letter.as_row() for letter in found.letters]
        counts = [{"reason": name, "count": count} for name, count in found.counts.items()]
    else:
        with open_session(settings) as session:
            asked = RejectedRequest(reason=reason or "", limit=limit)
            rows = list(map(plain, session.run(REJECTED_LIST, asked)))
            counts = list(map(plain, session.run(REJECTED_COUNTS, NoArguments())))
    if as_json:
        print_json(rows)
        return
    print_table("Rejected events by reason", counts, ("reason", "count"))
    names: tuple[str, ...] = LISTED
    if settings.kafka_bootstrap_servers:
        names = LISTED_LETTERS
    else:
        rows = [{**row, "reject_id": row["reject_id"][:ID_CHARS_SHOWN]} for row in rows]
    print_table("", rows, names, zone=state_of(context).zone(DEFAULT_REALM), spare=SPARE)


@rejected.command("show")
def show(
    context: typer.Context,
    reject_ids: Annotated[
        list[str], typer.Argument(help="Ids, or their beginnings; on Kafka <partition>:<offset>.")
    ],
    as_json: AsJson = False,
) -> None:
    """Rejected events as they were sent, one to a line, with advice on standard error."""
    settings = state_of(context).settings()
    for row, content in _shown(settings, reject_ids):
        if as_json:
            print_json(row)
        else:
            _print_shown(row, content)


def _shown(settings: Settings, ids: Sequence[str]) -> Iterator[tuple[dict[str, Any], bytes]]:
    if settings.kafka_bootstrap_servers:
        for reject_id in ids:
            letter = _on_kafka(_one(settings, reject_id))
            yield letter.as_json(), letter.delivery.value or b""
        return
    with open_session(settings) as session:
        for reject_id in ids:
            shown = next(session.run(REJECTED_SHOW, RejectRequest(reject_id=reject_id)))
            asked = RejectedLinesRequest(ids=(shown.reject_id,))
            line = next(session.run(REJECTED_LINES, asked))
            yield plain(shown), base64.b64decode(line.raw_base64)


def _print_shown(row: dict[str, Any], content: bytes) -> None:
    path = f" at '{row['path']}'" if row["path"] else ""
    _tell(f"{row['reason']}{path}: {row['message']}. To do: {row['advice']}.")
    if "source_topic" in row:
        _tell(
            f"From {row['source_topic']} {row['source_partition']}:{row['source_offset']}, "
            f"received {row['received_at']}, {row['raw_bytes']:,} bytes, key {row['key']!r}"
        )
        for header in row["original_headers"]:
            _tell(f"  {header['name']}: {header['value']}")
    _print_bytes(content)


@rejected.command("replay")
def replay(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, as 'list' shows them.")] = None,
    reason: Annotated[RejectReason | None, typer.Option(help="All with this reason.")] = None,
    since: Since = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would be sent.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send rejected events again as they were, after the cause was fixed.

    On Kafka each goes back to the partition it came from, with its key and headers; on the embedded
    engine it is ingested again as by 'c360 ingest'. Replaying twice is harmless: an event counts
    once by its event_id, and records between workers may be repeated. An event that is rejected
    again is kept again. The exit code is 1 if a selected event cannot be sent.
    """
    if bool(ids) == bool(reason or since or everything):
        raise typer.BadParameter("select events: ids, or --reason and --since, or --all")
    choice = Choice(ids or [], reason or "", to_ms(since) if since else None)
    settings = state_of(context).settings()
    if settings.kafka_bootstrap_servers:
        _replay_letters(settings, choice, dry_run, as_json)
    else:
        _replay_lines(settings, choice, dry_run, as_json)


def _replay_letters(settings: Settings, choice: Choice, dry_run: bool, as_json: bool) -> None:
    from services.intake.replay import ReplayReport

    report, ended_by = ReplayReport(), None
    try:
        _on_kafka(_replay(settings, choice, dry_run, report))
    except (C360Error, KeyboardInterrupt) as caught:
        ended_by = caught
    _print_replay(report, dry_run, as_json)
    if ended_by is not None:
        if not dry_run:
            _tell(
                "Run the same command again to send the rest: sending an event twice is harmless."
            )
        raise ended_by
    if report.kept:
        raise typer.Exit(1)


async def _replay(settings: Settings, choice: Choice, dry_run: bool, report: ReplayReport) -> None:
    from services.ingest.adapters.rejected import open_dead_letters
    from services.intake.replay import replay as replay_letters
    from services.stream.producer import Producer

    producer = None if dry_run else Producer(settings)
    try:
        with progress_bar("dead letters read") as bar:
            async with open_dead_letters(settings) as letters:
                if producer is not None:
                    await producer.start()
                chosen = _chosen(letters, choice, bar.set)
                await replay_letters(
                    chosen, producer, report, lambda one: _not_sent(one.reject_id, one.why)
                )
    finally:
        if producer is not None:
            await producer.stop()


async def _chosen(
    letters: DeadLetters, choice: Choice, progress: Callable[[int, int], None]
) -> AsyncIterator[DeadLetter]:
    if choice.ids:
        found = [await letters.get(one) for one in dict.fromkeys(choice.ids)]
        for letter in found:
            yield letter
        return
    async for letter in letters.all(choice.since_ms, progress):
        if choice.reason in ("", letter.reason):
            yield letter


def _replay_lines(settings: Settings, choice: Choice, dry_run: bool, as_json: bool) -> None:
    from services.intake.replay import ReplayReport

    report = ReplayReport()
    with open_session(settings) as session, progress_bar("events") as bar:
        results = IngestReport(bar)
        for page in _pages(session, choice):
            for intake in (Intake.FILE, Intake.PUBLIC):
                rows = [row for row in page if row.is_public is (intake is Intake.PUBLIC)]
                lines = [line for row in rows if (line := _line(row, report)) is not None]
                if lines and not dry_run:
                    session.ingest(lines, results.take, intake)
                report.replayed += len(lines)
    if as_json:
        counts = {str(status): count for status, count in results.tally.statuses.items()}
        print_json(report.as_json() | {"dry_run": dry_run, "results": counts})
    else:
        _print_replay(report, dry_run, as_json)
        if not dry_run:
            results.print()
    if report.kept:
        raise typer.Exit(1)


def _pages(session: Session, choice: Choice) -> Iterator[list[RejectedBytes]]:
    """The selected lines, in bounded parts, read one after the other."""
    shown = (session.run(REJECTED_SHOW, RejectRequest(reject_id=one)) for one in choice.ids)
    ids = tuple(next(one).reject_id for one in shown)
    asked = RejectedLinesRequest(
        reason=choice.reason, since_ms=choice.since_ms or 0, ids=ids, limit=PAGE_LINES
    )
    while page := list(session.run(REJECTED_LINES, asked)):
        yield page
        asked = asked.model_copy(update={"after": page[-1].reject_id})


def _line(row: RejectedBytes, report: ReplayReport) -> Line | None:
    """A kept line as it was sent; None, and a message, if it must not or cannot be sent."""
    content = base64.b64decode(row.raw_base64)
    report.matched += 1
    if row.raw_bytes > len(content):
        why = f"only {len(content):,} of its {row.raw_bytes:,} bytes were kept; send it again from "
        why += "its source"
    elif row.reason is RejectReason.OTHER_REALM:
        why = BY_OTHER_REALM
    else:
        report.reasons[str(row.reason)] += 1
        return Line(content, len(content))
    report.kept += 1
    _not_sent(row.reject_id, why)
    return None


def _not_sent(reject_id: str, why: str) -> None:
    _tell(f"not sent: {reject_id}: {why}")


def _print_replay(report: ReplayReport, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json() | {"dry_run": dry_run})
        return
    verb = "would be sent" if dry_run else "sent again"
    out.print(f"{report.replayed:,} of {report.matched:,} rejected events {verb}")
    for name, count in (*report.topics.most_common(), *report.reasons.most_common()):
        out.print(f"  {count:>8,}  {name}")
    if report.repeated:
        out.print(f"  {report.repeated:>8,}  identical to another one, sent once")
    if report.kept:
        out.print(f"  {report.kept:>8,}  cannot be sent")


async def _latest(settings: Settings, limit: int, reason: str) -> Listing:
    from services.ingest.adapters.rejected import open_dead_letters

    with progress_bar("dead letters read") as bar:
        async with open_dead_letters(settings) as letters:
            return await letters.latest(limit, reason, bar.set)


async def _one(settings: Settings, letter_id: str) -> DeadLetter:
    from services.ingest.adapters.rejected import open_dead_letters

    async with open_dead_letters(settings) as letters:
        return await letters.get(letter_id)


def _on_kafka(work: Coroutine[Any, Any, T]) -> T:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own errors report the same
    return asyncio.run(work)


def _tell(text: str) -> None:
    err.print(text, soft_wrap=True)


def _print_bytes(content: bytes) -> None:
    """The raw bytes to a file or pipe; on a terminal, control characters are escaped."""
    if sys.stdout.isatty():
        text = content.decode("utf-8", "backslashreplace")
        out.print("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))
        return
    with writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(content + b"\n")
        sys.stdout.buffer.flush()
