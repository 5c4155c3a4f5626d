"""One surface over the engine in process and over a server: what goes in comes out."""

from __future__ import annotations

import gc
import weakref

import pytest

from services.runtime.errors import ConfigurationError
from services.store.database import PARAMETER_CHARS_MAX, Database, inlined
from services.store.secret import check_secret, register_secret

pytestmark = pytest.mark.any_store(always=True)
FIELD_BYTES_MAX = 131_072
ODD = ["it's", "back\\slash", "\\'", "tab\there", "line\nbreak", "ü€😀", "{name:String}", "", "%s"]


def test_more_keys_than_an_address_holds(database: Database) -> None:
    """A server takes 128 KiB per parameter; a batch asks for more."""
    hashes = [2**64 - 1 - number for number in range(40_000)]
    sql = "SELECT length({hashes:Array(UInt64)}), arraySum({hashes:Array(UInt64)}), {few:UInt8}"
    for value in (hashes, f"[{','.join(map(str, hashes))}]"):
        [(count, total, few)] = database.rows(sql, {"hashes": value, "few": 7})
        assert (count, total, few) == (len(hashes), sum(hashes) % 2**64, 7)


@pytest.mark.parametrize("repeats", [1, 2_000])
def test_odd_texts_survive_however_long_the_list(database: Database, repeats: int) -> None:
    """Quotes, escapes and braces are data, in a parameter and in a literal."""
    texts = ODD * repeats
    [(found,)] = database.rows("SELECT {texts:Array(String)}", {"texts": texts})
    assert found == texts
    raw = database.raw("SELECT length({texts:Array(String)})", "TabSeparated", {"texts": texts})
    assert raw == f"{len(texts)}\n".encode()
    [(one,)] = database.rows("SELECT {text:String}", {"text": "'\\" * 5 * repeats})
    assert one == "'\\" * 5 * repeats


def test_short_parameters_stay_parameters() -> None:
    """Only what is too long becomes text; no field exceeds what a server takes."""
    nodes = ["0" * 36] * 5_000
    sql = "SELECT {nodes:Array(UUID)}, {realm:String}, {nodes:Array(UUID)}"
    text, short = inlined(sql, {"nodes": nodes, "realm": "r"})
    assert short == {"realm": "r"}
    assert text.count("CAST(splitByChar(',', '0") == 2
    assert "{realm:String}" in text
    assert PARAMETER_CHARS_MAX * 4 < FIELD_BYTES_MAX  # even if every character is escaped
    assert inlined(sql, {"nodes": nodes[:9], "realm": "r"}) == (
        sql, {"nodes": nodes[:9], "realm": "r"},
    )  # fmt: skip


@pytest.mark.parametrize("odd", ["", "a", "a,b", "it's", "back\\slash", "\n", "😀"])
def test_a_long_list_keeps_its_words(database: Database, odd: str) -> None:
    """Words without separators travel as one text; any word arrives as it was."""
    texts = [odd, *["0123456789abcdef" * 2] * 1_000, odd]
    [(found,)] = database.rows("SELECT {texts:Array(String)}", {"texts": texts})
    assert list(found) == texts


class _Word(str):
    """A text of which a test can tell whether somebody still holds it."""

    __slots__ = ("__weakref__",)


def test_what_is_stored_is_not_held_any_longer(database: Database) -> None:
    """A large batch is decoded without the collector of cycles: nothing may wait for it."""
    gc.disable()
    try:
        words = [_Word(f"word-{number}") for number in range(3)]
        held = [weakref.ref(word) for word in words]
        names = ("name", "value")
        database.insert("properties", names, [words, list(map(str, range(3)))])
        del words
        assert [one() for one in held] == [None] * 3
    finally:
        gc.enable()
    asked = "SELECT count() FROM properties WHERE name LIKE 'word-%'"
    assert database.rows(asked) == [(3,)]


def test_secret_stands_with_the_data(database: Database) -> None:
    """The first writer settles it; readers and writers with another one are refused."""
    assert not check_secret(database, b"first", "the store")
    register_secret(database, b"first", "the store")
    register_secret(database, b"first", "the store")
    assert check_secret(database, b"first", "the store")
    for check in (check_secret, register_secret):
        with pytest.raises(ConfigurationError, match="not the secret that the store was written"):
            check(database, b"second", "the store")
    [(stored,)] = database.rows("SELECT value FROM properties FINAL")
    assert len(stored) == 16
    assert "first" not in stored
