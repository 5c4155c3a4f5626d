"""Errors as a ClickHouse server reports them: a code, a name, a text, an HTTP status.

Also the block that a server puts into a body whose status 200 has already been sent.
"""

from __future__ import annotations

import re

NAMES = {
    48: "NOT_IMPLEMENTED",
    62: "SYNTAX_ERROR",
    89: "UNKNOWN_COMPRESSION_METHOD",
    117: "INCORRECT_DATA",
    164: "READONLY",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    216: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
    229: "QUERY_IS_TOO_LARGE",
    271: "CANNOT_DECOMPRESS",
    372: "SESSION_NOT_FOUND",
    373: "SESSION_IS_LOCKED",
    374: "INVALID_SESSION_TIMEOUT",
    396: "TOO_MANY_ROWS_OR_BYTES",
    497: "ACCESS_DENIED",
    516: "AUTHENTICATION_FAILED",
}
# As the server's exceptionCodeToHTTPStatus; every other code is a 500.
STATUS_BY_CODES = {
    401: (194,),
    403: (192, 193, 497, 512, 516),
    400: (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376,
          427, 441, 675, 676),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}  # fmt: skip
STATUSES = {code: status for status, codes in STATUS_BY_CODES.items() for code in codes}
FROM_ENGINE = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)
VERSION_SUFFIX = re.compile(r"\s*\(version [^()]*(\([^()]*\))?\)\s*$")


class QueryRefusal(Exception):
    """A statement that is answered with a ClickHouse error."""

    def __init__(self, code: int, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status or STATUSES.get(code, 500)

    @classmethod
    def of(cls, code: int, text: str) -> QueryRefusal:
        """A refusal of our own, with the name that belongs to the code."""
        return cls(code, f"{text} ({NAMES[code]})")

    @classmethod
    def from_engine(cls, error: Exception) -> QueryRefusal:
        """An error of the engine, with its code."""
        found = FROM_ENGINE.search(str(error))
        if found is None:
            return cls(1001, f"{error} (STD_EXCEPTION)")
        return cls(int(found[1]), VERSION_SUFFIX.sub("", found[2].strip()))

    def message(self, version: str) -> str:
        """The text of a server's answer."""
        return f"Code: {self.code}. DB::Exception: {self.text} (version {version} (chDB))\n"

    def block(self, version: str, tag: str) -> bytes:
        """What follows the rows already sent (servers since 25.11)."""
        text = self.message(version).encode()
        return b"__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
            tag.encode(), text, len(text), tag.encode(),
        )  # fmt: skip
