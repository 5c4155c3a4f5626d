"""Recipients of a mail that has several: an event must say whom it is about."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.reject import RejectReason
from services.intake.fields import Fields, NotTaken, text_of
from services.intake.mail.provider import Paths, Recipient


def texts_in(fields: Fields, path: str) -> list[str]:
    """The texts of a list, or a single one."""
    *outer, name = path.split(".")
    for one in outer:
        fields = fields.object(one)
    value = fields.plain.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [text_of(one, f"{fields.path_of(name)}.{place}") for place, one in enumerate(values)]


def recipients_at(fields: Fields, paths: Paths) -> list[Recipient]:
    """Those of the first of these fields that names some."""
    for path in paths:
        if found := [Recipient(one) for one in texts_in(fields, path) if one.strip()]:
            return found
    return []


def one_of(found: Sequence[Recipient], path: str) -> list[Recipient]:
    """The recipient. Raises NotTaken if there are several."""
    if len(found) > 1:
        message = "the mail has several recipients, and the event does not say whom it is about"
        raise NotTaken(path, message, RejectReason.NO_USABLE_IDENTIFIER)
    return list(found)
