"""The three error families; the pipeline acts on the family, never on a message.

C360Error
├── Reject   bad data: kept with its reason, the stream continues (returned as a value, see ingest)
├── Retry    transient: back off and try the same batch again
└── Fatal    an invariant or the environment is broken: say what to do and exit
    ├── ConfigurationError   a setting or rules file is wrong
    └── StoreUnavailable     the data directory cannot be used

A request can fail in three more ways, none of which the pipeline meets: InvalidInput, InvalidState,
NotFound.
"""

from __future__ import annotations


class C360Error(Exception):
    """Base of all errors that a user may see; the text says what, where and what to do."""

    exit_code = 1

    def __init__(self, text: str = "", *, reason: str = "") -> None:
        """`reason` names the fault for programs, where they act on it; the text is for people."""
        super().__init__(text)
        self.reason = reason


class Retry(C360Error):
    """A transient fault: the same batch may succeed later."""

    exit_code = 75


class Fatal(C360Error):
    """An invariant or the environment is broken."""

    exit_code = 70


class ConfigurationError(Fatal):
    """A setting or a rules file is wrong."""

    exit_code = 78


class StoreUnavailable(Fatal):
    """The data directory cannot be used."""

    exit_code = 74


class InvalidState(C360Error):
    """What was asked for is not possible in the state that the thing is in."""

    exit_code = 1


class InvalidInput(C360Error):
    """An argument is missing, too long or of the wrong form."""

    exit_code = 2


class NotFound(C360Error):
    """Not found."""

    exit_code = 4
