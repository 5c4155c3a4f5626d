"""A server's limit for one parameter: the development endpoint has it, and our client stays below.

What counts is what is sent (http_max_field_value_size): in an address every escaped byte is three.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlencode

import httpx
import pytest

from services.store.database import PARAMETER_CHARS_MAX, Database
from tests.clickhouse_endpoint import ClickHouseEndpoint

LIMIT = 131_072
DEADLINE_S = 30
SQL = "SELECT length({v:String})"


Answer = tuple[int, str | None, str]
"""Status, ClickHouse's error code, body."""
Send = Callable[[ClickHouseEndpoint, str], Answer]


def asked(endpoint: ClickHouseEndpoint, body: str, **parameters: str) -> Answer:
    """The answer to a request whose address may be longer than httpx allows."""
    with closing(HTTPConnection("127.0.0.1", endpoint.port, timeout=DEADLINE_S)) as connection:
        connection.request("POST", f"/?{urlencode(parameters)}", body.encode())
        answer = connection.getresponse()
        code = answer.headers["X-ClickHouse-Exception-Code"]
        return answer.status, code, answer.read().decode()


def by_address(endpoint: ClickHouseEndpoint, value: str) -> Answer:
    """The value as a parameter of the address, as both drivers send it."""
    return asked(endpoint, SQL, param_v=value)


def by_form(endpoint: ClickHouseEndpoint, value: str) -> Answer:
    """The value as a field of a form."""
    fields = {"query": (None, SQL), "param_v": (None, value)}
    answer = httpx.post(endpoint.url, files=fields, timeout=DEADLINE_S)
    return answer.status_code, answer.headers.get("X-ClickHouse-Exception-Code"), answer.text


def test_a_value_of_the_greatest_length(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """It is taken, whichever way it comes."""
    for send in (by_address, by_form):
        assert send(clickhouse_endpoint, "x" * LIMIT) == (200, None, f"{LIMIT}\n")
    assert by_form(clickhouse_endpoint, "ü" * (LIMIT // 2)) == (200, None, f"{LIMIT}\n")


@pytest.mark.parametrize(
    ("send", "value"),
    [
        # one byte more, in an address and in a form
        (by_address, "x" * (LIMIT + 1)),
        (by_form, "x" * (LIMIT + 1)),
        # bytes count, not characters
        (by_form, "ü" * (LIMIT // 2 + 1)),
        # in an address, bytes as they are written: six for this letter
        (by_address, "ü" * (LIMIT // 6 + 1)),
    ],
    ids=["address", "form", "bytes", "escaped"],
)
def test_a_longer_value_is_refused(
    clickhouse_endpoint: ClickHouseEndpoint, send: Send, value: str
) -> None:
    """With the code and words of a server, which no setting of the query changes."""
    status, code, text = send(clickhouse_endpoint, value)
    assert (status, code) == (500, "1000")
    assert "Field value too long" in text


def test_a_statement_in_the_address_is_a_field_too(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """A long one belongs into the body, where it may be as long as it likes."""
    sql = f"SELECT length('{'x' * LIMIT}')"
    status, code, text = asked(clickhouse_endpoint, "", query=sql, max_query_size="1000000")
    assert (status, code) == (500, "1000")
    assert "Field value too long" in text
    answer = asked(clickhouse_endpoint, sql, max_query_size="1000000")
    assert answer == (200, None, f"{LIMIT}\n")


@pytest.mark.any_store(always=True)
@pytest.mark.parametrize("letter", ["\\", "'", "😀", "%", "a"])
@pytest.mark.parametrize("length", [PARAMETER_CHARS_MAX - 4, PARAMETER_CHARS_MAX, 40_000])
def test_our_client_stays_below_it(database: Database, letter: str, length: int) -> None:
    """Whatever a text or a list of texts is made of, and however long it grows by escaping."""
    text = letter * length
    [(found,)] = database.rows("SELECT {v:String}", {"v": text})
    assert found == text
    for texts in ([text], [letter] * (length // 4), [letter] * (length // 4 - 1)):
        [(listed,)] = database.rows("SELECT {v:Array(String)}", {"v": texts})
        assert listed == texts


@pytest.mark.any_store(always=True)
def test_a_parameter_beside_a_long_statement(database: Database) -> None:
    """The driver sends parameters of some length as a form, but not if the statement is too long
    for a field: then they stand in the address."""
    numbers, text = list(range(50_000)), "😀" * PARAMETER_CHARS_MAX
    sql = "SELECT length({numbers:Array(UInt32)}), {text:String}"
    assert database.rows(sql, {"numbers": numbers, "text": text}) == [(len(numbers), text)]
