"""What an erasure keeps of what a person said against contact: node ids and times only.

Written by erasures, read wherever contact permission is answered. Nothing here names the event.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from schemas.identifiers import NodeId


class KeptObjection(NamedTuple):
    """An objection, a withdrawal or a complaint of somebody who was erased since, for one of
    their nodes.

    `purpose` and `channel` are empty for every one; `address` is zero for all of the person.
    """

    node: NodeId
    action: str
    purpose: str
    channel: str
    address: NodeId
    occurred_at: datetime
