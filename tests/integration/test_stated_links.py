"""What only an erased person had stated, in a log that is read again from its beginning."""

from __future__ import annotations

from schemas.identifiers import as_uuid
from services.stream.person_records import identity_outgoing
from tests.events import event, identifier, line
from tests.integration.test_erasure import assert_consistent
from tests.integration.test_erasure_on_server import (
    Workers,
    assert_replay_changes_nothing,
    run,
)
from tests.integration.test_erasure_on_server import workers as workers
from tests.mixed_history import node_of
from tests.planted_person import EMAIL


def test_a_link_between_what_only_the_erased_stated_stays_away(workers: Workers) -> None:
    """Neither end is in the ledger, and the link stands in `c360.edges` all the same. Of the two,
    one that somebody else names afterwards has its own links."""
    mail = identifier("email", EMAIL)
    first, second = (
        identifier("phone", one, verified=True) for one in ("+493023125021", "+493023125022")
    )
    workers.publish(line(event("page.viewed", event_id="both", identifiers=[first, second, mail])))
    nodes = [str(as_uuid(node_of(one).id)) for one in (first, second)]
    ends = (
        "SELECT count() FROM edges FINAL WHERE a IN {nodes:Array(UUID)} OR b IN {nodes:Array(UUID)}"
    )

    def links() -> int:
        [(count,)] = workers.database.rows(ends, {"nodes": nodes})
        return int(count)

    run(workers.run_all())
    assert links() == 2
    record = workers.record()

    async def story() -> None:
        await workers.send_all([identity_outgoing(record)])
        await workers.finish(record)

    run(story())
    assert links() == 0
    assert_replay_changes_nothing(workers)
    assert links() == 0
    workers.start_identity()  # those of before would see that others have gone on, and end
    workers.start_consistency()
    other = identifier("loyalty_card", "another-card", issuer="shop", verified=True)
    workers.publish(line(event("page.viewed", event_id="owner", identifiers=[first, other])))
    run(workers.run_all())
    assert links() == 1
    assert_replay_changes_nothing(workers)
    assert_consistent(workers.database)
