"""`c360 consistency coverage`: which offers are never compared with any other, and why.

Nothing is written, so it may run beside traffic.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import tzinfo
from typing import Annotated

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.coverage import CONSISTENCY_COVERAGE, CoverageRequest
from services.cli.output import Row, local_time, out, print_json, print_table, progress_bar
from services.cli.state import AsJson, Realm, state_of
from services.consistency.core.coverage import CoverageReason

OFFERS = ("market", "channel", "location", "price", "currency", "terms", "basis", "since",
          "compared with", "why not")  # fmt: skip
SPARE_OF_OFFERS = ("since", "basis", "market", "terms")
PAIRS = ("channel", "location", "other", "at", "price", "currency", "why not")
COUNTS = ("channel", "location", "offers", "why not", "products")
EDITIONS = (
    "channel", "price_list_id", "price_list_edition", "offers", "received", "completed_at",
)  # fmt: skip
PLACES_MAX = 30
IN_WORDS = {
    CoverageReason.WITHDRAWN: "the channel took it back (discontinued)",
    CoverageReason.ENDED: "its validity has ended",
    CoverageReason.EXPIRED: "not repeated for published_max_age_days",
    CoverageReason.NOT_YET_VALID: "valid later only",
    CoverageReason.SEEN_LONG_AGO: "only observed, and not for max_age_hours",
    CoverageReason.THIRD_PARTY: "a third party's price",
    CoverageReason.KIND_OF_SALE: "another kind of sale (clearance, short-dated, personal …)",
    CoverageReason.UNCLEAR_PACK: "names no pack or variant, and several fit",
    CoverageReason.ALONE: "no other channel has a price of the product",
    CoverageReason.MARKET: "others have it in another market only",
    CoverageReason.CURRENCY: "others have it in another currency only",
    CoverageReason.TAX_MODE: "one with tax, others without",
    CoverageReason.UNIT: "priced by another unit",
    CoverageReason.PACK: "another pack",
    CoverageReason.VARIANT: "another variant",
    CoverageReason.CONDITION: "another condition",
    CoverageReason.CUSTOMER_GROUP: "for another customer group",
    CoverageReason.OTHER_PLACE: "others have prices for other places only",
    CoverageReason.PLACES_MAY_DIFFER: "locations_may_differ: not held to the whole chain",
    CoverageReason.CHANNELS_MAY_DIFFER: "may_differ: the channels are never compared",
    CoverageReason.OUTDATED: "without an end, for max_age_without_end_days",
    CoverageReason.FEW_OBSERVATIONS: "observed less often than evidence_min_observations",
    CoverageReason.OTHER_MEASURE: "the price list has a price of its own for the place",
}
"""What each reason says to people."""
app = typer.Typer(help="Look at what is compared with what.", no_args_is_help=True)


@app.callback()
def consistency() -> None:
    """Look at what is compared with what."""


@app.command()
def coverage(
    context: typer.Context,
    sku: Annotated[
        str, typer.Option(help="Only of this product: each of its prices with all others.")
    ] = "",
    channel: Annotated[str, typer.Option(help="Only of this channel.")] = "",
    location: Annotated[str, typer.Option(help="Only at this store, or at zone:NAME.")] = "",
    sample: Annotated[int, typer.Option(min=0, max=100, help="Products named for each count.")] = 3,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Which prices are compared with another, and why the others are not. Writes nothing.

    As of the latest tick, under the present rules. See docs/consistency.md, "Why nothing is
    reported".
    """
    asked = CoverageRequest(realm=realm, sku=sku, channel=channel, location=location, sample=sample)
    rows: dict[str, list[Row]] = defaultdict(list)
    with state_of(context).session() as session, progress_bar("products read") as bar:
        for row in map(plain, session.run(CONSISTENCY_COVERAGE, asked)):
            if row["row"] == "progress":
                bar.set(row["products"])
            else:
                rows[row["row"]].append(row)
    [summary] = rows["summary"]
    if as_json:
        print_json(
            {"version": 1, "offers": rows["offer"], "counts": rows["count"]}
            | {"editions": rows["edition"], "summary": summary}
        )
        return
    zone = state_of(context).zone(realm)
    if summary["as_of"] is None:
        out.print("nothing was judged yet: there is no tick")
    elif sku:
        _print_offers(rows["offer"], zone)
    else:
        _print_counts(rows["count"])
    if rows["edition"]:
        title = "Price lists that are not complete, and withdraw nothing"
        print_table(title, rows["edition"], EDITIONS, PLACES_MAX, zone=zone)
    if summary["as_of"] is not None:
        _print_summary(summary, zone)


def _print_summary(summary: Row, zone: tzinfo) -> None:
    out.print(
        f"{summary['offers_compared']} of {summary['offers']} prices in force are compared, "
        f"of {summary['products_compared']} of {summary['products']} products, "
        f"as of {local_time(summary['as_of'], zone)}",
    )


def _print_counts(counts: Sequence[Row]) -> None:
    """By reason, and then where."""
    by_reason: Counter[str | None] = Counter()
    for row in counts:
        by_reason[row["reason"]] += row["offers"]
    rows = [
        {"offers": number, "why not": reason or "compared", "that is": _words(reason)}
        for reason, number in by_reason.most_common()
    ]
    print_table("Prices by why they are not compared", rows, ("offers", "why not", "that is"))
    cells = [
        {**row, "why not": row["reason"], "products": _named(row["samples"])}
        for row in counts
        if row["reason"] is not None
    ]
    if cells:
        print_table("Where", cells, COUNTS, PLACES_MAX)


def _words(reason: str | None) -> str:
    return IN_WORDS[CoverageReason(reason)] if reason else ""


def _named(samples: Sequence[Row]) -> str:
    return ", ".join(one["sku"] for one in samples)


def _print_offers(offers: Sequence[Row], zone: tzinfo) -> None:
    cells = [
        {
            **row,
            "terms": ", ".join(f"{name} {value}" for name, value in row["terms"].items()),
            "compared with": ", ".join(map(_side, row["compared_with"])),
            "why not": row["reason"] and f"{row['reason']}: {_words(row['reason'])}",
        }
        for row in offers
    ]
    print_table("Prices of the product", cells, OFFERS, zone=zone, spare=SPARE_OF_OFFERS)
    pairs: dict[frozenset[tuple[str, ...]], Row] = {}
    for row in offers:
        for pair in row["pairs"] if row["is_in_force"] else ():
            if pair["reason"] is not None:
                pairs.setdefault(frozenset((_offer(row), _offer(pair))), _of_two(row, pair))
    if pairs:
        shown = list(pairs.values())
        print_table("Why two are not compared with each other", shown, PAIRS, PLACES_MAX)


def _offer(one: Row) -> tuple[str, ...]:
    return tuple(one[name] for name in ("market", "channel", "location", "price", "currency"))


def _of_two(one: Row, other: Row) -> Row:
    return {
        "channel": one["channel"],
        "location": one["location"],
        "other": other["channel"],
        "at": other["location"],
        **{name: other[name] for name in ("price", "currency")},
        "why not": f"{other['reason']}: {_words(other['reason'])}",
    }


def _side(side: Row) -> str:
    return f"{side['channel']} {side['location']}".rstrip()
