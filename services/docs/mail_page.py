"""docs/reference/mail.md: what each event of an e-mail provider becomes, and why none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from services.docs.markdown import code, page, table
from services.intake.formats import FORMATS
from services.intake.mail.provider import MailMapping, MailProvider

INTRODUCTION = """
How to set up a provider, and what is meant, says [the page about e-mail providers](../mail.md) and
the page of each. An event of another name is refused: a provider may have added it.
""".strip()
REFUSED = """
An event that becomes no touchpoint is rejected with its own bytes; the field is named as the event
names it, `purpose` is a variable of the message. A text that is longer than its field takes, or a
field that has not its form, is refused in the same way, where it is not listed. What becomes a
touchpoint may still be rejected as every event ([rejected events](../rejected-events.md)).
""".strip()


def _providers() -> Iterator[MailProvider]:
    for name in FORMATS:
        found = getattr(import_module(f"services.intake.formats.{name}"), "PROVIDER", None)
        if isinstance(found, MailProvider):
            yield found


PROVIDERS: Mapping[str, MailProvider] = {one.name: one for one in _providers()}
"""By the names of their formats."""


def mail_page() -> str:
    """The whole page."""
    return page(
        "Events of e-mail providers",
        INTRODUCTION,
        REFUSED,
        *(part for one in PROVIDERS.values() for part in _provider(one)),
    )


def _provider(provider: MailProvider) -> Iterator[str]:
    found = provider.events.items()
    taken = [(code(name), *_row(one)) for name, one in found if isinstance(one, MailMapping)]
    refused = [(code(name), one) for name, one in found if isinstance(one, str)]
    yield f"## {provider.title}"
    yield f"[How to set it up](../formats/{provider.name}.md)."
    yield table(("Event", "Touchpoint", "With"), taken)
    if refused:
        yield table(("Event", "Not taken, because"), refused)
    rows = ((code(one.path), code(one.reason), one.when) for one in provider.refusals)
    yield table(("Field at fault", "Reason", "When"), rows)


def _row(mapping: MailMapping) -> tuple[str, str]:
    said = {
        f"bounce `{mapping.bounce}`": mapping.bounce is not None,
        "bounce as the reply of the server says": mapping == MailMapping("email.bounced"),
        "`automated`": mapping.automated,
        "the purpose of the message, else of the group": mapping.is_of_group,
    }
    return code(mapping.type), "; ".join(one for one, is_said in said.items() if is_said)
