"""The root of the command line: groups, global options, and how errors become exit codes."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer

from services.cli.commands import RootGroup
from services.cli.output import OutputFailed, bold, err, visible
from services.runtime.errors import C360Error

EPILOG = """
Exit codes: 0 done · 1 found a difference or a check failed · 2 wrong usage · 4 not found ·
65 the input is damaged · 66 no such input · 70 a broken invariant · 74 a directory or file
cannot be used · 75 try again · 78 wrong configuration · 130 interrupted.

First steps: set C360_IDENTITY_SECRET and run 'c360 ingest FILE'. In a checkout 'c360 demo' shows
everything on invented customers. All settings: 'c360 config'.
"""
INTERRUPTED = 130
UNUSABLE_PATH = 74
ADVICE = {
    "unknown_profile": ". Check realm and spelling; 'c360 profile search TEXT' finds parts of "
    "values.",
    "unseen_identifier": " yet. Check the spelling; --unseen decides about it all the same, "
    "written as TYPE@ISSUER=VALUE.",
    "realms_differ": ", or run 'c360 migrate' if these are the new ones.",
    "not_on_a_server": ": 'c360 publish FILE' sends them, 'c360 worker ingest' stores them. Unset "
    "C360_CLICKHOUSE_URL to work on the data directory.",
    "directory_in_use": "; 'c360 up' shares its directory with other commands.",
    "rows_refused": "; if so, run 'c360 migrate' with the newer one.",
    "unknown_segment": "; 'c360 segments list' shows the ids.",
    "unknown_suggestion": "; 'c360 identity suggestions list' shows the ids.",
    "rules_replaced": "; 'c360 identity rules --history' shows which count.",
    "unknown_dead_letter": "; 'c360 rejected list' shows the ids.",
}
"""What to do about an error, by its reason: only the command line names its commands. The reasons
stand here as texts: importing the modules that raise them would load everything."""
app = typer.Typer(
    name="c360",
    cls=RootGroup,
    help="One profile per customer from every channel, and alerts when channels disagree.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # takes longer to load than the whole help

        typer.echo(f"c360 {metadata.version('customer360')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            help="Data directory of the embedded engine.",
            envvar="C360_DATA_DIR",
            readable=False,  # whoever opens it says what is wrong, and ends with its own code
        ),
    ] = None,
    version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """One profile per customer from every channel."""
    from services.cli.state import State  # settings and logs: the help needs neither

    context.obj = State(data_dir)


def main() -> None:
    """Run the command line; errors are one paragraph, with the exit code of their kind."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    try:
        app()
    except C360Error as error:
        _end(error.exit_code, f"{error}{ADVICE.get(error.reason, '')}")
    except KeyboardInterrupt:
        _end(INTERRUPTED)
    except OSError as error:
        if error.filename is None:
            raise  # no path that somebody chose: a fault of the program
        _end(UNUSABLE_PATH, f"{error.filename}: {error.strerror}. Give another path, or mend it.")
    except SystemExit as ended:
        _end(ended.code)


def _nowhere() -> TextIO:
    """For a stream that the caller closed; or a file of the store would take its number."""
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _end(code: str | int | None, error: str = "") -> NoReturn:
    """Exit once all output is written; a reader who has gone away needs no message."""
    if error:
        err.print(bold("error:", "bold red") + f" {visible(error)}", soft_wrap=True)
    elif code == INTERRUPTED:
        err.print("interrupted; what was reported is kept, run the same command again to continue")
    _flushed(sys.stderr)  # a fault of the messages changes no exit code
    failed = _flushed(sys.stdout)
    if failed is not None:
        code = code or 1
        if failed.errno != errno.EPIPE and not error:
            _end(OutputFailed.exit_code, str(OutputFailed.of(failed)))
    sys.exit(code)


def _flushed(stream: TextIO) -> OSError | None:
    """Write what is left; or why that failed, and then the interpreter's own try goes nowhere."""
    try:
        stream.flush()
    except OSError as failed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return failed
    return None
