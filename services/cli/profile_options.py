"""How commands name one customer."""

from __future__ import annotations

from typing import Annotated

import typer

IdOption = Annotated[
    str, typer.Option("--id", metavar="UUID", help="Any profile id or node id it ever had.")
]
IdentifierOption = Annotated[
    str,
    typer.Option(
        "--identifier", metavar="TYPE[@ISSUER]=VALUE", help="For example email=anna@example.com."
    ),
]
Who = Annotated[
    str,
    typer.Argument(
        metavar="[WHO]",
        help="An e-mail address, phone or other number, TYPE[@ISSUER]=VALUE, or an id.",
        show_default=False,
    ),
]


def customer(who: str, handle: str, identifier: str) -> dict[str, str]:
    """The arguments of a request that names one. Raises BadParameter for none or several."""
    if [bool(who), bool(handle), bool(identifier)].count(True) != 1:
        raise typer.BadParameter(
            "name one customer, for example 'anna@example.com'; or give --id or --identifier"
        )
    return {"who": who, "handle": handle, "identifier": identifier}
