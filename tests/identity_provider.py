"""An identity provider on loopback: its keys over HTTP, and tokens that it signs."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example", "customer360"
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str, **fields: Any) -> dict[str, Any]:
    """A public key as a provider publishes it."""
    form: dict[Any, Any] = {
        rsa.RSAPrivateKey: RSAAlgorithm,
        ec.EllipticCurvePrivateKey: ECAlgorithm,
        ed25519.Ed25519PrivateKey: OKPAlgorithm,
    }
    [algorithm] = [form[kind] for kind in form if isinstance(key, kind)]
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **fields}


class IdentityProvider:
    """An identity provider's key address, on loopback."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.body: bytes | None = None
        self.asked = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(30)

    async def _answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        body = orjson.dumps({"keys": self.keys}) if self.body is None else self.body
        return web.Response(status=self.status, body=body, headers={"Location": "/elsewhere"})

    def _serve(self) -> None:
        async def start() -> None:
            app = web.Application()
            app.router.add_get("/jwks", self._answer)
            self._runner = web.AppRunner(app)
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/jwks"
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def stop(self) -> None:
        """Take it away."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


def token(
    key: Any = RSA_KEY, algorithm: str | None = "RS256", kid: str | None = "rsa", **claims: Any
) -> str:
    """A signed token; a claim that is None is left out."""
    now = int(time.time())
    standard = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "service-desk", "exp": now + 300, "iat": now,
        "c360_realm": "shop", "scope": "openid profiles:read audit:read store:repair",
    }  # fmt: skip
    body = {name: value for name, value in {**standard, **claims}.items() if value is not None}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(body, key, algorithm, headers)
