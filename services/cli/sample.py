"""`c360 sample`: invented customers on real till baskets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.checkout import require_checkout
from services.cli.output import print_json, print_table, progress_bar
from services.cli.state import AsJson
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from devtools.sample.builder import SampleReport

app = typer.Typer(help="Make a sample stream.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Make a sample stream."""
    require_checkout()


@app.command()
def build(
    households: Annotated[int, typer.Option(min=1, max=2469, help="How many.")] = 150,
    seed: Annotated[int, typer.Option(help="The same seed makes the same stream.")] = 1,
    out: Annotated[Path, typer.Option(help="JSON lines; .gz compresses.")] = Path("sample.jsonl"),
    truth: Annotated[Path | None, typer.Option(help="Directory for the truth files.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Other parquet files of The Complete Journey.")
    ] = None,
    insights: Annotated[
        bool, typer.Option("--insights", help="With surveys, cases and sales for measures.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build a stream of shop, app, POS and e-mail touchpoints from a year of real till baskets.

    Semi-synthetic: times, stores, products and prices are those of the data set The Complete
    Journey; people, identifiers and the planted price errors are invented. How the retailer prices
    is in a rules file beside the stream: set C360_CONSISTENCY_RULES to it before you ingest.
    """
    report = make_sample(households, seed, out, truth, data, insights=insights)
    if as_json:
        print_json(report.model_dump())
    else:
        print_report(report)


def make_sample(
    households: int,
    seed: int,
    out: Path,
    truth: Path | None,
    data: Path | None = None,
    *,
    insights: bool = False,
) -> SampleReport:
    """Build with a progress bar. Raises ConfigurationError without the optional data package."""
    try:
        # Imported late: it brings pandas and pyarrow, which no other command needs.
        from devtools.sample.builder import build_sample

        with progress_bar("sample", None) as bar:
            return build_sample(households, seed, out, truth, data, bar.set, insights=insights)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the sample needs the package {error.name}: pip install 'customer360[dev]'"
        ) from error


def print_report(report: SampleReport) -> None:
    """Print what was planted as a table."""
    rows = [{"planted": name, "count": count} for name, count in _flat(report)]
    print_table("Sample stream (semi-synthetic)", rows, ("planted", "count"))


def _flat(report: SampleReport) -> Iterator[tuple[str, object]]:
    for name, value in report.model_dump().items():
        if isinstance(value, dict):
            yield from ((f"{name}: {key}", count) for key, count in value.items())
        else:
            yield name, value
