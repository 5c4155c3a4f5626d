"""The site that a thing of WooCommerce comes from: whose numbers they are, and its times.

Each site counts from one, so its host is the issuer of its numbers and a part of its ids. Times
without a zone are those of the site, which nobody states; only the ones in GMT are read.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from services.intake.fields import REQUIRED, TIME, Fields, NotTaken
from services.intake.shops.message import Json, ShopMessage, digest, identifier, touchpoint

SYSTEM = "woocommerce"
GUEST = "0"
HOST_CHARS_MAX, ISSUER_CHARS_MAX = 30, 64
"""Of a host in an id, and as an issuer; a digest stands for a longer one."""


class Site:
    """One site."""

    def __init__(self, message: ShopMessage) -> None:
        self.host = host_of(dict(message.fields.plain), message.shop)

    def line(
        self,
        type_name: str,
        event_id: str,
        at: str,
        body: Json,
        persons: list[Json],
        revision: int = 0,
    ) -> bytes:
        """The line of a touchpoint."""
        host = self.host if len(self.host) <= HOST_CHARS_MAX else digest(self.host)[:20]
        name = "-".join(one for one in (SYSTEM, host, event_id) if one)
        return touchpoint(type_name, name, at, body, persons, system=SYSTEM, revision=revision)

    def order(self, number: str) -> Json:
        """What names an order in a body."""
        return {"order_id": number, **({"issuer": self.host} if self.host else {})}

    def customer(self, number: str) -> list[Json]:
        """A customer by the number of the account; a guest has none."""
        if number in ("", GUEST):
            return []
        return [identifier("customer_number", number, self.host, verified=True)]


def host_of(plain: Json, shop: str = "") -> str:
    """The host of the site, as the links of the thing have it, else as the webhook says."""
    href = shop
    with suppress(KeyError, IndexError, TypeError):
        stated = plain["_links"]["self"][0]["href"]
        href = stated if isinstance(stated, str) else shop
    with suppress(ValueError):
        host = urlsplit(href).hostname or ""
        return host if len(host) <= ISSUER_CHARS_MAX else digest(host)
    return ""


def gmt(fields: Fields, name: str) -> str:
    """A time in GMT with its zone; empty if it is not given."""
    stated, path = fields.text(f"{name}_gmt"), fields.path_of(f"{name}_gmt")
    if not stated:
        return ""
    if not TIME.fullmatch(f"{stated}Z"):
        raise NotTaken(path, "must be a time in GMT, such as 2026-03-02T17:20:00")
    return f"{stated}Z"


def moment_of(fields: Fields, *names: str) -> str:
    """The first of these times that is given. Raises NotTaken if none is."""
    for name in names:
        if found := gmt(fields, name):
            return found
    raise NotTaken(fields.path_of(f"{names[0]}_gmt"), REQUIRED)
