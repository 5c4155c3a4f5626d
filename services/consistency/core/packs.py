"""Packs: the same content, however it is written. 500 g are 0.5 kg, 75 cl are 0.75 l.

Units that are not known here stay as they are, in small letters.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

UNITS: dict[str, tuple[str, Decimal]] = {
    name: (unit, Decimal(factor))
    for unit, spellings in {
        "kg": {"kg": "1", "kilogram": "1", "kilogramm": "1", "kilo": "1", "g": "0.001",
               "gr": "0.001", "gram": "0.001", "gramm": "0.001", "mg": "0.000001"},
        "l": {"l": "1", "lt": "1", "ltr": "1", "liter": "1", "litre": "1", "dl": "0.1",
              "cl": "0.01", "ml": "0.001"},
        "m": {"m": "1", "meter": "1", "metre": "1", "cm": "0.01", "mm": "0.001"},
        "piece": {"piece": "1", "pieces": "1", "pcs": "1", "pc": "1", "stk": "1", "stück": "1",
                  "st": "1"},
    }.items()
    for name, factor in spellings.items()
}  # fmt: skip
"""The unit that each spelling is converted to, and by which factor."""


@lru_cache(maxsize=4096)
def same_pack(content: Decimal | None, unit: str) -> tuple[Decimal | None, str]:
    """Content and unit of a pack, equal for packs that hold the same."""
    spelled = unit.strip().rstrip(".").lower()
    known, factor = UNITS.get(spelled, (spelled, Decimal(1)))
    return (None if content is None else (content * factor).normalize()), known
