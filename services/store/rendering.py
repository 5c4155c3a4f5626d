"""Migrations as one server or a cluster runs them: text in, text out.

The files are written for one server and run there unchanged. On a cluster every DDL statement runs
ON CLUSTER, and every table becomes a replicated one: one shard, whose replicas hold the same rows
(docs/adr/0012).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from clickhouse_migrations.migrator import StatementToken, split_statement_tokens

from services.runtime.errors import Fatal

REPLICA_PATH = "/clickhouse/tables/{shard}/{database}/{table}"
"""Where the replicas of a table meet in Keeper; the server fills in its own macros."""
REPLICA = "{replica}"
_DEFINITION = re.compile(
    r"\s*(?P<kind>CREATE\s+TABLE|CREATE\s+MATERIALIZED\s+VIEW|CREATE\s+VIEW|ALTER\s+TABLE"
    r"|DROP\s+TABLE|DROP\s+VIEW)(\s+IF\s+(NOT\s+)?EXISTS)?\s+(?P<name>`?\w+`?)",
    re.IGNORECASE,
)
_DATA = re.compile(r"\s*INSERT\s+INTO\s", re.IGNORECASE)
_FROM = re.compile(r"\sSELECT\s.*\sFROM\s", re.IGNORECASE | re.DOTALL)
_ENGINE = re.compile(
    r"\bENGINE\s*=\s*(?P<name>\w+)\s*(?P<call>\()?\s*(?P<empty>\))?", re.IGNORECASE
)
_FAMILY = re.compile(r"(Replacing|Aggregating|Summing|Collapsing|VersionedCollapsing|)MergeTree")


def create_database(name: str, cluster: str = "") -> str:
    """The statement that creates the database. Refreshable views need an Atomic one."""
    return f"CREATE DATABASE IF NOT EXISTS {name}{_on(cluster)} ENGINE = Atomic"


def render(script: str, cluster: str = "") -> str:
    """A migration as it runs: the text itself for one server, else its form for the cluster.

    Raises:
        Fatal: it contains a statement whose form for a cluster is not known.
    """
    if not cluster:
        return script
    return "".join(f"{one};\n\n" for one in statements(script, cluster))


def statements(script: str, cluster: str = "") -> list[str]:
    """The statements of a migration, rendered. Raises as `render` does."""
    return [_statement(tokens, cluster) for tokens in split_statement_tokens(script)]


def of_new_store(scripts: Iterable[str]) -> list[str]:
    """The statements of all migrations that an empty store needs, for one server.

    Those that only move rows are left out, for there are none; and what is said of a view before a
    later statement drops it.
    """
    found: list[tuple[str, str]] = []
    for script in scripts:
        for tokens in split_statement_tokens(script):
            code = _code(tokens)
            if _DATA.match(code) and _FROM.search(code):
                continue
            defined = _DEFINITION.match(code)
            name = defined["name"] if defined else ""
            if defined and defined["kind"].upper().split() == ["DROP", "VIEW"]:
                found = [one for one in found if one[0] != name]
            else:
                found.append((name, "".join(token.text for token in tokens).strip()))
    return [text for _, text in found]


def _code(tokens: Sequence[StatementToken]) -> str:
    """A statement as long as it is, with nothing in it that is not code."""
    return "".join(
        token.text if token.kind in ("other", "backtick") else " " * len(token.text)
        for token in tokens
    )


def _statement(tokens: Sequence[StatementToken], cluster: str) -> str:
    text = "".join(token.text for token in tokens)
    code = _code(tokens)
    if not cluster or _DATA.match(code):  # rows go to one replica and are fetched by the others
        return text.strip()
    found = _DEFINITION.match(code)
    if found is None:
        raise Fatal(
            "a migration holds a statement that cannot be rendered for a cluster; teach "
            f"services/store/rendering.py about it: {text.strip()[:200]}"
        )
    name_end = found.end("name")
    rest = text[name_end:]
    if found["kind"].upper().split() == ["CREATE", "TABLE"]:
        rest = _replicated(rest, code[name_end:])
    # A refreshable view keeps its engine: each replica refreshes its own copy from the
    # facts that it holds. With a replicated one every replica would write all rows to all others.
    return f"{text[:name_end]}{_on(cluster)}{rest}".strip()


def _replicated(text: str, code: str) -> str:
    """The definition of a table with the replicated form of its engine."""
    engine = _ENGINE.search(code)
    if engine is None or not _FAMILY.fullmatch(engine["name"]):
        raise Fatal(
            "a migration makes a table without one of the MergeTree engines, which a cluster would "
            f"not replicate: {text.strip()[:200]}"
        )
    named = f"Replicated{engine['name']}('{REPLICA_PATH}', '{REPLICA}'"
    if engine["call"] and not engine["empty"]:
        after = f", {text[engine.end('call') :].lstrip()}"
    else:
        after = f"){text[engine.end('empty' if engine['empty'] else 'name') :]}"
    return f"{text[: engine.start('name')]}{named}{after}"


def _on(cluster: str) -> str:
    return f" ON CLUSTER `{cluster}`" if cluster else ""
