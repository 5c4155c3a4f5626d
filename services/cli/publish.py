"""`c360 publish`: events to the topics that the ingest workers read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.output import err, one_line, out, print_json, progress_bar
from services.cli.state import AsJson, state_of
from services.ingest.lines import InputError
from services.runtime.errors import C360Error

if TYPE_CHECKING:
    from services.ingest.lines import Line
    from services.intake.publish import PublishReport, SourceLine, TooLarge

REFUSALS_SHOWN = 100


def publish(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(help="JSON lines or a list, plain or gzip; '-' is standard input."),
    ],
    format_: Annotated[
        str,
        typer.Option("--format", metavar="NAME", help="Send what files of a format become."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Send touchpoint events to Kafka, each to the topic of its channel.

    The ingest workers validate them. Oversized lines, and what of a format becomes no event, are
    listed, and the exit code is 1.
    An event sent twice counts once, by its event_id, so after any interruption simply run the same
    command again.
    """
    from services.intake.publish import PublishReport
    from services.intake.publish import publish as publish_lines
    from services.stream.producer import Producer

    producer = Producer(state_of(context).settings())
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own errors report the same
    report, ended_by = PublishReport(), None
    # The loop runs only while a chunk is sent: reading blocks, and Ctrl-C must end that, too.
    with asyncio.Runner() as runner, progress_bar("events") as bar:
        try:
            runner.run(producer.start())
            publish_lines(
                _lines(files, format_, report),
                lambda records: runner.run(producer.send_all(records)),
                report,
                bar.advance,
                _name,
            )
        except (C360Error, KeyboardInterrupt) as caught:
            ended_by = caught
        finally:
            runner.run(producer.stop())
    _print(report, as_json)
    if ended_by is not None:
        err.print(
            f"At least {report.acknowledged:,} events were acknowledged. Run the same command "
            "again: sending an event twice is harmless, it counts once by its event_id.",
            soft_wrap=True,
        )
        raise ended_by
    if report.unreadable and report.unreadable == report.acknowledged:
        raise InputError("no line has a readable channel and event_id; is this a file of events?")
    if report.too_large or report.refused:
        raise typer.Exit(1)


def _lines(files: list[str], format_: str, report: PublishReport) -> Iterator[SourceLine]:
    """Lines of the files; of another format the touchpoints that they become."""
    from services.intake.publish import source_lines, translated_lines

    if not format_:
        return source_lines(files)
    from services.intake.formats import ALL

    layout = ALL.get(format_)
    if layout is None:
        raise typer.BadParameter(f"{format_!r} is none of {', '.join(ALL)}")

    def refused(line: Line) -> None:
        report.refused += 1
        if report.refused <= REFUSALS_SHOWN and line.fault is not None:
            fault, path = line.fault, f" at '{line.fault.path}'" if line.fault.path else ""
            text = f"not sent: {fault.reason}{path}: {fault.message} ({line.place})"
            err.print(one_line(text), soft_wrap=True)

    return translated_lines(files, layout, refused)


def _name(line: TooLarge) -> None:
    err.print(
        f"not sent: {line.file}, line {line.line}, has {line.bytes:,} bytes; {line.topic} takes "
        f"{line.bytes_max:,} with key and framing. Split the order or shorten its texts.",
        soft_wrap=True,
    )


def _print(report: PublishReport, as_json: bool) -> None:
    numbers = report.as_json()
    if as_json:
        print_json(numbers)
        return
    out.print(
        f"{report.acknowledged:,} events acknowledged in {numbers['seconds']} s "
        f"({numbers['events_per_second']:,}/s)"
    )
    for topic, count in report.topics.most_common():
        out.print(f"  {count:>10,}  {topic}")
    if report.unreadable:
        out.print(
            f"{report.unreadable:,} of them have no readable channel or event_id; they went to "
            "the topic of unlisted channels and will be dead-lettered ('c360 rejected list')."
        )
    if report.too_large:
        out.print(f"{report.too_large:,} lines are too large for their topic and were not sent.")
    if report.refused:
        out.print(f"{report.refused:,} parts of the files became no event and were not sent.")
