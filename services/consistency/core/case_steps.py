"""Steps of service cases and conversations: who asked, who answered, and where.

Kinds about service hear the same events in the same way. The number of a case is one everywhere;
that of a conversation is one within its channel, so two channels may use the same.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from schemas.events.dialogue import (
    AgentKind,
    ComplaintChanged,
    MessageExchanged,
    Side,
    SupportExchanged,
)
from services.consistency.core.kind import Heard

SPOKEN_CHANNELS = ["kiosk", "phone", "pos", "video", "voice"]
"""Channels on which people talk to each other, so that no event tells of the answer."""


class CaseStep(StrEnum):
    """What happened in a case; of the same moment in this order."""

    ASKED = "asked"
    COMPLAINED = "complained"
    HANDED_OVER = "handed_over"
    BOT_ANSWERED = "bot_answered"
    ANSWERED = "answered"


STEP_ORDER = tuple(CaseStep)
ASKING = frozenset({CaseStep.ASKED, CaseStep.COMPLAINED})
STEPS = {
    "support.contacted": CaseStep.ASKED,
    "support.answered": CaseStep.ANSWERED,
    "complaint.opened": CaseStep.COMPLAINED,
    "complaint.closed": CaseStep.ANSWERED,
}


class Happened(NamedTuple):
    """A step of one case or conversation."""

    case_id: str
    step: CaseStep
    conversation: str
    """The channel whose conversation it is; empty for a case."""


CASE_BODIES = (SupportExchanged, ComplaintChanged, MessageExchanged)
"""The types of bodies that tell of a case."""


def step_of(heard: Heard) -> Happened | None:
    """The step that an event tells of; None if it is about no case."""
    body, kind = heard.event.body, heard.event.type
    if isinstance(body, SupportExchanged):
        step = _support_step(body, STEPS[kind])
        return None if step is None else Happened(body.case_id, step, "")
    if isinstance(body, ComplaintChanged):
        return Happened(body.case_id, STEPS[kind], "")
    if isinstance(body, MessageExchanged):
        return Happened(body.conversation_id, _message_step(body), heard.event.channel)
    return None


def _support_step(body: SupportExchanged, step: CaseStep) -> CaseStep | None:
    """None for a contact that the retailer began: nobody waits for an answer to it."""
    if step is CaseStep.ASKED:
        return None if body.direction is Side.US else step
    return CaseStep.BOT_ANSWERED if body.kind_of_agent is AgentKind.BOT else step


def _message_step(body: MessageExchanged) -> CaseStep:
    if body.author == "customer":
        return CaseStep.ASKED
    if body.author == "agent":
        return CaseStep.ANSWERED
    return CaseStep.HANDED_OVER if body.handed_over else CaseStep.BOT_ANSWERED
