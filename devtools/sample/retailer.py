"""How the retailer of the sample prices: the consistency rules that its stream is judged by.

Every store sets its own prices and publishes them itself; shop, app and e-mail share one price. The
rules file stands beside the stream.
"""

from __future__ import annotations

from pathlib import Path

RULES = """\
# The retailer of the sample stream: every store has prices of its own, no price list names them.
version = "sample"

[price_mismatch]
locations_may_differ = true
"""


def rules_file(stream: Path) -> Path:
    """Where the rules for a stream are: `sample.rules.toml` for `sample.jsonl[.gz]`."""
    return stream.with_name(f"{stream.name.removesuffix('.gz').removesuffix('.jsonl')}.rules.toml")


def write_rules(stream: Path) -> None:
    """Write them. Raises OSError."""
    rules_file(stream).write_text(RULES, "utf-8")
