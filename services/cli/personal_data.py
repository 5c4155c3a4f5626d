"""`c360 profile export|erase|erased`: everything that is held on one person.

It is written as it is read. One JSON document has a list of rows per section; the CSV form is an
archive (zip) with a file per section.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import chain, groupby
from pathlib import Path
from typing import Annotated, Any, TextIO
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
import typer
from pydantic import ValidationError

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.personal_data import (
    ERASURE_PREVIEW,
    ERASURE_VERIFY,
    PROFILE_ERASE,
    PROFILE_EXPORT,
    ErasurePreviewRequest,
    ErasureRequest,
    ReceiptRequest,
)
from services.api.queries.profiles import ProfileRequest
from services.api.queries.suppressions import PROFILE_SUPPRESS, SuppressionRequest
from services.cli.output import (
    Row,
    err,
    one_line,
    out,
    print_json,
    print_table,
    write_csv,
    writing,
)
from services.cli.profile_options import IdentifierOption, IdOption, Who, customer
from services.cli.session import Session
from services.cli.state import AsJson, Realm, state_of
from services.cli.whole_file import OutputFile, destination, whole_bytes, whole_file
from services.erasure.receipt import ErasureReceipt
from services.runtime.errors import InvalidInput

EXPORT_VERSION = 1
ERASED_WITHOUT_SALES = (
    "no sales stay: this customer was erased before, or is being erased, without --anonymise"
)
FILES_LATER = "their files go when the store cleans up, within minutes"


AlsoSuppress = Annotated[
    bool, typer.Option("--suppress", help="Process nothing of the customer later either; see --by.")
]
SuppressedBy = Annotated[
    str, typer.Option("--by", metavar="NAME", help="With --suppress: who decides so.")
]
SuppressedFor = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="With --suppress: why.")
]


class ExportedAs(StrEnum):
    """How the data of a person is exported."""

    JSON = "json"
    CSV = "csv"


def export(
    context: typer.Context,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    format_: Annotated[
        ExportedAs,
        typer.Option("--format", help="One JSON document, or a zip archive of CSV files."),
    ] = ExportedAs.JSON,
    output: OutputFile = None,
    realm: Realm = DEFAULT_REALM,
) -> None:
    """Everything that is held on a customer, each row with the table it stands in.

    With --output the file changes when all is written: an export that fails leaves it as it was.
    """
    asked = ProfileRequest(realm=realm, **customer(who, handle, identifier))
    if format_ is ExportedAs.CSV and output is None and sys.stdout.isatty():
        raise typer.BadParameter("a zip archive is no text: name a file with --output")
    with state_of(context).session() as session:
        found = map(plain, session.run(PROFILE_EXPORT, asked))
        if format_ is ExportedAs.CSV:
            with _archive(output) as stream:
                count = write_archive(found, stream)
        else:
            with destination(output) as text:
                count = write_document(found, realm, text)
    where = f" to {one_line(output)}" if output else ""
    err.print(f"exported {count} rows{where}", soft_wrap=True)


def erase(
    context: typer.Context,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would be removed.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    anonymise: Annotated[
        bool,
        typer.Option(
            "--anonymise", help="Keep the sales, under other ids and without the customer."
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The receipt is written here.", readable=False),
    ] = None,
    within_s: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds to wait at most.")
    ] = 300.0,
    also_suppress: AlsoSuppress = False,
    by: SuppressedBy = "",
    reason: SuppressedFor = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Erase a customer for good, so that no replay brings anything back.

    Prints a signed receipt. May be repeated: what was interrupted is completed. With --suppress
    events from after the erasure are rejected, too: that is noted first.
    """
    if also_suppress != bool(by and reason) or bool(by) != bool(reason):
        raise typer.BadParameter("--suppress needs --by and --reason, and these need --suppress")
    named = {"realm": realm, **customer(who, handle, identifier)}
    with state_of(context).session() as session:
        suppression = SuppressionRequest(author=by, reason=reason, **named) if by else None
        if dry_run:
            preview = ErasurePreviewRequest(anonymise=anonymise, **named)
            rows = list(map(plain, session.run(ERASURE_PREVIEW, preview)))
            if as_json:
                print_json(rows)
            else:
                _print_preview(rows)
            return
        if not yes:
            typer.confirm("Erase this customer? It cannot be undone", abort=True, err=True)
        if suppression is not None:
            _suppress(session, suppression)
        asked = ErasureRequest(within_s=within_s, anonymise=anonymise, **named)
        receipt = plain(next(session.run(PROFILE_ERASE, asked)))
    if output is not None:
        with whole_file(output) as stream:
            stream.write(_json(receipt) + "\n")
    if as_json:
        print_json(receipt)
        return
    removed = [{"table": table, "rows": rows} for table, rows in receipt["removed"].items()]
    print_table("Removed", removed, ("table", "rows"))
    _print_kept(receipt["kept_objections"], "are")
    files = "and their files are gone" if receipt["files_removed"] else f"and {FILES_LATER}"
    out.print(
        f"erased {receipt['identifiers']} identifiers; {receipt['kept_shared']} shared ones stay; "
        f"all rows are removed, {files} (erasure {receipt['erasure_id']})",
        soft_wrap=True,
    )
    _print_sales(receipt["kept_sales"], "stay")
    if anonymise and receipt["kept_sales"] is None:
        err.print(ERASED_WITHOUT_SALES, soft_wrap=True)


def _print_preview(rows: list[Row]) -> None:
    """What an erasure would remove and keep."""
    gone = [one for one in rows if not one["is_kept"]]
    print_table("Would be removed", gone, ("table", "rows"))
    kept = {one["table"]: one["rows"] for one in rows if one["is_kept"]}
    _print_kept(kept.get("kept_objections", 0), "would be")
    _print_sales(kept.get("sales"), "would stay")


def _suppress(session: Session, asked: SuppressionRequest) -> None:
    """Before an erasure, so that nothing of the person comes in between."""
    done = plain(next(session.run(PROFILE_SUPPRESS, asked)))
    err.print(f"suppressed (suppression {done['suppression_id']})", soft_wrap=True)


def _print_kept(count: int, verb: str) -> None:
    """How many objections outlast an erasure."""
    if count:
        out.print(
            f"{count} objections, withdrawals and complaints {verb} kept, by node ids alone: they "
            "go on to count",
            soft_wrap=True,
        )


def _print_sales(count: int | None, verb: str) -> None:
    """How many sales outlast an erasure that was to keep them."""
    if count is not None:
        out.print(f"{count} sales {verb} without the customer")


def erased(
    context: typer.Context,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="File of 'profile erase'.")],
    as_json: AsJson = False,
) -> None:
    """Verify the receipt of an erasure: exit code 1 if it is not genuine or anything is left."""
    given = ReceiptRequest(receipt=read_receipt(receipt))
    with state_of(context).session() as session:
        found = plain(next(session.run(ERASURE_VERIFY, given)))
    if as_json:
        print_json(found)
    else:
        genuine = "genuine" if found["is_genuine"] else "NOT genuine: somebody changed it"
        out.print(f"the receipt is {genuine}")
        left = found["remaining"]
        out.print(
            "nothing of the person is left"
            if not left
            else "left: " + ", ".join(f"{rows} rows of {table}" for table, rows in left.items()),
            soft_wrap=True,
        )
        if found["newer_events"]:
            out.print(f"{found['newer_events']} events came since: they are a new profile")
    if found["remaining"] or not found["is_genuine"]:
        raise typer.Exit(1)


def read_receipt(path: Path) -> ErasureReceipt:
    """The receipt in a file. Raises InvalidInput for what is none."""
    try:
        return ErasureReceipt.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise InvalidInput(f"{path} is no receipt of 'c360 profile erase'") from error


def write_document(found: Iterable[Row], realm: str, stream: TextIO) -> int:
    """One JSON object: the profile, then a list per section, a row a line; the number of rows."""
    count, opened = 0, ""
    stream.write(f'{{"version": {EXPORT_VERSION}, "realm": {_json(realm)}')
    for section, rows in groupby(found, key=lambda one: one["section"]):
        opened = ",\n  "
        stream.write(f',\n{_json(section)}: {{"table": ')
        for number, one in enumerate(rows):
            if not number:
                stream.write(f'{_json(one["table"])}, "rows": [\n  ')
            stream.write(f"{opened if number else ''}{_json(one['row'])}")
            count += 1
        stream.write("\n]}")
    stream.write("\n}\n")
    return count


def write_archive(found: Iterable[Row], stream: Any) -> int:
    """A file SECTION.csv per section, with a column `source_table`; the number of rows."""
    count = 0
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for section, rows in groupby(found, key=lambda one: one["section"]):
            with (
                archive.open(f"{section}.csv", "w", force_zip64=True) as member,
                io.TextIOWrapper(member, "utf-8", newline="") as text,
            ):
                count += _write_section(rows, text)
    return count


def _write_section(rows: Iterator[Row], text: TextIO) -> int:
    first = next(rows)
    names = ["source_table", *first["row"]]
    return write_csv(map(_flat, chain([first], rows)), names, text)


def _flat(one: Row) -> Row:
    """A row for a spreadsheet: a list or an object is JSON in its cell."""
    cells = {name: _cell(value) for name, value in one["row"].items()}
    return {"source_table": one["table"], **cells}


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, list | dict) else value


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


@contextmanager
def _archive(output: Path | None) -> Iterator[Any]:
    if output is not None:
        with whole_bytes(output) as stream:
            yield stream
        return
    with writing():
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
