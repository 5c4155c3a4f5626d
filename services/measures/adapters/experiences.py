"""What statements about experiences, relations and journeys begin with, beside the fragments of all
measures: a file of its own, so that both stay readable.
"""

from __future__ import annotations

from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
EXPERIENCES = {
    "opinions": _STATEMENTS["opinions"],
    "experiences": _STATEMENTS["experiences"],
    "feelings": _STATEMENTS["feelings"],
    "phase_spans": _STATEMENTS["phase_spans"],
    "journeys": _STATEMENTS["journeys"],
    "ended": _STATEMENTS["ended"],
    "quality": _STATEMENTS["quality"],
}
