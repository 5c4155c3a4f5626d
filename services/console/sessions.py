"""What a browser keeps of a person who has signed in: one sealed cookie."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from schemas.api.permission import Language
from services.console.sealing import Seal

COOKIE = "c360_console"
COOKIE_CHARS_MAX = 3_900
"""Browsers keep 4,096 bytes of a cookie with its name and attributes (RFC 6265, section 6.1)."""
CSRF_BYTES = 16


@dataclass(frozen=True)
class WebSession:
    """A person who has signed in."""

    credential: str
    """What the API lets in: an API key, an access token, or an account of the console."""
    language: Language = Language.ENGLISH
    """Language of the pages."""
    purpose: str = ""
    """Why the person looks at customers now: one of those that the console knows."""
    note: str = ""
    """More about it, in the person's words."""
    csrf: str = field(default_factory=lambda: secrets.token_hex(CSRF_BYTES))
    """Stands in every form: other sites do not know it."""

    def with_(self, **changed: Any) -> WebSession:
        """The same with other values."""
        return replace(self, **changed)


class SessionCookies:
    """Writes and reads the cookie."""

    def __init__(self, seal: Seal, age_s_max: int) -> None:
        self._seal = seal
        self.age_s_max = age_s_max

    def written(self, session: WebSession) -> str | None:
        """The cookie's value; None if it is longer than browsers keep."""
        text = self._seal.seal(asdict(session))
        return text if len(text) <= COOKIE_CHARS_MAX else None

    def read(self, text: str) -> WebSession | None:
        """The session; None for a cookie that is too old or not ours."""
        value = self._seal.opened(text, self.age_s_max) if text else None
        if value is None:
            return None
        try:
            return WebSession(**{**value, "language": Language(value["language"])})
        except (KeyError, TypeError, ValueError):  # of another release
            return None
