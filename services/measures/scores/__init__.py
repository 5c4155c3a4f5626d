"""What single measures say of one customer: one module for each, exporting `SCORE`; discovered.

A score is by the definition of its measure, and names its version. A new one is a new module here;
nothing else in the service names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from services.measures.core.person import PersonScore

SCORES: Sequence[PersonScore] = tuple(
    import_module(f"{__name__}.{one.name}").SCORE for one in iter_modules(__path__)
)
"""All scores, in the order of their modules."""
