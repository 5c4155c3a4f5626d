"""The commands by name, each with its one-line help and the module that has it.

The root of the command line shows all of them without importing one: a module is loaded when its
command is called, or its own help is asked for. tests/unit/cli/test_commands.py holds the texts
equal to those of the modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from services.cli.checkout import IN_CHECKOUT


class Listed(NamedTuple):
    """What is known of a command before its module is loaded."""

    place: str
    """`module:name` in services.cli: a function, or the Typer of a group."""
    help: str
    is_hidden: bool = False


COMMANDS: Mapping[str, Listed] = {
    "ingest": Listed("ingest:ingest", "Read touchpoint events and update profiles and incidents."),
    "import": Listed(
        "import_files:import_files",
        "Read a table of customers, orders, prices or others, whose columns a map explains.",
    ),
    "publish": Listed(
        "publish:publish", "Send touchpoint events to Kafka, each to the topic of its channel."
    ),
    "stats": Listed("events:stats", "Number of events by channel and day, the latest day first."),
    "migrate": Listed(
        "store:migrate",
        "Migrate the schema: of the ClickHouse server, which no other command does, or of the data "
        "directory (where every command does so).",
    ),
    "demo": Listed(
        "demo:demo",
        "Sample stream → profiles and price incidents, and a look at them.",
        not IN_CHECKOUT,
    ),
    "up": Listed(
        "up:up",
        "Keep running and accept events over HTTP; other commands work at the same time.",
    ),
    "api": Listed(
        "api:api",
        "Serve the API beside workers: reads from the ClickHouse server, events to Kafka.",
    ),
    "config": Listed(
        "config:config",
        "Print the effective settings, with secrets hidden. docs/settings.md explains each.",
    ),
    "probe": Listed(
        "probe:probe",
        "Walk shop, app, till and mail as an invented customer: how soon is it one profile?",
    ),
    "notify": Listed(
        "notify:notify",
        "Send incidents and changes of segments to webhooks as they come, until it is stopped.",
    ),
    "doctor": Listed(
        "doctor:doctor",
        "Check settings, store, brokers, clock and limits; says what to do about each finding.",
    ),
    "version": Listed(
        "version:version",
        "Print the version, the commit if it is known, the schema and the main libraries.",
    ),
    "events": Listed("events:app", "Look at stored events."),
    "profile": Listed("profile:app", "Look at customers."),
    "account": Listed("accounts:accounts", "Look at companies and their contacts."),
    "household": Listed("accounts:households", "Look at who lives together."),
    "orders": Listed("orders:app", "Orders whose reports contradict each other."),
    "identity": Listed("identity:app", "Look at identities, and decide about them."),
    "incidents": Listed(
        "incidents:app", "Look at contradictions between channels, and say who takes care."
    ),
    "consistency": Listed("coverage:app", "Look at what is compared with what."),
    "insights": Listed("insights:app", "Measures of groups of customers."),
    "segments": Listed("segments:app", "Groups of customers by definition."),
    "rejected": Listed(
        "rejected:rejected",
        "List, show and replay rejected events: the dead letters on Kafka if "
        "C360_KAFKA_BOOTSTRAP_SERVERS is set, otherwise those of the embedded engine.",
    ),
    "keys": Listed("keys:app", "Create, list, rotate and revoke the keys of the query API."),
    "console": Listed("console:app", "Add, list and remove the accounts of the web console."),
    "access": Listed("access:app", "Look at who read whose profile over the API."),
    "sample": Listed("sample:app", "Make a sample stream.", not IN_CHECKOUT),
    "store": Listed("store:store", "Look after the store: audit, retention, figures."),
    "state": Listed("store:state", "Compare states."),
    "topics": Listed("topics:app", "Create the Kafka topics, or compare them with the catalogue."),
    "dev": Listed("dev:app", "Servers for development on this machine.", not IN_CHECKOUT),
    "worker": Listed(
        "worker:worker",
        "Run a worker of the distributed runtime (Kafka and a ClickHouse server).",
    ),
}


class LoadedCommands(Mapping[str, Any]):
    """The commands themselves; looking one up loads its module."""

    def __getitem__(self, name: str) -> Any:
        listed = COMMANDS[name]
        module, _, attribute = listed.place.partition(":")
        found = getattr(import_module(f"services.cli.{module}"), attribute)
        holder = typer.Typer(rich_markup_mode="rich", add_completion=False)
        holder.callback()(_nothing)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=name, hidden=listed.is_hidden)
        else:
            holder.command(name, hidden=listed.is_hidden)(found)
        group: Any = typer.main.get_command(holder)
        return group.commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _nothing() -> None:
    """Makes a group of what holds one command."""


class RootGroup(TyperGroup):
    """The root: lists its commands as they are known, and runs them as they are loaded."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = LoadedCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What the help shows of a command; None for an unknown one."""
        listed = COMMANDS.get(cmd_name)
        return listed and TyperCommand(cmd_name, help=listed.help, hidden=listed.is_hidden)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that was called, loaded, and its arguments."""
        name, known, rest = super().resolve_command(ctx, args)
        return name, known and self.commands[name], rest
