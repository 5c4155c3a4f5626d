"""Reads an HTTP request as a ClickHouse server does: credentials, parameters, statement, rows."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web
from multidict import CIMultiDictProxy

from devtools.clickhouse.compression import decoded
from devtools.clickhouse.errors import QueryRefusal
from devtools.clickhouse.sessions import SESSION_TIMEOUT_S
from devtools.clickhouse.statement import (
    SqlStatement,
    StatementKind,
    format_of,
    kind_of,
    split_insert,
)

# Parameters of the protocol; every other one is a setting or a query parameter.
PROTOCOL = {
    "query", "database", "default_format", "user", "password", "quota_key", "query_id",
    "session_id", "session_timeout", "session_check", "compress", "decompress", "buffer_size",
    "wait_end_of_query", "stacktrace", "client_protocol_version", "enable_http_compression",
    "cancel_http_readonly_queries_on_client_close", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
}  # fmt: skip
PARAMETER = "param_"
BUFFER_BYTES = 1024 * 1024
FIELD_BYTES_MAX = 128 * 1024
UNSUPPORTED = {
    "compress": "ClickHouse's own block compression of answers; use Accept-Encoding",
    "decompress": "ClickHouse's own block compression of bodies; use Content-Encoding",
    "role": "roles",
}


@dataclass(frozen=True)
class RequestOptions:
    """How a statement wants to be run and answered."""

    session_id: str
    session_timeout_s: int
    session_must_exist: bool
    buffer_bytes: int | None
    """Answer bytes held back before the status is sent; None for all of them."""
    compressed: bool
    cancelled_with_client: bool


def authenticate(request: web.Request, user: str, password: str) -> None:
    """Check the credentials: headers, basic authorization or parameters.

    Raises QueryRefusal (516).
    """
    headers, query = request.headers, request.query
    given: list[tuple[str, str]] = []
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        given.append((headers.get("X-ClickHouse-User", ""), headers.get("X-ClickHouse-Key", "")))
    if "Authorization" in headers:
        given.append(_basic(headers["Authorization"]))
    if "user" in query or "password" in query:
        given.append((query.get("user", ""), query.get("password", "")))
    if len(given) > 1:
        raise QueryRefusal.of(516, "Invalid authentication: it is not allowed to mix its ways")
    name, key = given[0] if given else ("default", "")
    name = name or "default"
    known = hmac.compare_digest(name.encode(), user.encode())
    if not (hmac.compare_digest(key.encode(), password.encode()) and known):
        raise QueryRefusal.of(
            516,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such "
            "name.",
        )


def _basic(header: str) -> tuple[str, str]:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        message = f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported"
        raise QueryRefusal.of(516, message)
    try:
        name, _, key = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise QueryRefusal.of(516, "Invalid authentication: no basic credentials") from error
    return name, key


def query_id_of(request: web.Request) -> str:
    """The id that the client gave, or a new one."""
    given = request.query.get("query_id") or request.headers.get("X-ClickHouse-Query-Id")
    return given or str(uuid.uuid4())


def wishes_of(query: Mapping[str, str]) -> RequestOptions:
    """What the parameters say about the session and the answer. Raises QueryRefusal."""
    for name, what in UNSUPPORTED.items():
        if query.get(name, "0") not in ("", "0"):
            raise QueryRefusal.of(48, f"The development endpoint does not know {what} ({name})")
    timeout = query.get("session_timeout", str(SESSION_TIMEOUT_S))
    if not timeout.isdecimal():
        raise QueryRefusal.of(374, f"Invalid session timeout: '{timeout}'")
    whole = query.get("wait_end_of_query", "0") not in ("", "0")
    size = query.get("buffer_size", "")
    return RequestOptions(
        session_id=query.get("session_id", ""),
        session_timeout_s=int(timeout),
        session_must_exist=query.get("session_check", "") == "1",
        buffer_bytes=None if whole else int(size) if size.isdecimal() else BUFFER_BYTES,
        compressed=query.get("enable_http_compression", "0") not in ("", "0"),
        cancelled_with_client=query.get("cancel_http_readonly_queries_on_client_close") == "1",
    )


async def read_statement(request: web.Request, body_bytes_max: int, query_id: str) -> SqlStatement:
    """The statement of a request, with all that came along. Raises QueryRefusal."""
    for part in request.rel_url.raw_query_string.split("&"):
        _refuse_long_field(part.partition("=")[2])
    fields = {**request.query}
    if request.content_type == "multipart/form-data":
        fields |= await _form(request, body_bytes_max)
        body = b""
    else:
        raw = await _body(request, body_bytes_max)
        body = decoded(raw, request.headers.get("Content-Encoding", "").lower())
        _refuse_long(len(body), body_bytes_max)
    before = fields.get("query", "").encode()
    text = before + b"\n" + body if before and body else before or body
    default = fields.get("default_format") or request.headers.get("X-ClickHouse-Format")
    return _statement(text, fields, default or "TabSeparated", request.headers, query_id)


def _statement(
    text: bytes,
    fields: dict[str, str],
    default_format: str,
    headers: CIMultiDictProxy[str],
    query_id: str,
) -> SqlStatement:
    inserted = split_insert(text)
    try:
        sql, form, rows = inserted or (text.decode(), "", b"")
    except UnicodeDecodeError as error:
        raise QueryRefusal.of(62, f"Syntax error: the statement is no UTF-8: {error}") from error
    if not sql.strip():
        raise QueryRefusal.of(62, "Syntax error: Empty query")
    kind = StatementKind.INSERT if inserted else kind_of(text)
    return SqlStatement(
        sql=sql,
        kind=kind,
        format=form or format_of(sql, default_format),
        rows=rows,
        database=fields.get("database") or headers.get("X-ClickHouse-Database") or "",
        query_id=query_id,
        settings={
            name: value
            for name, value in fields.items()
            if name not in PROTOCOL and name not in UNSUPPORTED and not name.startswith(PARAMETER)
        },
        parameters={
            name.removeprefix(PARAMETER): value
            for name, value in fields.items()
            if name.startswith(PARAMETER)
        },
    )


async def _body(request: web.Request, most: int) -> bytes:
    """The body. One that is too long is read to its end all the same, so that the client listens
    to the answer."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size <= most:
            pieces.append(piece)
    _refuse_long(size, most)
    return b"".join(pieces)


async def _form(request: web.Request, most: int) -> dict[str, str]:
    fields: dict[str, str] = {}
    size = 0
    reader = await request.multipart()
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise QueryRefusal.of(117, "A part of the form has no name")
        if part.filename is not None:
            raise QueryRefusal.of(
                48,
                f"External data ({part.name}) is not supported by the development endpoint. Insert "
                "it into a temporary table of a session",
            )
        value = await part.read(decode=False)
        size += len(value)
        _refuse_long(size, most)
        _refuse_long_field(value)
        fields[part.name] = value.decode()
    return fields


def _refuse_long_field(value: str | bytes) -> None:
    """A server has this limit (http_max_field_value_size), and no query can raise it.

    In an address it counts what is written there: three bytes for each one that is escaped.
    """
    if len(value) > FIELD_BYTES_MAX:
        raise QueryRefusal(1000, "HTML Form Exception: Field value too long (POCO_EXCEPTION)")


def _refuse_long(size: int, most: int) -> None:
    if size > most:
        raise QueryRefusal.of(
            229,
            f"The body of {size} bytes is longer than {most}. Send less at once, or start the "
            "endpoint with a larger --body-mb-max",
        )
