"""What one channel publishes for one place, and which of it counts when.

A published claim is known from the time it was published and holds within its validity window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from schemas.claim import Claim, PriceClaim
from schemas.rules.consistency import Overlap
from services.consistency.core.complete_lists import LeftOut

Rank = tuple[bool, datetime, datetime, str, int]
Edition = tuple[str, str]
"""A price list and one of its editions."""
EXPORT_MAX = timedelta(hours=1)
"""How long an edition may take until it has named all prices of a product."""
DAY, HALF_A_DAY = timedelta(days=1), timedelta(hours=12)
DAILY_MAX = 2 * DAY
"""A window of a feed that is renewed every day: with a reserve, it is longer than a day."""


class ClaimWindow(NamedTuple):
    """One published claim: it holds from `start` until before `end` or `forgotten_at`.

    Of several that hold, the highest `rank` counts: a promotion with an end before any other
    claim, then the latest start, the latest publication, the largest event id. Rules may prefer
    the promotion with the lowest value.
    """

    start: datetime
    end: datetime | None
    forgotten_at: datetime
    rank: Rank
    claim: Claim
    value: Any
    is_promotion: bool
    edition: Edition | None = None
    """Of which edition of a price list it is, if it names both."""
    replaced: tuple[Edition, datetime | None] | None = None
    """The edition of its list that ends it, and the end that it had before."""
    promotion: str = ""
    """The id of the promotion, if it is one that has an id."""

    @property
    def begin(self) -> datetime:
        """From when on it is both known and valid."""
        return max(self.start, self.claim.occurred_at)

    @property
    def is_withdrawal(self) -> bool:
        """Without any length: from its publication on the channel offers nothing here."""
        return self.end is not None and self.end <= self.start

    @property
    def ran(self) -> bool:
        """Whether this is a promotion with an end that was published before it was over."""
        return self.is_promotion and self.end is not None and self.claim.occurred_at < self.end

    @property
    def is_regular(self) -> bool:
        """Without an end, no promotion, and in force since it was published."""
        return self.is_open and not self.is_promotion and self.start <= self.claim.occurred_at

    @property
    def is_open(self) -> bool:
        """Published without an end: it lasts until a newer one replaces it."""
        return self.claim.valid_to is None

    @property
    def is_daily(self) -> bool:
        """For a day or two, no promotion, and published before it was over."""
        if self.is_promotion or self.end is None or self.end - self.start > DAILY_MAX:
            return False
        return self.claim.occurred_at < self.end

    def is_next_of(self, other: ClaimWindow) -> bool:
        """Whether it carries a daily window on to the next day."""
        assert other.end is not None
        return other.start + HALF_A_DAY <= self.start <= other.end + DAY

    def is_before_edition(self, new: ClaimWindow) -> bool:
        """Whether `new` is of a later edition of the same price list: of one published later."""
        if self.edition is None or new.edition is None or self.edition == new.edition:
            return False
        is_of_the_list = self.edition[0] == new.edition[0]
        return is_of_the_list and self.claim.occurred_at < new.claim.occurred_at

    def until_edition(self, new: ClaimWindow, now: datetime) -> ClaimWindow:
        """This window, known to be replaced by a later edition of its list. What does not begin
        before the edition is complete never will; what runs ends with that, or when the earliest
        window of the latest edition begins."""
        assert new.edition is not None
        if self.end is not None and self.end <= now:
            return self
        by, before = self.replaced or (None, self.end)
        complete_at = now + EXPORT_MAX
        if self.start >= complete_at:
            return self._replace(end=self.claim.occurred_at)
        limit = self.end if by == new.edition else before
        begin = complete_at if self.start > now else max(new.start, complete_at)
        end = begin if limit is None else min(begin, limit)
        return self._replace(end=end, replaced=(new.edition, before))

    def is_left_out_by(self, new: ClaimWindow) -> bool:
        """Whether a complete edition, which does not name it, ends what an earlier one said."""
        if self.edition is None or new.edition is None or new.end is None:
            return False
        is_of_the_list = self.edition[0] == new.edition[0] and self.edition != new.edition
        return is_of_the_list and self.claim.occurred_at < new.end


def window_of(claim: Claim, value: Any, promotion: str | None, max_age: timedelta) -> ClaimWindow:
    """The window of a published claim; `promotion` is the id of the promotion behind it, perhaps
    empty, or None without a promotion."""
    is_promotion = promotion is not None
    start = claim.valid_from or claim.occurred_at
    # A promotion without an end lasts "until a newer offer replaces it", like any open claim.
    bounded_promotion = claim.valid_to is not None and is_promotion
    rank = (bounded_promotion, start, claim.occurred_at, claim.event_id, claim.ordinal)
    forgotten_at = max(start, claim.occurred_at) + max_age
    edition = None
    if isinstance(claim, PriceClaim) and claim.price_list_id and claim.price_list_edition:
        edition = (claim.price_list_id, claim.price_list_edition)
    end = claim.valid_to
    return ClaimWindow(
        start, end, forgotten_at, rank, claim, value, is_promotion, edition, None, promotion or ""
    )


class Windows:
    """The windows that count now or may count later; others are dropped.

    A regular value ends the promotions that run when it is published if it is lower, or if it is
    the one that the channel published last before a promotion began: the natural message that a
    promotion is over. The latter means nothing from a channel that once repeated its regular value
    without a promotion in between, as nightly price lists do. A withdrawal ends all that was said
    before it. Two daily windows in a row end the open values published before both: a channel that
    renews its price every day does not return to the one of last year on a day that it misses.
    An edition of a price list replaces what earlier editions said, and ends nothing that it says.
    A complete one withdraws what earlier editions said of a product that it does not name.
    """

    __slots__ = ("_daily", "_overlap", "_promoted_at", "_regular", "_repeats", "_windows")

    def __init__(self, overlap: Overlap = Overlap.LATEST) -> None:
        """`overlap` says which of several promotions counts that run at the same time."""
        self._overlap = overlap
        self._windows: list[ClaimWindow] = []
        self._daily: list[ClaimWindow] = []
        """Daily windows that may end an open value together with another one."""
        self._regular: ClaimWindow | None = None
        """The regular value that was published last."""
        self._promoted_at: datetime | None = None
        """When the latest promotion began, of those that are dropped."""
        self._repeats = False
        """The channel has repeated its regular value without a promotion in between."""

    def add(self, window: ClaimWindow, now: datetime) -> None:
        """Add a claim published at `now`, the latest time seen so far."""
        if isinstance(window.claim, LeftOut):
            self._leave_out(window, now)
            return
        if window.is_withdrawal:
            self._windows, self._daily = [], []
            self._regular, self._promoted_at, self._repeats = None, None, False
            return
        is_regular = window.is_regular
        takes_back = is_regular and self._takes_back(window)
        kept = []
        for former in self._windows:
            is_before = former.is_before_edition(window)
            one = former.until_edition(window, now) if is_before else former
            is_over = _is_over(one, window, now)
            if is_regular and one.is_promotion and not is_over:
                is_over = _is_ended_by(one, window, takes_back)
            if is_over:
                self._note_promotion(one)
            else:
                kept.append(one)
        kept.append(window)
        self._windows = kept
        if is_regular:
            self._regular = window
        self._end_open(window, now)

    def _leave_out(self, by: ClaimWindow, now: datetime) -> None:
        """End what earlier editions of a list said of a product that a complete one leaves out.
        What has not begun by then never begins."""
        begin, kept = max(by.start, now), []
        for one in self._windows:
            if not one.is_left_out_by(by):
                kept.append(one)
            elif one.start < begin:
                ended = one._replace(end=begin if one.end is None else min(one.end, begin))
                if begin > now:
                    kept.append(ended)
                else:
                    self._note_promotion(ended)
        self._windows = kept

    def _end_open(self, new: ClaimWindow, now: datetime) -> None:
        """End the open values that a new daily window and another one replace."""
        published = [one.claim.occurred_at for one in self._windows if one.is_open]
        if not published:
            self._daily = []
            return
        if not new.is_daily:
            return
        oldest = min(published)
        daily = [
            one
            for one in self._daily
            if one.end and one.end + DAILY_MAX + DAY > now and one.claim.occurred_at > oldest
        ]
        pairs = [
            (min(one, new, key=_start), min(one.claim.occurred_at, new.claim.occurred_at))
            for one in daily
            if new.is_next_of(one) or one.is_next_of(new)
        ]
        self._daily = [*daily, new]
        self._windows = [_ended(one, pairs, now) for one in self._windows]

    def _note_promotion(self, over: ClaimWindow) -> None:
        """Note when a promotion began that is dropped."""
        if over.is_promotion and over.ran:
            self._promoted_at = max(over.begin, self._promoted_at or over.begin)

    def _takes_back(self, regular: ClaimWindow) -> bool:
        """Whether a regular value takes the channel back to the one before a promotion."""
        former = self._regular
        if former is None or self._repeats or former.value != regular.value:
            return False
        said_at, at = former.claim.occurred_at, regular.claim.occurred_at
        if said_at == at:
            return False
        begun = [one.begin for one in self._windows if one.ran and one.begin < at]
        latest = max((one for one in (self._promoted_at, *begun) if one), default=None)
        self._repeats = latest is None or latest < said_at
        return not self._repeats

    def at(self, now: datetime, remembered_at: datetime) -> Claim | None:
        """The claim that counts at `now`, of those not yet forgotten at `remembered_at`."""
        holding: Iterable[ClaimWindow] = (
            window
            for window in self._windows
            if window.start <= now
            and (window.end is None or now < window.end)
            and remembered_at < window.forgotten_at
        )
        if self._overlap is Overlap.LOWEST:
            holding = _lowest_promotion(holding)
        best = max(holding, key=lambda window: window.rank, default=None)
        return best.claim if best else None

    def next_bound(self, now: datetime) -> datetime | None:
        """The next start or end after `now`."""
        return min((at for at in self._bounds() if at > now), default=None)

    def next_change(self, now: datetime) -> datetime | None:
        """The next time after `now` at which a claim starts, ends, or is forgotten."""
        forgotten = (window.forgotten_at for window in self._windows)
        return min((at for at in chain(self._bounds(), forgotten) if at > now), default=None)

    def _bounds(self) -> Iterator[datetime]:
        for window in self._windows:
            yield window.start
            if window.end is not None:
                yield window.end

    def copy(self) -> Windows:
        """An independent copy."""
        twin = Windows(self._overlap)
        twin._windows, twin._daily = list(self._windows), list(self._daily)
        twin._regular, twin._promoted_at = self._regular, self._promoted_at
        twin._repeats = self._repeats
        return twin


def _ended(
    one: ClaimWindow, pairs: Iterable[tuple[ClaimWindow, datetime]], now: datetime
) -> ClaimWindow:
    """An open value with the end that the first of two daily windows published after it gives it.

    Each pair is that first window, and when the earlier of both was published.
    """
    if not one.is_open:
        return one
    begins = (
        first.start
        for first, published in pairs
        if one.claim.occurred_at < published and one.start <= first.start
    )
    end = min(begins, default=None)
    if end is None or (one.end is not None and one.end <= max(end, now)):
        return one
    return one._replace(end=max(end, now))


def _lowest_promotion(holding: Iterable[ClaimWindow]) -> list[ClaimWindow]:
    """Of windows that hold: those of the promotions with an end that have the lowest value, or all
    if there is no promotion. What a promotion says twice is a correction, so the later one counts;
    without ids promotions cannot be told apart."""
    windows = sorted(holding, key=lambda window: window.rank)
    promotions = {one.promotion: one for one in windows if one.is_promotion and not one.is_open}
    least = min((one.value for one in promotions.values()), default=None)
    return [one for one in promotions.values() if one.value == least] or windows


def _start(window: ClaimWindow) -> datetime:
    return window.start


def _is_over(old: ClaimWindow, new: ClaimWindow, now: datetime) -> bool:
    """Whether `old` can never count again once `new` is known at `now`."""
    if old.forgotten_at <= now or (old.end is not None and old.end <= now):
        return True
    # A higher rank among open claims means a later start, so `new` is also forgotten no earlier.
    return new.end is None and new.start <= now and new.rank > old.rank


def _is_ended_by(other: ClaimWindow, regular: ClaimWindow, takes_back: bool) -> bool:
    """Whether this is a promotion that runs when a regular value is published after it, and is
    over with that."""
    at = regular.claim.occurred_at
    if other.edition is not None and other.edition == regular.edition:
        return False  # the list names both
    if not other.ran or other.start > at or other.claim.occurred_at >= at:
        return False
    return takes_back or bool(regular.value < other.value)
