"""`c360 topics`: the topic catalogue on the brokers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from services.cli.output import err, out, print_json, print_table
from services.cli.state import AsJson, state_of
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from services.stream.topics import Difference

app = typer.Typer(
    help="Create the Kafka topics, or compare them with the catalogue.", no_args_is_help=True
)
COLUMNS = ("topic", "what", "expected", "found")


@app.command()
def apply(context: typer.Context, as_json: AsJson = False) -> None:
    """Create missing topics and correct settings; exit 1 if a difference cannot be corrected.

    Partitions are never changed. May be repeated.
    """
    from services.stream.topics import apply_topics

    applied = asyncio.run(apply_topics(_settings(context)))
    if as_json:
        both = ((True, applied.changed), (False, applied.refused))
        print_json([{**one._asdict(), "changed": done} for done, some in both for one in some])
    elif applied.changed:
        _table(f"{len(applied.changed)} changes made", applied.changed)
    else:
        out.print("nothing to change")
    _refuse(applied.refused)


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """List every difference from the catalogue; exit 1 when there is any."""
    from services.stream.topics import check_topics

    found = asyncio.run(check_topics(_settings(context)))
    if as_json:
        print_json([one._asdict() for one in found])
    elif found:
        _table(f"{len(found)} differences", found)
    else:
        out.print("the topics match the catalogue")
    if found:
        raise typer.Exit(1)


def _settings(context: typer.Context) -> Settings:
    settings = state_of(context).settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own errors report the same
    return settings


def _table(title: str, differences: Sequence[Difference]) -> None:
    print_table(title, [one._asdict() for one in differences], COLUMNS)


def _refuse(refused: Sequence[Difference]) -> None:
    for one in refused:
        err.print(
            f"not changed: {one.topic} has {one.what} {one.found}, the catalogue {one.expected} "
            f"({one.advice})",
            soft_wrap=True,
        )
    if refused:
        raise typer.Exit(1)
