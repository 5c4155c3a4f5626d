"""The parts of the query API over one store, and their life: read connections, keys, access log.

The composition roots of `c360 up` and `c360 api` say how a connection is opened; everything else is
the same. Opening waits for nothing: a store that is away now is asked again by each request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.api.api_key import ApiKey
from services.api.access_log import AccessLog
from services.api.actions import ActionSink
from services.api.answer_cache import AnswerCache
from services.api.auth import Authenticator, Credentials
from services.api.freshness import OwnProgress
from services.api.http.parts import ApiParts
from services.api.idempotency import WritesInWork
from services.api.jwt_tokens import token_verifier
from services.api.key_looks import KeyLooks
from services.api.key_ring import KeyRing
from services.api.keys import ApiKeyStore
from services.api.marks import SOLE_WRITER_AGE_S, Marks
from services.api.pool import ReadPool, limits_of, limits_of_measures
from services.api.ports import Access
from services.api.rates import RateLimits
from services.api.read_store import access_to
from services.api.store_gauges import StoreFigures, StoreGauges
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.store.database import Database

OpenDatabase = Callable[[int], Database]
"""Opens a connection to the store whose statements may take so many seconds. Blocks; raises Retry
or Fatal."""
MEASURES_ADVICE = (
    ": measures of many customers take long; ask when less goes on, or have C360_INSIGHT_LIMIT_S "
    "raised"
)


class QuerySide:
    """The parts, between `start` and `stop`."""

    def __init__(
        self,
        settings: Settings,
        open_database: OpenDatabase,
        act: ActionSink,
        metrics: Metrics,
        token: str = "",
        writing: OwnProgress | None = None,
        people: Sequence[Authenticator] = (),
    ) -> None:
        """`act` makes actions on incidents durable; `token` is that of commands on this machine;
        `writing` is given by a process that writes all events itself; `people` know credentials
        that are no keys.

        Raises ConfigurationError when tokens of an identity provider cannot be verified here.
        """
        others = [Credentials(settings.api_keys, settings.public_write_keys, token)]
        verifier = token_verifier(settings, settings.realms)

        def opened() -> Database:
            return open_database(settings.api_limit_s)

        self._keys = _StoredKeys(opened)
        self._ring = KeyRing(self._keys, [*people, *others, *([verifier] if verifier else [])])
        self._access_log = AccessLog(opened)
        metrics.access_entries_waiting.set_function(lambda: self._access_log.waiting)
        limits = limits_of(settings)

        def open_reads() -> Access:
            return access_to(settings, opened(), act, writing=writing)

        def open_measures() -> Access:
            database = open_database(settings.insight_limit_s)
            return access_to(settings, database, act, writing=writing)

        def open_figures() -> StoreFigures:
            database = opened()
            return StoreFigures(database, access_to(settings, database, act, writing=writing).reads)

        self._gauges = StoreGauges(metrics, open_figures)
        metrics.key_expiry.set_function(self._ring.next_expiry_s)
        self._pool: ReadPool[Access] = ReadPool(
            open_reads, _close_reads, limits, metrics, renew=_by_rules_in_force
        )
        # Every request waits for a look now and then, and must not wait for others that read long.
        alone = limits._replace(connections=1)
        self._look_pool: ReadPool[Access] = ReadPool(open_reads, _close_reads, alone, metrics)
        self._measure_pool: ReadPool[Access] = ReadPool(
            open_measures,
            _close_reads,
            limits_of_measures(settings),
            metrics,
            renew=_by_rules_in_force,
            advice=MEASURES_ADVICE,
        )
        alone_writes = () if writing is None else (lambda: writing.settled, SOLE_WRITER_AGE_S)
        marks = Marks(self._look_pool, *alone_writes)
        answers = AnswerCache(marks, settings.api_cache_bytes, metrics)
        rates, in_work = RateLimits(settings.api_rate_per_s), WritesInWork()
        self._looks = KeyLooks(self._ring)
        kept = self._access_log, in_work, marks, self._looks, answers, self._measure_pool
        self.parts = ApiParts(settings, self._pool, self._ring, rates, metrics, *kept)

    def start(self) -> None:
        """Begin to read keys and to write the access log."""
        self._ring.start()
        self._access_log.start()
        self._gauges.start()

    def stop(self) -> None:
        """Write what waits, and close every connection."""
        self._gauges.stop()
        self._looks.close()
        self._pool.close()
        self._look_pool.close()
        self._measure_pool.close()
        self._access_log.stop()
        self._ring.stop()
        self._keys.close()


def _close_reads(access: Access) -> None:
    access.reads.close()


def _by_rules_in_force(access: Access) -> None:
    access.reads.follow_rules()


class _StoredKeys:
    """The keys of the store, on a connection that is opened anew after a failure."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        self._open_database = open_database
        self._database: Database | None = None

    def working(self, now: datetime) -> Sequence[ApiKey]:
        """See services.api.key_ring.WorkingKeys."""
        if self._database is None:
            self._database = self._open_database()
        try:
            return ApiKeyStore(self._database).working(now)
        except Retry:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
