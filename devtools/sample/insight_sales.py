"""Sales talks and contracts, a campaign with a control group, referrals, visits to stores."""

from __future__ import annotations

from devtools.sample.calendar_de import DAY, HOUR, written
from devtools.sample.insight_cast import Cast
from devtools.sample.insight_truth import InsightTruth, share

STAGES = (("interest", 120, 0), ("talk", 60, 7), ("offer", 36, 14), ("contract", 9, 30))
"""Stage, how many reach it, and days after the first one."""
LOST_BY_PRICE, LOST_BY_NEED = 15, 12
DUE_SOON, DUE_LATER, RENEWED, ENDED = 5, 7, 10, 8
TREATED, HELD_OUT, TREATED_BUY, HELD_OUT_BUY = 160, 40, 48, 4
DELIVERED_LATE = 13
REFERRERS, REFERRED = 10, 15
BOOKED, KEPT, WALKED_IN = 20, 15, 10
CAMPAIGN = "insight-winter"


class Sales:
    """Says what sales, contracts and campaigns of the year come to."""

    def __init__(self, cast: Cast, truth: InsightTruth, start: int, end: int) -> None:
        self._cast = cast
        self._stream = cast.stream
        self._truth = truth
        self._start = start
        self._end = end

    def say(self) -> None:
        """Everything of sales."""
        self._funnel(self._start + 50 * DAY)
        self._contracts(self._start + 30 * DAY)
        self._campaign(self._start + 150 * DAY)
        self._referrals(self._start + 70 * DAY)
        self._visits(self._start + 80 * DAY)

    def _funnel(self, at: int) -> None:
        counts = {stage: many for stage, many, _ in STAGES}
        for n in range(counts["interest"]):
            customer = self._cast.join(at - 10 * DAY + n * HOUR, consents=False)
            about = {
                "opportunity_id": f"insight-deal-{n:03d}",
                "amount": "2380.00",
                "currency": "EUR",
                "owner": f"sales-{1 + n % 6}",
            }
            for stage, many, days in STAGES:
                if n < many:
                    then = at + days * DAY + n * HOUR
                    body = about | {"stage": stage}
                    self._stream.say("field_sales", "opportunity.changed", then, customer.who, body)
            if counts["contract"] <= n < counts["offer"]:
                by_price = n < counts["contract"] + LOST_BY_PRICE
                body = about | {"stage": "lost", "lost_reason": "price" if by_price else "need"}
                then = at + 35 * DAY + n * HOUR
                self._stream.say("field_sales", "opportunity.changed", then, customer.who, body)
        total = share(counts["contract"], counts["interest"])
        self._truth.measure(
            "funnel", total, counts["interest"], {"channel": "field_sales"}, **counts,
            lost_by_price=LOST_BY_PRICE, lost_by_need=LOST_BY_NEED,
        )  # fmt: skip

    def _contracts(self, at: int) -> None:
        """Some end soon after the stream, some later, some were renewed, some have ended."""
        for n in range(DUE_SOON + DUE_LATER + RENEWED + ENDED):
            customer = self._cast.join(at - DAY + n * HOUR, consents=False)
            until = self._end + (10 + n if n < DUE_SOON else 40 + n) * DAY
            is_due = n < DUE_SOON + DUE_LATER
            if not is_due:
                until = at + 180 * DAY
            about = {
                "contract_id": f"insight-contract-{n:03d}",
                "product": "coffee-box",
                "kind": "subscription",
                "value_per_year": "240.00",
                "currency": "EUR",
            }
            terms = {"until": written(until), "notice_until": written(until - 30 * DAY)}
            say = self._stream.say
            say("shop", "contract.started", at + n * HOUR, customer.who, about | terms)
            if is_due:
                notice = written(until - 30 * DAY)
                self._truth.person(
                    customer.label, "contract_due", until=written(until), notice_until=notice
                )
            elif n < DUE_SOON + DUE_LATER + RENEWED:
                then = until + 400 * DAY
                terms = {"until": written(then), "notice_until": written(then - 30 * DAY)}
                say("shop", "contract.renewed", until - 40 * DAY, customer.who, about | terms)
            else:
                body = about | {"reason": "zu wenig gebraucht"}
                say("shop", "contract.ended", until, customer.who, body)
        due = {"contracts_due_90_days": DUE_SOON + DUE_LATER, "contracts_due_30_days": DUE_SOON}
        running = DUE_SOON + DUE_LATER + RENEWED
        for name, many in due.items():
            self._truth.measure(name, many, running, {"kind": "subscription"})

    def _campaign(self, at: int) -> None:
        """Those who were written to, and a fifth who were not; orders of both within 30 days."""
        body = {
            "campaign": CAMPAIGN,
            "title": "Winteraktion",
            "starts_at": written(at),
            "ends_at": written(at + 14 * DAY),
            "cost": "1600.00",
            "currency": "EUR",
            "audience": "insight-audience",
            "purpose": "retention",
        }
        self._stream.say("email", "campaign.published", at - DAY, (), body)
        late = 0
        for n in range(TREATED + HELD_OUT):
            customer = self._cast.join(at - 20 * DAY + n * HOUR)
            if n < TREATED:
                self._cast.mail(customer, at, "marketing", campaign=CAMPAIGN)
            else:
                who = customer.mailbox
                self._stream.say(
                    "email", "campaign.held_out", at - HOUR, who, {"campaign": CAMPAIGN}
                )
            if n < TREATED_BUY or TREATED <= n < TREATED + HELD_OUT_BUY:
                is_late = late < DELIVERED_LATE
                late += is_late
                then, days = at + (1 + n % 20) * DAY, 5 if is_late else 2
                self._cast.buy(customer, then, promised_days=3, delivered_days=days)
        effect = share(TREATED_BUY, TREATED) - share(HELD_OUT_BUY, HELD_OUT)
        self._truth.measure(
            "campaign_effect", effect, TREATED + HELD_OUT, {"campaign": CAMPAIGN}, treated=TREATED,
            treated_converted=TREATED_BUY, held_out=HELD_OUT, held_out_converted=HELD_OUT_BUY,
        )  # fmt: skip
        orders = TREATED_BUY + HELD_OUT_BUY
        self._truth.measure(
            "promise_kept", share(orders - DELIVERED_LATE, orders), orders, {"promised": True},
            kept=orders - DELIVERED_LATE,
        )  # fmt: skip

    def _referrals(self, at: int) -> None:
        codes = [f"INSIGHT-{n}" for n in range(REFERRERS)]
        for n, code in enumerate(codes):
            customer = self._cast.join(at - 5 * DAY + n * HOUR)
            self._stream.say("app", "referral.made", at + n * HOUR, customer.who, {"code": code})
        for n in range(REFERRED):
            then = at + 10 * DAY + n * HOUR
            customer, body = self._cast.join(then), {"code": codes[n % REFERRERS]}
            self._stream.say("shop", "referral.redeemed", then + HOUR, customer.who, body)
            self._cast.buy(customer, then + 2 * HOUR)
        self._truth.measure(
            "referrals", REFERRED, REFERRED, {"code": "INSIGHT-*"}, referrers=REFERRERS
        )

    def _visits(self, at: int) -> None:
        store = {"store": "insight-1", "agent": "adviser-1"}
        for n in range(BOOKED + WALKED_IN):
            customer = self._cast.join(at - 5 * DAY + n * HOUR)
            then, name = at + 3 * DAY + n * HOUR, f"insight-appointment-{n}"
            if n < BOOKED:
                body = {"appointment_id": name, "starts_at": written(then)}
                self._stream.say("app", "appointment.booked", at + n * HOUR, customer.who, body)
            if n < KEPT or n >= BOOKED:
                visit = {"appointment_id": name, "advised": True} if n < KEPT else {}
                self._stream.say("pos", "store.visited", then, customer.who, visit, source=store)
        self._truth.measure(
            "appointments_kept", share(KEPT, BOOKED), BOOKED, {"store": "insight-1"},
            visits=KEPT + WALKED_IN,
        )  # fmt: skip
