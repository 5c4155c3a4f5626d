"""`python -m bench`: the benchmarks from the command line; docs/performance.md explains them.

Reports go to standard output, progress to standard error. Nothing is written elsewhere but
temporary directories ($TMPDIR), which are removed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from bench import (
    alerts,
    api,
    consistency,
    identity,
    ingest,
    matching,
    measures,
    profile_read,
    real_prices,
    small,
    startup,
    suggestions,
    tracing,
    tracking,
    workers,
)
from bench.children import ChildFailed, Result
from services.measures.catalogue import MEASURES
from services.runtime.errors import C360Error

Benchmark = tuple[str, Callable[[], Result], Callable[[Result], str]]


def positive(text: str) -> int:
    """A whole number above zero."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def parser_of_all() -> argparse.ArgumentParser:
    """The commands and their options."""
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print one JSON document")
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures what matters as ratios within one run. Without a command: all, "
        "which takes more than an hour. Let nothing else run meanwhile.",
        parents=[as_json],
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("all", parents=[as_json], help="all of them, with their defaults")
    _add_ingest(commands.add_parser("ingest", parents=[as_json], help=_first_line(ingest.__doc__)))
    _add_profiles(
        commands.add_parser("profiles", parents=[as_json], help=_first_line(profile_read.__doc__))
    )
    _add_workers(
        commands.add_parser("workers", parents=[as_json], help=_first_line(workers.__doc__))
    )
    _add_api(commands.add_parser("api", parents=[as_json], help=_first_line(api.__doc__)))
    _add_tracing(
        commands.add_parser("tracing", parents=[as_json], help=_first_line(tracing.__doc__))
    )
    _add_consistency(
        commands.add_parser("consistency", parents=[as_json], help=_first_line(consistency.__doc__))
    )
    _add_identity(
        commands.add_parser("identity", parents=[as_json], help=_first_line(identity.__doc__))
    )
    _add_alerts(commands.add_parser("alerts", parents=[as_json], help=_first_line(alerts.__doc__)))
    _add_prices(
        commands.add_parser("prices", parents=[as_json], help=_first_line(real_prices.__doc__))
    )
    pairs = commands.add_parser("matching", parents=[as_json], help=_first_line(matching.__doc__))
    pairs.add_argument("folder", type=Path, help="holds `febrl/` and `splink_fake_1000/`")
    pairs.add_argument("--households", type=int, default=300, help="of the composed stream")
    pairs.add_argument("--seed", type=int, default=1, help="of the composed stream and towns")
    scoring = commands.add_parser(
        "suggestions", parents=[as_json], help=_first_line(suggestions.__doc__)
    )
    scoring.add_argument("--persons", type=positive, nargs="+", default=suggestions.PERSONS)
    counted = commands.add_parser("measures", parents=[as_json], help=_first_line(measures.__doc__))
    counted.add_argument(
        "--persons",
        type=positive,
        default=measures.PERSONS,
        help=f"in the store, of some five orders each ({measures.PERSONS:,})",
    )
    counted.add_argument(
        "--names", nargs="+", choices=list(MEASURES), default=(), help="only these (all)"
    )
    _add_small(commands.add_parser("small", parents=[as_json], help=_first_line(small.__doc__)))
    sent = commands.add_parser("tracking", parents=[as_json], help=_first_line(tracking.__doc__))
    seconds = f"of each turn ({tracking.SECONDS:g})"
    sent.add_argument("--seconds", type=float, default=tracking.SECONDS, help=seconds)
    _add_startup(
        commands.add_parser("startup", parents=[as_json], help=_first_line(startup.__doc__))
    )
    return parser


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]


def _add_ingest(parser: argparse.ArgumentParser) -> None:
    parser.description = ingest.__doc__
    add = parser.add_argument
    add("--file", type=Path, help="JSON lines, plain or gzip, instead of the sample stream")
    add(
        "--households",
        type=positive,
        default=ingest.HOUSEHOLDS,
        help=f"of the sample stream ({ingest.HOUSEHOLDS})",
    )
    add("--seed", type=int, default=1, help="of the sample stream (1)")
    add("--rounds", type=positive, default=3, help="runs of each contestant (3)")
    add(
        "--batch",
        type=positive,
        default=ingest.BATCH_EVENTS,
        help=f"events per batch ({ingest.BATCH_EVENTS:,}, as `c360 ingest`)",
    )


def _add_profiles(parser: argparse.ArgumentParser) -> None:
    parser.description = profile_read.__doc__
    add = parser.add_argument
    add(
        "--nodes",
        type=positive,
        default=profile_read.NODES,
        help=f"identifiers in the store, five a person ({profile_read.NODES:,}); "
        f"at least {profile_read.NODES_MIN:,}",
    )
    add("--reads", type=positive, default=profile_read.READS, help="random profiles to read (500)")
    add("--seed", type=positive, default=1, help="of the choice of profiles (1)")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.description = workers.__doc__
    add = parser.add_argument
    add("--file", type=Path, help="JSON lines, plain or gzip, instead of the sample stream")
    add(
        "--households",
        type=positive,
        default=workers.HOUSEHOLDS,
        help=f"of the sample stream ({workers.HOUSEHOLDS})",
    )
    add("--seed", type=int, default=1, help="of the sample stream (1)")
    add("--rounds", type=positive, default=workers.ROUNDS, help="runs of each contestant (3)")
    add(
        "--batch",
        type=positive,
        default=workers.BATCH_EVENTS,
        help=f"events per batch ({workers.BATCH_EVENTS:,}, as the worker)",
    )
    add(
        "--events-max",
        type=positive,
        default=workers.EVENTS_MAX,
        help=f"of the races, at most ({workers.EVENTS_MAX:,})",
    )
    add(
        "--pace",
        type=positive,
        nargs="*",
        default=workers.PACE,
        help="events per second of the steady streams (2000 5000)",
        metavar="RATE",
    )
    add("--seconds", type=float, default=workers.SECONDS, help="of each steady stream (70)")
    add("--pin", action="store_true", help="a CPU for each member, the rest for broker and store")
    add(
        "--short",
        action="store_true",
        help=f"one round of {' '.join(workers.SHORT['contestants'])} and one steady stream: some "
        "minutes; takes the place of other options",
    )
    add(
        "--contestants",
        nargs="+",
        choices=workers.CONTESTANTS,
        default=workers.CONTESTANTS,
        help="only these (all)",
        metavar="NAME",
    )


def _add_api(parser: argparse.ArgumentParser) -> None:
    parser.description = api.__doc__
    add = parser.add_argument
    add(
        "--profiles",
        type=positive,
        default=api.PROFILES,
        help=f"profiles in the store, of some twenty facts each ({api.PROFILES:,})",
    )
    add("--seconds", type=float, default=api.SECONDS, help=f"of each load ({api.SECONDS:g})")
    add(
        "--connections",
        type=positive,
        default=api.CONNECTIONS,
        help=f"that ask at once ({api.CONNECTIONS})",
    )
    add("--rate", type=positive, default=api.RATE, help=f"events per second beside ({api.RATE})")
    add("--soak-s", type=float, default=api.SOAK_S, help=f"of mixed load ({api.SOAK_S:g})")
    add("--streams", type=positive, default=api.STREAMS, help=f"idle streams ({api.STREAMS:,})")
    add("--data-dir", type=Path, help="fill the store here and keep it for another run")
    add("--seed", type=positive, default=1, help="of the choice of profiles (1)")


def _add_tracing(parser: argparse.ArgumentParser) -> None:
    parser.description = tracing.__doc__
    add = parser.add_argument
    add("--rounds", type=positive, default=tracing.ROUNDS, help=f"of all modes ({tracing.ROUNDS})")
    add(
        "--seconds",
        type=float,
        default=tracing.SECONDS,
        help=f"of each load ({tracing.SECONDS:g})",
    )
    add(
        "--households",
        type=positive,
        default=tracing.HOUSEHOLDS,
        help=f"of the sample stream ({tracing.HOUSEHOLDS})",
    )
    add(
        "--profiles",
        type=positive,
        default=tracing.PROFILES,
        help=f"in the store that is read ({tracing.PROFILES:,})",
    )


def _add_consistency(parser: argparse.ArgumentParser) -> None:
    parser.description = consistency.__doc__
    numbers = {
        "products": (consistency.PRODUCTS, "in the largest store"),
        "places": (consistency.PLACES, "that publish a price of each: shop, app, and stores"),
        "offers": (consistency.OFFERS, "judged in each load"),
    }
    for name, (usual, what) in numbers.items():
        parser.add_argument(f"--{name}", type=positive, default=usual, help=f"{what} ({usual:,})")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of products (1)")


def _add_identity(parser: argparse.ArgumentParser) -> None:
    parser.description = identity.__doc__
    add, usual = parser.add_argument, " ".join(map(str, identity.IDENTIFIERS))
    add(
        "--identifiers",
        type=positive,
        nargs="+",
        default=identity.IDENTIFIERS,
        help=f"in each store, ten a person ({usual})",
        metavar="COUNT",
    )
    add("--edges", type=positive, default=identity.EDGES, help=f"new ones ({identity.EDGES:,})")
    seconds = f"limit of verify, simulate and rebuild ({identity.SECONDS:g})"
    add("--seconds", type=float, default=identity.SECONDS, help=seconds)
    jobs = f"only these of {', '.join(identity.JOBS)} (all)"
    add("--jobs", nargs="+", choices=identity.JOBS, default=identity.JOBS, help=jobs, metavar="JOB")


def _add_alerts(parser: argparse.ArgumentParser) -> None:
    parser.description = alerts.__doc__
    numbers = {
        "products": (alerts.PRODUCTS, "in the store"),
        "places": (alerts.PLACES, "that publish a price of each: shop, app, and stores"),
        "rate": (alerts.RATE, "prices a second"),
    }
    for name, (usual, what) in numbers.items():
        parser.add_argument(f"--{name}", type=positive, default=usual, help=f"{what} ({usual:,})")
    seconds = f"of the stream ({alerts.SECONDS:g})"
    parser.add_argument("--seconds", type=float, default=alerts.SECONDS, help=seconds)
    parser.add_argument("--seed", type=int, default=1, help="of the choice of products (1)")


def _add_prices(parser: argparse.ArgumentParser) -> None:
    parser.description = real_prices.__doc__
    add = parser.add_argument
    add(
        "--month",
        type=int,
        choices=range(1, 13),
        default=real_prices.MONTH,
        metavar="MONTH",
        help=f"of the data's year, 1 to 12 ({real_prices.MONTH})",
    )
    add("--households", type=positive, help="only so many of the data's (all)")
    add("--weighed", action="store_true", help="also departments that price by weight or order")


def _add_small(parser: argparse.ArgumentParser) -> None:
    parser.description = small.__doc__
    add = parser.add_argument
    add("--rate", type=float, default=small.RATE, help=f"events a second ({small.RATE:g})")
    seconds = f"of the steady streams ({small.SECONDS:g})"
    add("--seconds", type=float, default=small.SECONDS, help=seconds)


def _add_startup(parser: argparse.ArgumentParser) -> None:
    parser.description = startup.__doc__
    parser.add_argument(
        "--rounds",
        type=positive,
        default=startup.ROUNDS,
        help=f"of all commands ({startup.ROUNDS})",
    )


def _chosen(given: argparse.Namespace) -> list[Benchmark]:
    if given.command == "ingest":
        arguments = (given.file, given.households, given.seed, given.rounds, given.batch)
        return [("ingest", lambda: ingest.measure(*arguments), ingest.tell)]
    if given.command == "profiles":
        nodes = max(given.nodes, profile_read.NODES_MIN)
        numbers = (nodes, given.reads, given.seed)
        return [("profiles", lambda: profile_read.measure(*numbers), profile_read.tell)]
    if given.command == "api":
        names = (
            "profiles", "seconds", "connections", "rate", "soak_s", "streams", "data_dir", "seed",
        )  # fmt: skip
        asked = {name: getattr(given, name) for name in names}
        return [("api", lambda: api.measure(**asked), api.tell)]
    if given.command == "tracing":
        arranged = ("rounds", "seconds", "households", "profiles")
        asked = {name: getattr(given, name) for name in arranged}
        return [("tracing", lambda: tracing.measure(**asked), tracing.tell)]
    if given.command == "consistency":
        asked = {name: getattr(given, name) for name in ("products", "places", "offers", "seed")}
        return [("consistency", lambda: consistency.measure(**asked), consistency.tell)]
    if given.command == "identity":
        asked = {name: getattr(given, name) for name in ("identifiers", "edges", "seconds", "jobs")}
        return [("identity", lambda: identity.measure(**asked), identity.tell)]
    if given.command == "alerts":
        paced = ("products", "places", "rate", "seconds", "seed")
        asked = {name: getattr(given, name) for name in paced}
        return [("alerts", lambda: alerts.measure(**asked), alerts.tell)]
    if given.command == "prices":
        asked = {name: getattr(given, name) for name in ("month", "households", "weighed")}
        return [("prices", lambda: real_prices.measure(**asked), real_prices.tell)]
    if given.command == "matching":
        asked = {name: getattr(given, name) for name in ("folder", "households", "seed")}
        return [("matching", lambda: matching.measure(**asked), matching.tell)]
    if given.command == "suggestions":
        return [("suggestions", lambda: suggestions.measure(given.persons), suggestions.tell)]
    if given.command == "measures":
        chosen = (given.persons, given.names)
        return [("measures", lambda: measures.measure(*chosen), measures.tell)]
    if given.command == "small":
        return [("small", lambda: small.measure(given.rate, given.seconds), small.tell)]
    if given.command == "tracking":
        return [("tracking", lambda: tracking.measure(given.seconds), tracking.tell)]
    if given.command == "startup":
        return [("startup", lambda: startup.measure(given.rounds), startup.tell)]
    if given.command == "workers":
        raced = (
            "file",
            "households",
            "seed",
            "rounds",
            "batch",
            "events_max",
            "contestants",
            "pin",
        )
        asked = {name: getattr(given, name) for name in (*raced, "pace", "seconds")}
        asked |= workers.SHORT if given.short else {}
        return [("workers", lambda: workers.measure(**asked), workers.tell)]
    return [
        ("ingest", ingest.measure, ingest.tell),
        ("profiles", profile_read.measure, profile_read.tell),
        ("workers", workers.measure, workers.tell),
        ("api", api.measure, api.tell),
    ]


def main() -> int:
    """Run what was asked for; 0, or 1 when a measurement failed."""
    given = parser_of_all().parse_args()
    reports: Result = {}
    try:
        for name, run, tell in _chosen(given):
            reports[name] = run()
            if not given.json:
                print(tell(reports[name]), flush=True)
    except (C360Error, ChildFailed, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(reports if len(reports) > 1 else next(iter(reports.values()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
