"""Which tests `make test` leaves to `make test-long`, because they take long and find little more.

A long test is one more seed, a larger volume or a second variant of what a shorter one shows.
pytest itself leaves nothing out: whoever names a file runs all of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

import pytest

LONG = pytest.mark.long


def volumes(few: int, many: int) -> list[Any]:
    """Values of a parameter: how many histories are tried in every run, and in a long one."""
    return [few, pytest.param(many, marks=LONG)]


def always(these: Collection[Any], among: Iterable[Any]) -> list[Any]:
    """Values of a parameter, such as seeds, of which a short run tries these alone."""
    return [one if one in these else pytest.param(one, marks=LONG) for one in among]


SHOWN_BY_ANOTHER = {
    # Both runtimes serve the API by the same code; that they agree, the resources show on both.
    r"contract/api/test_(?!resources|profiles|scopes|tracking)\w+\.py::.*\[distrib": "[embedded]",
    r"contract/api/test_resources\.py::test_nothing_is_skipped.*\[distributed": "[embedded]",
    r"contract/api/test_resources\.py::test_(the_timeline|filters_of).*\[distributed": "[embedded]",
    r"contract/api/test_resources\.py::test_measures_and.*\[distributed": "[embedded]",
    # Tools of this repository, which change seldom.
    r"contract/test_clickhouse_endpoint_faults\.py::": "every test on an endpoint",
    r"integration/test_dev_kafka\.py::test_data_outlive": "every test with brokers",
    # What the store forgets.
    r"e2e/test_nothing_left_on_kafka\.py::": "test_nothing_left, test_an_erasure_goes",
    r"e2e/test_distributed\.py::test_events_expire": "test_retention_on_server",
    r"integration/test_retention_on_server\.py::test_what_comes_in_at": "other moments",
    r"integration/test_retention_on_server\.py::test_a_dead_worker": "other moments",
    r"integration/test_retention_on_server\.py::test_a_link_under_way": "other moments",
    r"integration/test_replay_into_a_new_store\.py::test_a_value_that": "other values",
    r"integration/test_replay_into_a_new_store\.py::test_both_who": "other values",
    r"integration/test_replay_into_a_new_store\.py::test_an_interrupted": "other values",
    r"integration/test_replay_into_a_new_store\.py::test_what_an_event": "other values",
    r"integration/test_erasure_on_server\.py::test_events_in_flight.*\[derived": "[decoded]",
    # What is decided.
    r"e2e/test_distributed\.py::test_a_decision_goes": "test_operations_on_kafka",
    r"e2e/test_decide_command\.py::": "test_operations, test_identity_decisions",
    r"e2e/test_identity_rules\.py::test_rules_are_replaced": "test_rules_in_force",
    r"e2e/test_identity_rules\.py::test_a_map_is_rebuilt": "test_rules_in_force",
    r"integration/test_rules_in_force\.py::test_a_change_is_replaced": "other changes of rules",
    # What is measured.
    r"integration/test_person_scores\.py::test_scores_among_buyers": "test_scores_of_all_persons",
    r"integration/test_splink_scorer\.py::test_order_and_repetition": "scores of known pairs",
    r"integration/test_splink_scorer\.py::test_a_name_that_hundreds": "scores of known pairs",
    # What comes and goes.
    r"integration/test_corrupt_log\.py::test_corrupt_batch_ends": "other damages of a log",
    r"integration/test_faust_host\.py::test_ingest_goes_on_after": "tests/chaos",
    r"integration/test_faust_host\.py::test_an_exception_ends": "tests/chaos",
    r"integration/test_publish_kafka\.py::test_broker_killed": "tests of the producer",
    r"integration/test_log_feeds\.py::test_a_stream_outlives": "tests of the producer",
    r"contract/test_customer_incidents\.py::.*\[server": "[in-process]",
    r"integration/test_migrations\.py::test_a_new_store_is_the_same.*\[server": "[in-process]",
    r"integration/test_store_feeds\.py::test_whoever_resumes.*\[p-": "the other stream",
}
"""Where a test is that takes seconds and finds little more than another: which one that is."""
_SHOWN = re.compile("|".join(f"(?:{one})" for one in SHOWN_BY_ANOTHER))


def is_shown_by_another(node_id: str) -> bool:
    """Whether a test is one of those."""
    return _SHOWN.search(node_id) is not None
