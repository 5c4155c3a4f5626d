"""All topics are read again after an erasure: what a receipt says stays true."""

from __future__ import annotations

import asyncio

from services.erasure.adapters.runs import ErasureRuns
from services.stream.person_records import identity_outgoing
from tests.events import event, identifier, line
from tests.integration.test_erasure import REALM
from tests.integration.test_erasure_on_server import (
    Workers,
    assert_replay_changes_nothing,
)
from tests.integration.test_erasure_on_server import workers as workers
from tests.planted_person import EMAIL


def test_what_is_kept_of_an_objection_has_nobody_judged_again(workers: Workers) -> None:
    """Records of before the erasure name the customer. Read again, they leave no row."""
    mail, record = identifier("email", EMAIL, verified=True), workers.record()
    objection = {"purpose": "marketing"}

    async def story() -> None:
        workers.publish(line(event("objection.made", identifiers=[mail], body=objection)))
        await workers.run_all()
        await workers.send_all([identity_outgoing(record)])
        await workers.finish(record)

    def remaining() -> dict[str, int]:
        return ErasureRuns(workers.database).remaining(REALM, [one.int for one in record.nodes])

    asyncio.run(story())
    assert workers.database.rows("SELECT count() > 0 FROM kept_objections") == [(1,)]
    assert remaining() == {}
    assert_replay_changes_nothing(workers)
    assert remaining() == {}
