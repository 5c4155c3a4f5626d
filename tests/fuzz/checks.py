"""Checks of schemathesis that are ours: it loads this module (SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

from typing import Any

import schemathesis

from schemas.api.problem import ProblemCode

EXPECTED = {ProblemCode.NOT_VISIBLE_YET}
"""Answers with a status of 500 or more that a request may ask for: an event that never comes."""


@schemathesis.check
def no_server_error(_context: Any, response: Any, _case: Any) -> None:
    """Fails for a server error; being busy or away is one, too, because nothing here causes it."""
    if response.status_code >= 500:
        code = response.json().get("code")
        assert code in EXPECTED, f"{response.status_code}: {code}"
