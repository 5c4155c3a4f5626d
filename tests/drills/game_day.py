"""`make game-day`: the whole service under the real rules, broken in named ways, one at a time.

For each fault exactly the alerts that belong to it must fire within their time, nothing but its
allowed consequences may fire beside them, and all must be clear afterwards. Prints a page for
docs/game-day.md; exit code 1 if anything differed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from devtools.prometheus import Prometheus, promtool, scrape_configuration
from tests.deploy.live import LiveSystem
from tests.drills.faults import FAULTS, Fault, Stage
from tests.drills.shop import CHANNELS, Shop
from tests.drills.shortened_rules import write_shortened

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
FACTOR = 60
SCRAPE = "2s"
POLL_S = 0.5
QUIET_S, QUIET_DEADLINE_S = 8, 180
"""Nothing may have fired for so long before a fault begins."""
AFTER_S = 4
"""How long others are waited for once all that belong to a fault have fired."""
FIRING = "firing"
OF_THE_BUDGET = frozenset(
    {
        "C360FreshnessBurnsSlowly",
        "C360ApiAvailabilityBurnsSlowly",
        "C360ApiLatencyBurnsSlowly",
        "C360ProcessedShareBurns",
    }
)
"""They look back for six hours at least, and are not waited for."""
OF_LATENCY = frozenset({"C360ApiLatencyBurnsFast", "C360ApiLatencyBurnsSlowly"})
OVERLOAD = 4
"""Beyond so many times its cores the latency is the machine's, and says nothing of a fault."""
PAST_S, PAST_STEP_S = 8 * 86_400, 600


@dataclass
class Outcome:
    """What a fault led to; seconds since it began, and since it was over."""

    fault: Fault
    fired: dict[str, float] = field(default_factory=dict)
    overloaded: dict[str, str] = field(default_factory=dict)
    """Alerts of latency that fired while the machine had far more to do than it can, and why."""
    clear_s: float | None = None

    @property
    def missing(self) -> list[str]:
        """Alerts that belong to the fault and did not fire."""
        return sorted(self.fault.expected - self.fired.keys())

    @property
    def beside(self) -> list[str]:
        """Alerts that nobody allowed."""
        return sorted(self.fired.keys() - self.fault.expected - self.allowed.keys())

    @property
    def allowed(self) -> dict[str, str]:
        """Alerts that may fire beside, and why."""
        return {**self.overloaded, **self.fault.allowed}

    @property
    def is_right(self) -> bool:
        """Exactly the right alerts, and clear again."""
        return not self.missing and not self.beside and self.clear_s is not None


class Game:
    """A service that runs under watch."""

    def __init__(self, stage: Stage, prometheus: Prometheus) -> None:
        self._stage = stage
        self._prometheus = prometheus

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {
            one["labels"]["alertname"]
            for one in self._prometheus.alerts()
            if one["state"] == FIRING
        }

    def wait_quiet(self) -> float | None:
        """Until nothing has fired for a while: the seconds until the last one was over. None when
        it takes too long."""
        began = last = time.monotonic()
        while time.monotonic() < began + QUIET_DEADLINE_S:
            if self.firing() - OF_THE_BUDGET:
                last = time.monotonic()
            elif time.monotonic() > last + QUIET_S:
                return last - began
            time.sleep(POLL_S)
        return None

    def play(self, fault: Fault) -> Outcome:
        """One fault, from quiet to quiet."""
        outcome = Outcome(fault)
        began = time.monotonic()
        with fault.happens(self._stage):
            while time.monotonic() < began + fault.within_s and outcome.missing:
                self._note(outcome, began)
            end = time.monotonic() + AFTER_S
            while time.monotonic() < end:
                self._note(outcome, began)
        over = time.monotonic()
        last = over
        while time.monotonic() < over + QUIET_DEADLINE_S:
            if self._note(outcome, began) - OF_THE_BUDGET:
                last = time.monotonic()
            elif time.monotonic() > last + QUIET_S:
                outcome.clear_s = last - over
                break
        return outcome

    def _note(self, outcome: Outcome, began: float) -> set[str]:
        firing = self.firing()
        for name in firing:
            if name not in outcome.fired:
                outcome.fired[name] = time.monotonic() - began
                load, cores = os.getloadavg()[0], os.cpu_count() or 1
                unmeant = OF_LATENCY - outcome.fault.expected
                if name in unmeant and load > OVERLOAD * cores:
                    outcome.overloaded[name] = f"load {load:.0f} on {cores} cores"
        time.sleep(POLL_S)
        return firing


def page(outcomes: Sequence[Outcome], factor: int, seconds: float) -> str:
    """The log as Markdown."""
    lines = [
        f"Run of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds / 60:.0f} minutes, "
        f"every duration of the rules divided by {factor}.",
        "",
        "| fault | fired, after seconds | allowed beside it | clear again after |",
        "|---|---|---|---|",
    ]
    for one in outcomes:
        fired = ", ".join(
            f"`{name}` {after:.0f}"
            for name, after in sorted(one.fired.items(), key=lambda i: i[1])
            if name in one.fault.expected
        )
        others = "; ".join(
            f"`{name}` {one.fired[name]:.0f}: {why}"
            for name, why in one.allowed.items()
            if name in one.fired
        )
        wrong = "".join(f" **missing: {name}**" for name in one.missing)
        wrong += "".join(f" **beside: {name}**" for name in one.beside)
        clear = "**not clear**" if one.clear_s is None else f"{one.clear_s:.0f} s"
        lines.append(f"| {one.fault.name} | {fired}{wrong} | {others or '–'} | {clear} |")
    return "\n".join(lines)


def write_past(directory: Path, factor: int) -> None:
    """A week in which every channel of the shop had events, as the recording rule would have kept
    it: what is compared with yesterday needs a yesterday."""
    text, now = directory.with_suffix(".past"), time.time()
    with text.open("w", encoding="utf-8") as file:
        file.write("# TYPE c360:channel_events:increase1h gauge\n")
        for channel in CHANNELS:
            for ago_s in range(PAST_S, 0, -PAST_STEP_S):
                at = now - ago_s / factor
                if at < now - PAST_STEP_S:  # the latest is for the rule itself to write
                    file.write(f'c360:channel_events:increase1h{{channel="{channel}"}} 500 {at}\n')
        file.write("# EOF\n")
    made = promtool("tsdb", "create-blocks-from", "openmetrics", str(text), str(directory / "data"))
    assert made.returncode == 0, made.stderr


def _told(outcome: Outcome) -> str:
    verdict = "right" if outcome.is_right else "WRONG"
    fired = {name: round(after) for name, after in outcome.fired.items()}
    clear = None if outcome.clear_s is None else round(outcome.clear_s)
    return (
        f"{outcome.fault.name}: {verdict}; fired {fired}, missing {outcome.missing}, "
        f"beside {outcome.beside}, clear after {clear}"
    )


def main() -> int:
    """Play the faults; 0 if exactly the right alerts fired for each."""
    options = argparse.ArgumentParser(prog="python -m tests.drills.game_day", description=__doc__)
    options.add_argument("--only", nargs="*", default=[""], help="faults whose name holds one of")
    options.add_argument("--rules", type=Path, default=RULES, help="directory of rules")
    options.add_argument("--factor", type=int, default=FACTOR, help="durations are divided by it")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    console = Console(stderr=True)
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="c360-game-day-")))
        system = stack.enter_context(LiveSystem(directory))
        shop = stack.enter_context(Shop(system))
        rules = write_shortened(sorted(given.rules.glob("*.yaml")), directory, given.factor)
        watched = scrape_configuration(system.targets, SCRAPE, rules)
        for number, fault in enumerate(FAULTS):
            if not any(part in fault.name for part in given.only):
                continue
            place = directory / f"prometheus-{number}"
            write_past(place, given.factor)
            with Prometheus(watched, place) as prometheus:
                game = Game(Stage(system, shop, directory), prometheus)
                if game.wait_quiet() is None:
                    console.print(f"{fault.name}: not quiet before, {sorted(game.firing())}")
                    return 1
                outcome = game.play(fault)
            outcomes.append(outcome)
            console.print(_told(outcome), highlight=False, soft_wrap=True)
    sys.stdout.write(page(outcomes, given.factor, time.monotonic() - began) + "\n")
    return 0 if outcomes and all(one.is_right for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
