"""`c360 keys`: API keys of downstream applications. A key is printed once, when it is made."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.keys import (
    KEYS_CREATE,
    KEYS_LIST,
    KEYS_REVOKE,
    KEYS_ROTATE,
    KeyCreation,
    KeyRequest,
    KeyRotation,
    KeysRequest,
)
from services.cli.output import err, out, print_json, print_line, print_table
from services.cli.state import AsJson, Realm, state_of
from services.cli.times import beginning_of

app = typer.Typer(
    help="Create, list, rotate and revoke the keys of the query API.", no_args_is_help=True
)
KeyId = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
By = Annotated[str, typer.Option(help="The account that does it, by name or number.")]
Expires = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="When it stops working: 90d, 12h, 2027-06-30 or 2027-06-30T12:00:00Z; by default it "
        "does not expire.",
    ),
]
SHOWN = (
    "key_id", "name", "realm", "state", "scopes", "rate_per_s", "created_at", "expires_at",
)  # fmt: skip
SPARE = ("rate_per_s", "created_at", "expires_at", "realm")
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SPAN = re.compile(r"^(\d{1,9})([smhd])$")
SHOWN_ONCE = "This is the only time that the key is shown; keep it as you keep a password."


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="The client that will use it.")],
    scope: Annotated[
        list[str], typer.Option(help="What it may do, as profiles:read; repeat it for more.")
    ],
    expires: Expires = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Requests a second; by default C360_API_RATE_PER_S."),
    ] = None,
    by: By = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Create a key, and print it."""
    state = state_of(context)
    asked = KeyCreation(
        realm=realm,
        name=name,
        scopes=tuple(scope),
        expires_at=_end(expires, state.zone(realm)),
        rate_per_s=rate,
        created_by=by,
    )
    is_on_a_server = state.settings().clickhouse_url is not None
    with state.session(create=not is_on_a_server) as session:
        made = plain(next(session.run(KEYS_CREATE, asked)))
    _print_key(made, as_json)


@app.command("list")
def list_(
    context: typer.Context,
    realm: Annotated[str, typer.Option("--realm", help="Only of this realm.")] = "",
    as_json: AsJson = False,
) -> None:
    """All keys, also those that work no more, in the order of their creation."""
    with state_of(context).session() as session:
        rows = list(map(plain, session.run(KEYS_LIST, KeysRequest(realm=realm))))
    if as_json:
        print_json(rows)
    else:
        print_table("API keys", rows, SHOWN, zone=state_of(context).zone(realm), spare=SPARE)


@app.command()
def rotate(
    context: typer.Context,
    key_id: KeyId,
    grace: Annotated[
        str, typer.Option(metavar="SPAN", help="How long the old key goes on working: 24h, 7d, 0s.")
    ] = "24h",
    expires: Expires = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Make a successor of a key, and print it; the old one works for a while beside it."""
    asked = KeyRotation(
        key_id=key_id,
        grace_s=_span_s(grace),
        expires_at=_end(expires, UTC),
        created_by=by,
    )
    with state_of(context).session() as session:
        made = plain(next(session.run(KEYS_ROTATE, asked)))
    _print_key(made, as_json)


@app.command()
def revoke(context: typer.Context, key_id: KeyId, as_json: AsJson = False) -> None:
    """End a key for good. Running services stop accepting it within seconds."""
    with state_of(context).session() as session:
        done = plain(next(session.run(KEYS_REVOKE, KeyRequest(key_id=key_id))))
    if as_json:
        print_json(done)
    else:
        out.print(f"{done['key_id']} ({done['name']}) is revoked")


def _print_key(made: dict[str, Any], as_json: bool) -> None:
    """The key alone on standard output, so that a script can take it from there."""
    if as_json:
        print_json(made)
        return
    scopes = ", ".join(made["scopes"])
    err.print(f"{made['key_id']} ({made['name']}) may: {scopes}")
    err.print(SHOWN_ONCE)
    print_line(made["key"])


def _span_s(text: str) -> int:
    found = SPAN.match(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no span of time; write 30m, 24h or 7d")
    return int(found[1]) * UNITS_S[found[2]]


def _end(text: str | None, zone: tzinfo) -> datetime | None:
    if text is None:
        return None
    if SPAN.match(text):
        try:
            return datetime.now(UTC) + timedelta(seconds=_span_s(text))
        except OverflowError as error:
            raise typer.BadParameter(f"{text!r} is too long") from error
    return beginning_of(text, zone)
