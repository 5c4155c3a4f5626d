"""The sample stream, and what becomes of it undisturbed, once for all drills."""

from __future__ import annotations

from tests.e2e.conftest import reference as reference
from tests.e2e.conftest import stream as stream
