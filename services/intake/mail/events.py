"""Events of a provider as touchpoints, by its declaration: who, when, which mail, what happened.

The person is the recipient, named by the address: it says nothing of who holds the mailbox, so it
is never verified. An event becomes its touchpoints, or is refused alone, with its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from schemas.events.messages import Purpose
from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.fields import (
    CODE_CHARS_MAX,
    REQUIRED,
    TITLE_CHARS_MAX,
    URL_CHARS_MAX,
    Fields,
    NotTaken,
)
from services.intake.format import MESSAGES_MAX, TOO_MANY, Delivered, Format, Refused, Translated
from services.intake.json_text import written
from services.intake.mail.provider import MailMapping, MailProvider, Recipient
from services.intake.mail.recipients import one_of, recipients_at
from services.intake.mail.values import (
    addresses_of,
    code,
    digest,
    is_set,
    line_at,
    text_at,
    time_at,
    value_at,
    variables_at,
)

PAYLOAD_BYTES_MAX = 4 * 1024 * 1024
ADDRESS_CHARS_MAX = 320
BEFORE_AT = re.compile(rb"[^\x00-\x20\"<>(),:;\[\]\\@]{1,64}$")
BEHIND_AT = re.compile(rb"[^\x00-\x20\"<>(),:;\[\]\\@/?&#]{1,255}")
NAMED_MAX = 1_000
"""As many persons as a rejected line is searched for."""
CHANNEL = "email"
REACTIONS = ("email.opened", "email.clicked")
Json = dict[str, Any]


def mail_format(
    provider: MailProvider, is_signed: Callable[[Delivered, str], bool] | None = None, *,
    is_json: bool = True,
) -> Format:  # fmt: skip
    """The format of a provider's webhooks."""

    def touchpoints(payload: bytes) -> Translated | Fault:
        events = provider.unpacked(payload)
        if isinstance(events, Fault):
            return events
        if len(events) > MESSAGES_MAX:
            return TOO_MANY
        return [one for event in events for one in _of_event(provider, event)]

    return Format(
        provider.name, PAYLOAD_BYTES_MAX, touchpoints, is_json=is_json, is_signed=is_signed
    )


class ReportedEvent:
    """One event of a provider. Raises NotTaken if it becomes no touchpoint."""

    def __init__(self, provider: MailProvider, fields: Fields) -> None:
        self.provider, self.fields = provider, fields
        name = provider.event_of(fields) if provider.event_of else text_at(fields, provider.event)
        self.mapping = mapping_of(provider, name)
        self.occurred_at = time_at(fields, provider.time, is_utc=provider.is_utc)
        self.recipients = self._recipients(name)
        self.purposes = self._purposes()

    def touchpoints(self) -> list[bytes]:
        """One for each recipient, and each purpose that the event names."""
        return [
            self._touchpoint(one, purpose)
            for one in self.recipients for purpose in self.purposes
        ]  # fmt: skip

    def _recipients(self, name: str) -> list[Recipient]:
        provider = self.provider
        path = provider.recipient[0]
        if provider.recipients is not None:
            found = provider.recipients(self.fields, name)
        else:
            found = one_of(recipients_at(self.fields, provider.recipient), path)
        if not found:
            raise NotTaken(path, REQUIRED, RejectReason.NO_USABLE_IDENTIFIER)
        return [_with_address(one, path) for one in found]

    def _purposes(self) -> list[str]:
        """What the sender says of its message counts before what the provider says of its list."""
        stated = variables_at(self.fields, self.provider.variables, "purpose")
        if self.mapping.type == "email.sent":
            return [self._purpose_of_sent(stated)]
        if not self.mapping.is_of_group:
            return [""]  # of every purpose
        own = self.provider.purposes
        found = [stated] if stated else own(self.fields) if own else [self._group()]
        if self.mapping.type == "consent.given" and not all(found):
            raise NotTaken("purpose", f"{REQUIRED}: what may be sent again")
        return [code(one) for one in found]

    def _group(self) -> str:
        group = text_at(self.fields, self.provider.group) if self.provider.group else ""
        return "" if group == "0" else group

    def _purpose_of_sent(self, stated: str) -> str:
        purpose = stated or self.provider.stated_purpose(self.fields)
        if purpose not in set(Purpose):
            message = f"why it was sent: must be one of {', '.join(Purpose)}"
            raise NotTaken("purpose", message)
        return purpose

    def _touchpoint(self, recipient: Recipient, purpose: str) -> bytes:
        line: Json = {
            "occurred_at": self.occurred_at,
            "channel": CHANNEL,
            "type": self.mapping.type,
            "identifiers": [{"type": "email", "value": recipient.address}],
            "source": {"system": self.provider.name},
            "body": self._body(recipient, purpose),
        }
        return orjson.dumps({"event_id": self._event_id(line, recipient, purpose), **line})

    def _body(self, recipient: Recipient, purpose: str) -> Json:
        kind = self.mapping.type
        found: Json = {"address": recipient.address, "purpose": purpose}
        if kind == "consent.given":
            return found | {"channel": CHANNEL}
        found |= self._of_message()
        if kind == "email.sent":
            found["subject"] = line_at(self.fields, self.provider.subject, TITLE_CHARS_MAX)
        elif kind in REACTIONS:
            found |= self._of_reaction()
        elif kind != "email.delivered":
            found["bounce"] = self.mapping.bounce
            found["reason"] = self._reason(recipient)
        return {name: value for name, value in found.items() if value}

    def _of_message(self) -> Json:
        provider, fields = self.provider, self.fields
        campaign = variables_at(fields, provider.variables, "campaign")
        return {
            "campaign": code(campaign or text_at(fields, provider.campaign)),
            "message_id": code(provider.message_id_of(text_at(fields, provider.message_id))),
        }

    def _of_reaction(self) -> Json:
        """Whether a program opened or clicked is what the provider says; user agents of programs
        are recognised by the contract."""
        provider, fields = self.provider, self.fields
        is_click = self.mapping.type == "email.clicked"
        return {
            "url": _url(fields, provider) if is_click else "",
            "user_agent": line_at(fields, provider.user_agent, URL_CHARS_MAX),
            "automated": self.mapping.automated or is_set(fields, provider.automated),
        }

    def _reason(self, recipient: Recipient) -> str:
        own = " ".join(recipient.reason.split())[:TITLE_CHARS_MAX].strip()
        return own or line_at(self.fields, self.provider.reason, TITLE_CHARS_MAX)

    def _event_id(self, line: Json, recipient: Recipient, purpose: str) -> str:
        """The provider's own id, with what tells apart the touchpoints that may have the same;
        derived from what the touchpoint says if there is none. It begins with the provider."""
        name, stated = self.provider.name, text_at(self.fields, self.provider.event_id)
        if not stated:
            return f"{name}-{digest(orjson.dumps(line, option=orjson.OPT_SORT_KEYS))}"
        parts = [name, line["type"].rpartition(".")[2], stated]
        if self.provider.is_id_of_a_day:
            parts.append(self.occurred_at[:10])
        if len(self.recipients) * len(self.purposes) > 1:
            parts.append(digest(orjson.dumps([recipient.address, purpose]))[:16])
        found = "-".join(parts)
        return found if len(found) <= CODE_CHARS_MAX else f"{name}-{digest(found.encode())}"


def mapping_of(provider: MailProvider, name: str) -> MailMapping:
    """What an event becomes. Raises NotTaken if it is not taken."""
    found = provider.events.get(name)
    path = provider.event[0]
    if found is None:
        message = f"is no event of {provider.title} that is known" if name else REQUIRED
        raise NotTaken(path, message, RejectReason.UNKNOWN_TYPE)
    if isinstance(found, str):
        raise NotTaken(path, f"is not taken: {found}", RejectReason.UNKNOWN_TYPE)
    return found


def _with_address(recipient: Recipient, path: str) -> Recipient:
    """The recipient by the address alone."""
    found = [Recipient(one, recipient.reason) for one in addresses_of(recipient.address)]
    if not found:
        raise NotTaken(path, REQUIRED, RejectReason.NO_USABLE_IDENTIFIER)
    [one] = one_of(found, path)
    if len(one.address) > ADDRESS_CHARS_MAX:
        raise NotTaken(path, f"at most {ADDRESS_CHARS_MAX} characters")
    return one


def _url(fields: Fields, provider: MailProvider) -> str:
    url = text_at(fields, provider.url)
    if len(url) > URL_CHARS_MAX:
        raise NotTaken(value_at(fields, *provider.url)[0], f"at most {URL_CHARS_MAX} characters")
    return url


def _of_event(provider: MailProvider, plain: Any) -> Iterator[bytes | Refused]:
    content, fault = written(plain)
    if fault is None:
        try:
            yield from ReportedEvent(provider, Fields(plain)).touchpoints()
            return
        except NotTaken as refusal:
            fault = refusal.fault
        except Exception as error:  # a bug: it costs no other event
            message = f"{type(error).__name__}; please report it"
            fault = Fault(RejectReason.UNPROCESSABLE, "", message)
    if not isinstance(plain, dict):
        yield Refused(b"", fault)  # whom it names, nobody can tell
        return
    yield Refused(content, fault, _named(provider, plain, content))


def _named(provider: MailProvider, plain: Json, content: bytes) -> bytes:
    """Whom an event names that becomes no touchpoint: every address that stands anywhere in it."""
    found: Json = {
        "source": {"system": provider.name},
        "identifiers": [{"type": "email", "value": one} for one in _addresses(content)],
    }
    with suppress(NotTaken):
        found["occurred_at"] = time_at(Fields(plain), provider.time, is_utc=provider.is_utc)
    return orjson.dumps(found)


def _addresses(content: bytes) -> list[str]:
    found: dict[str, None] = {}
    at = content.find(b"@")
    while at >= 0 and len(found) < NAMED_MAX:
        before = BEFORE_AT.search(content[max(0, at - 64) : at])
        behind = BEHIND_AT.match(content[at + 1 : at + 256])
        if before and behind:
            found[(before[0] + b"@" + behind[0]).decode(errors="replace")] = None
        at = content.find(b"@", at + 1)
    return list(found)
