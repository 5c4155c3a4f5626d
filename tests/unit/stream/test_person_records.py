"""What people decide goes where the edges of its realm are, so that one worker orders both."""

from __future__ import annotations

from schemas.edge import Decision, Node, Verdict
from schemas.records import DecisionRecord, EdgesRecord, IdentityRecordAdapter
from services.stream.connection import key_of
from services.stream.person_records import person_outgoing


def test_a_decision_goes_to_the_partition_of_its_realm() -> None:
    """The topic and key of edges; the worker reads back what was decided."""
    a, b = Node(1, "email", ""), Node(2, "loyalty_card", "club")
    decision = Decision(a, b, Verdict.DIFFERENT, "kim", "a couple", 1_700_000_000_123)
    record = DecisionRecord.of("outlet", decision)
    sent = person_outgoing(record)
    assert (sent.topic, sent.key, sent.partition) == ("c360.edges", key_of("outlet"), None)
    assert sent.key == EdgesRecord(realm="outlet").realm.encode()
    assert sent.value is not None
    read = IdentityRecordAdapter.validate_json(sent.value)
    assert isinstance(read, DecisionRecord)
    assert (read.realm, read.decision()) == ("outlet", decision)
