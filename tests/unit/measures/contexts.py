"""What computations of the tests depend on beside their rows."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.rules.insights import insight_rules
from services.measures.core.measure import MeasureContext
from services.measures.core.window import Window

BERLIN = ZoneInfo("Europe/Berlin")
MARCH = Window(datetime(2026, 3, 1, tzinfo=BERLIN), datetime(2026, 4, 1, tzinfo=BERLIN))
CONTEXT = MeasureContext(MARCH, BERLIN, "EUR", insight_rules())
