"""Who calls: the key of a request, its scopes, its realm, its rate, its purpose.

`allowed(scope)` is the one dependency by which a route lets callers in. A key stands in a header,
never in a URL, which logs would keep.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from schemas.api.problem import ProblemCode
from services.api.auth import LOCAL_KEY, Principal, Scope
from services.api.http.parts import ApiParts, parts_of
from services.api.http.problems import Problem
from services.api.http.visibility import wait_visible
from services.api.queries.freshness import EVENT_ID_CHARS_MAX
from services.api.rates import Taken

BEARER = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer KEY`")
KEY_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key")
PURPOSE_CHARS_MAX = 200
NAME_CHARS_MAX = 100
"""Of whoever acts, as audit trails hold it."""
RATE = "rate"
"""State of a request: what its key has left."""
PRINCIPAL = "principal"
"""State of a request: who asks."""
TELLS_OF_CUSTOMERS = frozenset(
    {Scope.PROFILES_READ, Scope.PROFILES_PII, Scope.INSIGHTS_PERSON, Scope.SEGMENTS_MEMBERS}
)
HTTPCredentials = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
HeaderKey = Annotated[str | None, Depends(KEY_HEADER)]


class Caller(NamedTuple):
    """A caller that may do what the route does."""

    principal: Principal
    realm: str
    """The realm of its key."""
    purpose: str
    """Why it asks, in its own words (X-Purpose); empty if it does not say."""

    def has(self, scope: Scope) -> bool:
        """Whether its key has a further scope."""
        return scope in self.principal.scopes


def credential_of(request: Request) -> str:
    """The credential in the headers of a request; empty if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return request.headers.get("x-api-key") or (token if scheme.lower() == "bearer" else "")


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """User name and password of Basic authorization, with a colon between them or not; None without
    it, and for what is no base64 of UTF-8."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return name, password


async def identify(request: Request, parts: ApiParts, credential: str) -> Principal:
    """The owner of the request's key. Raises Problem 401 without a valid key, 429 beyond its rate.

    The token of local commands is no key: it belongs to other routes. Asked again for the same
    request, the answer is the same and takes nothing of the rate.
    """
    known: Principal | None = getattr(request.state, PRINCIPAL, None)
    if known is not None:
        return known
    found = parts.authenticator.principal(credential) if credential else None
    if found is None and credential:
        await parts.looks.look(credential)
        found = parts.authenticator.principal(credential)
    if found is None or found.key_id == LOCAL_KEY:
        detail = "send 'Authorization: Bearer KEY' with a valid API key"
        raise Problem(ProblemCode.NO_VALID_KEY, detail, WWW_Authenticate="Bearer")
    setattr(request.state, PRINCIPAL, found)
    if found.realm is not None:
        taken = parts.rates.take(found.key_id, found.rate_per_s)
        setattr(request.state, RATE, taken)
        if not taken.is_allowed:
            detail = f"the key may send {taken.quota} requests at once, and more as time passes"
            raise Problem(ProblemCode.RATE_LIMITED, detail, Retry_After=str(taken.reset_s))
    return found


async def authenticated(
    request: Request,
    parts: Annotated[ApiParts, Depends(parts_of)],
    _bearer: HTTPCredentials,
    _header: HeaderKey,
) -> Principal:
    """The owner of the request's key; raises as `identify` does. The two ways to send a key are
    parameters so that the OpenAPI document names them."""
    return await identify(request, parts, credential_of(request))


def rate_headers(taken: Taken, rate_per_s: float) -> dict[str, str]:
    """RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10, section 3 and 4)."""
    window_s = max(1, round(taken.quota / rate_per_s))
    return {
        "RateLimit": f'"key";r={taken.remaining};t={taken.reset_s}',
        "RateLimit-Policy": f'"key";q={taken.quota};w={window_s}',
    }


Purpose = Annotated[
    str,
    Header(
        alias="X-Purpose",
        max_length=PURPOSE_CHARS_MAX,
        description="Why you ask, for the audit log: `call from the customer, ticket 4711`.",
    ),
]


Actor = Annotated[
    str,
    Header(
        alias="X-Actor",
        max_length=NAME_CHARS_MAX,
        description="The person on whose behalf you act; added to the name of the key.",
    ),
]


def acting_as(caller: Caller, actor: str) -> str:
    """Who acts, within what audit trails hold: the key's name stands behind that of the person.

    Raises Problem 400 where both together are too long.
    """
    name = caller.principal.name
    named = f"{actor.strip()} ({name})" if actor.strip() else name
    if len(named) > NAME_CHARS_MAX:
        raise Problem(
            ProblemCode.INVALID_REQUEST,
            f"X-Actor and the name of the key have {len(named)} characters, "
            f"{NAME_CHARS_MAX} at most",
        )
    return named


ConsistentAfter = Annotated[
    str,
    Query(
        max_length=EVENT_ID_CHARS_MAX,
        description="Wait, for a bounded time, until this event is visible: its `event_id`.",
    ),
]


def allowed(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency that lets in callers with the scope and a realm; others get Problem 403. It also
    waits for the event that the request wants to see (Problem 503).

    The OpenAPI document names the scope in the operation's security requirement.
    """

    # A default, because an annotation cannot name a variable of this function.
    with_scope: Any = Security(authenticated, scopes=[scope.value])

    async def caller(
        parts: Annotated[ApiParts, Depends(parts_of)],
        principal: Principal = with_scope,
        purpose: Purpose = "",
        consistent_after: ConsistentAfter = "",
    ) -> Caller:
        if scope not in principal.scopes:
            raise _not_allowed(scope)
        if principal.realm is None:
            detail = "the key belongs to no realm: keys of the settings only send events"
            raise Problem(ProblemCode.NOT_ALLOWED, detail)
        if parts.settings.api_purpose_required and scope in TELLS_OF_CUSTOMERS and not purpose:
            raise Problem(ProblemCode.INVALID_REQUEST, "say why you ask, in the header X-Purpose")
        if consistent_after:
            await wait_visible(parts, principal.realm, consistent_after)
        return Caller(principal, principal.realm, purpose)

    return caller


def _not_allowed(scope: Scope) -> Problem:
    return Problem(ProblemCode.NOT_ALLOWED, f"this needs a key with the scope {scope}")
