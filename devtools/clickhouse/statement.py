"""Reads a statement only as far as the protocol needs: its kind, its format, where its data starts.

Everything else about it is the engine's business.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field

GAP = rb"(?:\s|--[^\n]*(?:\n|$)|#!?[ ][^\n]*(?:\n|$)|/\*.*?\*/)*"
FIRST_WORD = re.compile(GAP + rb"\(*\s*([A-Za-z]+)", re.DOTALL)
# One token of the head of an INSERT; quoted names, strings and comments hide what is in them.
TOKEN = re.compile(
    rb"\s+|--[^\n]*|/\*.*?\*/|`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\w+|.",
    re.DOTALL,
)
FORMAT = re.compile(rb"FORMAT\s+(\w+)[ \t\r]*(?:;[ \t\r]*)?\n?", re.IGNORECASE)
LAST_FORMAT = re.compile(r"\bFORMAT\s+([A-Za-z]\w*)\s*(?:SETTINGS\b[^()]*)?;?\s*$", re.IGNORECASE)
OUTSIDE = re.compile(
    r"(file|url|s3|gcs|cosn|oss|hdfs|azureblobstorage|hudi|deltalake|iceberg\w*|paimon\w*|hive)"
    r"(cluster|queue|s3|azure|hdfs|local)*"
    r"|executable(pool)?|python|remote(secure)?|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc"
    r"|cassandra|http|ytsaurus|nats|rabbitmq|kafka|arrowflight|prometheusquery"
)
"""Functions and engines of ClickHouse and chDB that leave the engine's own directory."""
ANSWERING = {
    b"SELECT", b"WITH", b"SHOW", b"DESC", b"DESCRIBE", b"EXPLAIN", b"EXISTS", b"CHECK", b"FROM",
    b"VALUES",
}  # fmt: skip
STREAMED = {b"SELECT", b"WITH"}
# Each block that the engine streams carries no header in these, so they may be put end to end.
STREAMED_FORMATS = {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"}


class StatementKind(enum.Enum):
    """What a statement does, as far as the endpoint treats it differently."""

    READ = "read"
    """Answers with rows, changes nothing."""
    INSERT = "insert"
    """Rows in a format follow the statement."""
    SESSION = "session"
    """SET or USE: changes the session it runs in."""
    OTHER = "other"
    """DDL, INSERT … SELECT, INSERT … VALUES and all else that writes."""


@dataclass(frozen=True)
class SqlStatement:
    """One statement with its formats and data."""

    sql: str
    kind: StatementKind
    format: str
    """Of the answer; of the rows for an insert."""
    rows: bytes = b""
    database: str = ""
    query_id: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def is_streamed(self) -> bool:
        """Whether the engine can give the answer block by block."""
        word = FIRST_WORD.match(self.sql.encode())
        selects = word is not None and word[1].upper() in STREAMED
        return selects and self.kind is StatementKind.READ and self.format in STREAMED_FORMATS

    @property
    def answers_in(self) -> str | None:
        """The format of the answer, if there is one."""
        return self.format if self.kind is StatementKind.READ else None


def is_backup(sql: str) -> bool:
    """Whether a statement writes a backup, or restores one."""
    found = FIRST_WORD.match(sql.encode())
    return found is not None and found[1].upper() in (b"BACKUP", b"RESTORE")


def kind_of(text: bytes) -> StatementKind:
    """The kind of a statement; an INSERT is OTHER unless rows follow it."""
    found = FIRST_WORD.match(text)
    word = found[1].upper() if found else b""
    if word in ANSWERING:
        return StatementKind.READ
    return StatementKind.SESSION if word in (b"SET", b"USE") else StatementKind.OTHER


def split_insert(text: bytes) -> tuple[str, str, bytes] | None:
    """(statement, format, rows) of an INSERT with rows behind it; None for anything else."""
    found = FIRST_WORD.match(text)
    if found is None or found[1].upper() != b"INSERT":
        return None
    depth, position = 0, found.end()
    while token := TOKEN.match(text, position):
        word = token[0].upper()
        depth += (word == b"(") - (word == b")")
        if depth == 0 and word in (b"VALUES", b"SELECT", b"WITH", b"INFILE"):
            return None
        if depth == 0 and word == b"FORMAT" and (form := FORMAT.match(text, position)):
            return text[:position].decode(), form[1].decode(), text[form.end() :]
        position = token.end()
    return None


def insert_from(sql: str, path: str, form: str) -> str:
    """The INSERT that `split_insert` found, with its rows in a file."""
    text, depth, position = sql.encode(), 0, 0
    while token := TOKEN.match(text, position):
        word = token[0].upper()
        depth += (word == b"(") - (word == b")")
        if depth == 0 and word == b"SETTINGS":
            break
        position = token.end()
    head, settings = text[:position].decode(), text[position:].decode()
    return f"{head}\nFROM INFILE '{path}' COMPRESSION 'none'\n{settings}\nFORMAT {form}"


def format_of(sql: str, default: str) -> str:
    """The format that a statement asks for."""
    found = LAST_FORMAT.search(sql)
    return found[1] if found else default


def reaches_outside(sql: str, allowed: frozenset[str] = frozenset()) -> str:
    """The first function, engine or clause by which a statement reads or writes files, starts
    programs or contacts hosts; empty if there is none, or only those `allowed`. Strings and
    comments mean nothing."""
    words: list[str] = [
        token.strip(b'`"').decode("utf-8", "replace")
        for token in TOKEN.findall(sql.encode())
        if token.strip() and not token.startswith((b"--", b"/*", b"'"))
    ]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name = word.lower()
        if name in allowed:
            continue
        if name in ("infile", "outfile") or (following == "(" and OUTSIDE.fullmatch(name)):
            return word
    return ""
