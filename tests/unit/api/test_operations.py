"""Operations: each has its name and scope, reads its request strictly, and is found by its name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr

from services.api.auth import LOCAL, Credentials, Scope
from services.api.operation import Operation, Request
from services.api.operations import OPERATIONS, operation_named
from services.api.queries.events import EventsRequest
from services.api.queries.insights import MeasureRequest
from services.api.queries.profiles import ProfileRequest, SearchRequest
from services.api.queries.timeline import PROFILE_TIMELINE, TimelineRequest
from services.runtime.errors import InvalidInput, NotFound

TOKEN = "token-of-local-commands"
CREDENTIALS = Credentials([SecretStr("a" * 16)], [SecretStr("b" * 16)], TOKEN)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
def test_each_is_typed_and_has_a_scope(operation: Operation[Request, Request]) -> None:
    """Requests refuse what they do not know, and a local command may ask for everything."""
    assert operation_named(operation.name) is operation
    assert operation.request.model_config["extra"] == "forbid"
    assert operation.scope in LOCAL
    assert operation.adapter.json_schema(mode="serialization")


def test_an_unknown_operation_is_not_found() -> None:
    """Nothing else becomes an operation by being a method somewhere."""
    for name in ("__init__", "run", "profile"):
        with pytest.raises(NotFound, match="no such operation"):
            operation_named(name)


@pytest.mark.parametrize(
    "arguments",
    [
        b'{"realm": "default", "limit": "many"}',  # of the wrong type
        b'{"realm": "default", "colour": "red"}',  # not known
        b"{}",  # one is missing
        b"[1",  # no JSON
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: bytes) -> None:
    """A wrong request is told as such, before anything is read."""
    with pytest.raises(InvalidInput):
        PROFILE_TIMELINE.parse(arguments)


@pytest.mark.parametrize(
    ("request_type", "arguments"),
    [
        (SearchRequest, {"realm": "default", "text": "a"}),
        (SearchRequest, {"realm": "default", "text": "a" * 201}),
        (ProfileRequest, {"realm": "default", "who": "\udcff"}),  # a byte that is no UTF-8
        (EventsRequest, {"realm": "default", "limit": 0}),
        (TimelineRequest, {"realm": "default", "limit": 0}),
        (TimelineRequest, {"realm": "default", "limit": 501}),
        (TimelineRequest, {"realm": "default", "since": "2026-03-02T10:00:00"}),  # no zone
        (MeasureRequest, {"realm": "default", "measure": "x", "first": date(1, 1, 1)}),
        (MeasureRequest, {"realm": "default", "measure": "x", "until": date(9999, 1, 1)}),
    ],
)
def test_so_are_those_of_the_command_line(
    request_type: type[Request], arguments: dict[str, Any]
) -> None:
    """What is out of bounds is wrong usage there, too, in the words of the request."""
    with pytest.raises(InvalidInput):
        request_type(**arguments)


def test_a_credential_has_the_scopes_of_its_kind_only() -> None:
    """A key of the intake opens no local route, and the token of local commands no public one."""
    for credential, scopes in (
        ("a" * 16, {Scope.EVENTS_WRITE}), ("b" * 16, {Scope.EVENTS_WRITE_PUBLIC}), (TOKEN, LOCAL)
    ):  # fmt: skip
        found = CREDENTIALS.principal(credential)
        assert found is not None
        assert found.scopes == scopes
    for unknown in ("", "a" * 15, "c" * 16):
        assert CREDENTIALS.principal(unknown) is None
    assert not LOCAL & {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC}
