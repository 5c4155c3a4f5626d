"""What is said of some profiles with its times: of what a golden record follows from, and at which
time it would have been which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.profiles.core.consent import ConsentRecord
from services.profiles.core.facts import AttributeObservation
from services.profiles.core.purchases import Settled


class ProfileHistory(NamedTuple):
    """Of one profile, without synthetic events."""

    kind: str
    observations: Sequence[AttributeObservation] = ()
    """What was said of its attributes."""
    consents: Sequence[ConsentRecord] = ()
    """What was said about contact, and what erasures kept of it."""
    orders: Sequence[Settled] = ()
    """Orders and returns that count for it, each once, with all their reports."""
