"""`c360 console`: the accounts of the people who use the web console."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.roles import Role
from services.cli.output import err, out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of
from services.console.accounts import (
    ACCOUNT_NAME,
    PASSWORD_CHARS_MAX,
    PASSWORD_CHARS_MIN,
    ConsoleAccount,
    hash_password,
    read_accounts,
    written_accounts,
)
from services.runtime.errors import ConfigurationError, InvalidInput, NotFound

app = typer.Typer(
    help="Add, list and remove the accounts of the web console.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the person signs in with.")]
OWNER_ONLY = 0o600
SHOWN = ("name", "full_name", "role", "realm")


@app.command()
def add(
    context: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    full_name: Annotated[str, typer.Option(help="As the access log shows it.")] = "",
    realm: Realm = DEFAULT_REALM,
) -> None:
    """Add an account, or replace it. The password is asked for, or read from standard input."""
    settings = state_of(context).settings()
    if realm not in settings.realms:
        raise InvalidInput(f"there is no realm {realm!r}; C360_REALMS has {[*settings.realms]}")
    if not ACCOUNT_NAME.fullmatch(name):
        raise InvalidInput(
            "a name has up to 64 characters of a to z, 0 to 9, '.', '_' and '-', and begins with a "
            "letter or digit"
        )
    path = _path(settings)
    accounts = {**_accounts(path, may_be_missing=True)}
    account = ConsoleAccount(
        full_name=full_name or name, role=role, realm=realm, password=hash_password(_password())
    )
    verb = "replaced" if name in accounts else "added"
    _write(path, {**accounts, name: account})
    out.print(f"{verb} {name} ({role}) in {path}")


@app.command(name="list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the accounts."""
    found = _accounts(_path(state_of(context).settings()))
    rows: list[dict[str, Any]] = [
        {"name": name, **one.model_dump(mode="json", exclude={"password"})}
        for name, one in sorted(found.items())
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("Accounts", rows, SHOWN)


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Remove an account. Whoever is signed in by it is signed out within seconds."""
    path = _path(state_of(context).settings())
    accounts = {**_accounts(path)}
    if accounts.pop(name, None) is None:
        raise NotFound(f"{path} has no account {name!r}; 'c360 console list' shows all")
    _write(path, accounts)
    out.print(f"removed {name} from {path}")


def _path(settings: Any) -> Path:
    if settings.console_accounts_file is None:
        raise ConfigurationError(
            "C360_CONSOLE_ACCOUNTS_FILE is not set: name the file that has the accounts, as "
            "/etc/c360/accounts.toml; 'c360 console add' makes it"
        )
    return Path(settings.console_accounts_file)


def _accounts(path: Path, *, may_be_missing: bool = False) -> dict[str, ConsoleAccount]:
    try:
        return dict(read_accounts(path.read_bytes(), str(path)))
    except FileNotFoundError as error:
        if may_be_missing:
            return {}
        raise NotFound(f"{path} does not exist yet; 'c360 console add' makes it") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, accounts: dict[str, ConsoleAccount]) -> None:
    """Replace the file at once: a service that reads it finds the old or the new one."""
    try:
        number, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            os.fchmod(number, path.stat().st_mode & 0o777 if path.exists() else OWNER_ONLY)
            file.write(written_accounts(accounts))
        os.replace(made, path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _password() -> str:
    if not sys.stdin.isatty():
        given = sys.stdin.readline().rstrip("\n")
    else:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if not PASSWORD_CHARS_MIN <= len(given) <= PASSWORD_CHARS_MAX:
        raise InvalidInput(
            f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, "
            f"this one {len(given)}"
        )
    if len(set(given)) < PASSWORD_CHARS_MIN // 3:
        err.print("this password repeats few characters: it is easily guessed")
    return given
