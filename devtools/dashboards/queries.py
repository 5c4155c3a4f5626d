"""PromQL that several dashboards share: rates, quantiles and ratios of one form each."""

from __future__ import annotations

RATE = "$__rate_interval"


def per_second(counter: str, by: str = "", matching: str = "") -> str:
    """How fast a counter rises, summed over everything but `by`."""
    return f"{_sum(by)} (rate({counter}{{{matching}}}[{RATE}]))"


def within(counter: str, window: str, by: str = "", matching: str = "") -> str:
    """By how much a counter rose in a window."""
    return f"{_sum(by)} (increase({counter}{{{matching}}}[{window}]))"


def quantile(share: float, histogram: str, by: str = "", matching: str = "") -> str:
    """The value that a share of the observations does not exceed; empty while there are none."""
    labels = f"le, {by}" if by else "le"
    rates = f"sum by ({labels}) (rate({histogram}_bucket{{{matching}}}[{RATE}]))"
    return f"histogram_quantile({share:g}, {rates}) >= 0"


def share(part: str, whole: str) -> str:
    """A part of a whole; empty while there is nothing of it."""
    return f"({part}) / ({whole} > 0)"


def or_zero(promql: str) -> str:
    """A sum without labels that is 0 while none of its series was ever seen."""
    return f"{promql} or vector(0)"


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"
