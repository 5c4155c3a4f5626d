"""A server's limit for one parameter: the development endpoint has it, and our client stays below.

What counts is what is sent (http_max_field_value_size): in an address every escaped byte is three.
"""

from __future__ import annotations

import httpx
import pytest

from services.runtime.clickhouse import PARAMETER_CHARS_MAX, Database
from tests.clickhouse_endpoint import ClickHouseEndpoint

LIMIT = 131_072
DEADLINE_S = 30
SQL = "SELECT length({v:String})"


def by_address(endpoint: ClickHouseEndpoint, value: str) -> httpx.Response:
    """The value as a parameter of the address, as both drivers send it."""
    return httpx.post(endpoint.url, params={"param_v": value}, content=SQL, timeout=DEADLINE_S)


def by_form(endpoint: ClickHouseEndpoint, value: str) -> httpx.Response:
    """The value as a field of a form."""
    fields = {"query": (None, SQL), "param_v": (None, value)}
    return httpx.post(endpoint.url, files=fields, timeout=DEADLINE_S)


def test_a_value_of_the_greatest_length(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """It is taken, whichever way it comes."""
    for send in (by_address, by_form):
        assert send(clickhouse_endpoint, "x" * LIMIT).text == f"{LIMIT}\n"
    assert by_form(clickhouse_endpoint, "ü" * (LIMIT // 2)).text == f"{LIMIT}\n"


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
    clickhouse_endpoint: ClickHouseEndpoint, send: type[by_address], value: str
) -> None:
    """With the code and words of a server, which no setting of the query changes."""
    answer = send(clickhouse_endpoint, value)
    assert answer.status_code == 500
    assert answer.headers["X-ClickHouse-Exception-Code"] == "1000"
    assert "Field value too long" in answer.text


def test_a_statement_in_the_address_is_a_field_too(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """A long one belongs into the body, where it may be as long as it likes."""
    sql = f"SELECT {'1+' * LIMIT}1"
    refused = httpx.post(clickhouse_endpoint.url, params={"query": sql}, timeout=DEADLINE_S)
    assert "Field value too long" in refused.text
    settings = {"max_query_size": 1_000_000, "max_ast_depth": 0}
    sql = f"SELECT length('{'1' * LIMIT}')"
    taken = httpx.post(clickhouse_endpoint.url, params=settings, content=sql, timeout=DEADLINE_S)
    assert taken.text == f"{LIMIT}\n"


@pytest.mark.any_store
@pytest.mark.parametrize("letter", ["\\", "'", "\t", "😀", "%", "a"])
@pytest.mark.parametrize("length", [PARAMETER_CHARS_MAX - 4, PARAMETER_CHARS_MAX, 200_000])
def test_our_client_stays_below_it(database: Database, letter: str, length: int) -> None:
    """Whatever a text or a list of texts is made of, and however long it grows by escaping."""
    text = letter * length
    [(found,)] = database.rows("SELECT {v:String}", {"v": text})
    assert found == text
    for texts in ([text], [letter] * (length // 4), [letter] * (length // 4 - 1)):
        [(listed,)] = database.rows("SELECT {v:Array(String)}", {"v": texts})
        assert listed == texts
