"""The store says of a whole graph what the pure functions say of its rows, under any rules."""

from __future__ import annotations

import re
from random import Random

import pytest

from services.identity.adapters import plain_rows
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.core.model import type_table
from services.identity.sieve import sieve_of
from services.store.database import Database
from tests.integration.test_identity_verification import written
from tests.property.identity.test_sieve import RULES, customers
from tests.unit.identity.replay import REALM
from tests.unit.identity.stories import Story, changed_rules, random_story

pytestmark = pytest.mark.any_store
AT_MOST = 10_000


@pytest.mark.parametrize("seed", [4, 9, 27, None])
def test_both_find_the_same(database: Database, seed: int | None) -> None:
    """The crowded nodes and the doubtful profiles, as the map was written and under other rules; of
    customers as they mostly are (None), nearly none."""
    rng = Random(seed)
    story = random_story(rng) if seed else Story(RULES, [*customers(rng, 20)])
    _, memory = written(database, story)
    store = ClickHouseIdentityStore(database)  # which knows that there are decisions
    for rules in (story.rules, *(changed_rules(rng, story.rules) for _ in range(4))):
        table = type_table(rules)
        expected = memory.crowded(REALM, table, AT_MOST)
        assert sorted(store.crowded(REALM, table, AT_MOST)) == sorted(expected)
        doubtful = sieve_of(memory, REALM, table).doubtful
        assert sieve_of(store, REALM, table).doubtful == doubtful
        assert store.doubtful("another", table, (), (), AT_MOST) == set()
    if seed is None:
        assert sieve_of(store, REALM, type_table(RULES)).doubtful == {1}


def test_no_more_than_asked_for_are_given(database: Database) -> None:
    """Whoever asks sees that there are too many."""
    story = random_story(Random(9))
    written(database, story)
    store, table = ClickHouseIdentityStore(database), type_table(story.rules)
    assert len(store.doubtful(REALM, table, (), (), 2)) == 2
    assert len(store.crowded(REALM, table, 1)) <= 1


def test_a_profile_larger_than_rules_allow_is_doubtful(database: Database) -> None:
    """Of customers with three personal identifiers each, whom the rules of the map joined."""
    _, memory = written(database, Story(RULES, [*customers(Random(1), 20)]))
    store = ClickHouseIdentityStore(database)
    for size, found in ((3, 1), (2, 21)):
        table = type_table(RULES.model_copy(update={"identifiers_max": size}))
        doubtful = sieve_of(memory, REALM, table).doubtful
        assert doubtful is not None
        assert len(doubtful) == found
        assert sieve_of(store, REALM, table).doubtful == doubtful


def test_what_goes_to_disk_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both statements keep a limited part of what they group in memory; with hardly any of it there
    they find the same."""
    rng = Random(27)
    story = random_story(rng)
    _, memory = written(database, story)
    for name in ("CROWDED_SQL", "DOUBTFUL_SQL"):
        limit, sql = r"max_bytes_before_external_group_by = (\d+)", getattr(plain_rows, name)
        assert [0 < int(one) <= 300_000_000 for one in re.findall(limit, sql)] == [True]
        tiny = re.sub(limit, "max_bytes_before_external_group_by = 1", sql)
        monkeypatch.setattr(plain_rows, name, tiny)
    store, table = ClickHouseIdentityStore(database), type_table(story.rules)
    expected = sorted(memory.crowded(REALM, table, AT_MOST))
    assert sorted(store.crowded(REALM, table, AT_MOST)) == expected
    doubtful = sieve_of(memory, REALM, table).doubtful
    assert doubtful
    assert sieve_of(store, REALM, table).doubtful == doubtful


def test_a_profile_that_another_node_names_is_doubtful(database: Database) -> None:
    """All of a customer's rows agree, and say the name of a node that was not the first."""
    written(database, Story(RULES, [*customers(Random(1), 20)]))
    store, table = ClickHouseIdentityStore(database), type_table(RULES)
    [row] = database.rows(
        "SELECT any(realm), profile, groupArray(node), any(kind::String) FROM map FINAL "
        "WHERE kind = 'person' GROUP BY profile HAVING count() > 2 ORDER BY profile DESC LIMIT 1"
    )
    realm, profile, nodes, kind = row
    assert profile.int not in (sieve_of(store, REALM, table).doubtful or ())
    other = next(one for one in sorted(nodes) if one != profile)
    columns = ("realm", "profile", "node", "type", "kind", "version")
    rows = [(realm, other, one, "", kind, 2**62) for one in nodes]
    database.insert_rows("members", columns, rows)
    assert other.int in (sieve_of(store, REALM, table).doubtful or ())
