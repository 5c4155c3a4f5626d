"""`c360 incidents simulate`: the stored claims judged under other rules, beside the present ones.

Nothing is written, so it may run beside traffic. Of many differences only samples are kept for the
text; the JSON form is printed as it comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from schemas.incident import Severity
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.simulation import INCIDENTS_SIMULATE, SimulationRequest
from services.cli.output import (
    Row,
    local_time,
    out,
    print_line,
    print_table,
    progress_bar,
)
from services.cli.state import AsJson, Realm, state_of
from services.cli.times import beginning_of
from services.consistency.core.difference import ChangeOfRules
from services.consistency.rules import consistency_rules
from services.ingest.lines import InputError, InputMissing

COUNTS = (
    "kind", "cause", "present", "simulated", "present_open", "simulated_open", "appears",
    "vanishes", "changes",
)  # fmt: skip
SAMPLES = ("incident_id", "cause", "channel", "location", "about", "present", "simulated", "since")
SPARE_OF_SAMPLES = ("incident_id", "since", "location")
NONE = "–"


def simulate(
    context: typer.Context,
    rules: Annotated[
        Path,
        typer.Argument(
            help="Rules file (TOML), as for C360_CONSISTENCY_RULES; see docs/consistency.md.",
            readable=False,
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only incidents that began since then or lasted until then: a day, or a time "
            "with its zone.",
        ),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only of these kinds, as price_mismatch.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, max=1_000, help="Examples of each kind and change.")
    ] = 3,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Judge what is stored under other rules, and compare with the present ones. Writes nothing.

    Both are judged up to the latest tick, from the same claims.
    """
    zone = state_of(context).zone(realm)
    asked = SimulationRequest(
        realm=realm,
        rules=_text_of(rules),
        kinds=tuple(kind or ()),
        since=beginning_of(since, zone) if since else None,
    )
    with state_of(context).session() as session:
        rows = _told(map(plain, session.run(INCIDENTS_SIMULATE, asked)))
        if as_json:
            _print_document(rows)
        else:
            _print_text(rows, sample, zone)


def _text_of(path: Path) -> str:
    """The text of a rules file that keeps the contract. Raises InputError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputMissing(f"cannot read rules file {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"rules file {path}: {error}") from error
    try:
        consistency_rules(path)
    except ValueError as error:
        raise InputError(str(error)) from error
    return text


def _told(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows without those of progress, which is shown on a terminal."""
    with progress_bar("books judged") as bar:
        for row in rows:
            if row["row"] == "progress":
                bar.set(row["books"])
            else:
                yield row


def _print_document(rows: Iterable[Row]) -> None:
    """One JSON document, written while the store is read."""
    lead, summary = "", Row()
    print_line('{"version":1,"changes":[')
    for row in rows:
        if row["row"] == "summary":
            summary = row
        else:
            print_line(lead + orjson.dumps(row).decode())
            lead = ","
    print_line(f'],"summary":{orjson.dumps(summary).decode()}}}')


def _print_text(rows: Iterable[Row], sample: int, zone: tzinfo) -> None:
    samples: dict[tuple[str, str], list[Row]] = defaultdict(list)
    summary = Row()
    for row in rows:
        if row["row"] == "summary":
            summary = row
            continue
        mine = samples[row["kind"], row["change"]]
        mine.append(row)
        mine.sort(key=_worst_first)
        del mine[sample:]
    _print_summary(summary, zone)
    for change in ChangeOfRules:
        for (kind, name), chosen in sorted(samples.items()):
            if name == change and chosen:
                _print_samples(f"{kind}: {change}, for example", chosen, zone)


def _worst_first(row: Row) -> tuple[int, str, str]:
    side = row["simulated"] or row["present"]
    return -Severity(side["severity"]).rank, row["since"], row["incident_id"]


def _print_summary(summary: Row, zone: tzinfo) -> None:
    if summary["as_of"] is None:
        out.print("nothing was judged yet: there is no tick")
        return
    found: Sequence[Row] = summary["by_kind"]
    print_table("Incidents under the present and the simulated rules", found, COUNTS)
    names = [str(one) for one in ChangeOfRules]
    if not any(row[name] for row in found for name in names):
        out.print("no difference")
    out.print(
        f"{summary['books']} books judged as of {local_time(summary['as_of'], zone)} "
        f"in {summary['took_s']:.1f} s",
    )


def _print_samples(title: str, rows: Iterable[Row], zone: tzinfo) -> None:
    cells = [
        {
            **row,
            "incident_id": row["incident_id"][:8],
            "cause": (row["simulated"] or row["present"])["cause"],
            "about": " ".join(str(v) for name, v in row["subject"].items() if name != "type"),
            "present": _in_words(row["present"]),
            "simulated": _in_words(row["simulated"]),
        }
        for row in rows
    ]
    print_table(title, cells, SAMPLES, zone=zone, spare=SPARE_OF_SAMPLES)


def _in_words(side: dict[str, Any] | None) -> str:
    if side is None:
        return NONE
    return f"{side['state']}, {side['severity']}: {side['in_words']}"
