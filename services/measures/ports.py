"""The queries on measures, independent of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from services.measures.core.result import MeasureResult


class MeasureSource(Protocol):
    """Computes measures. Nothing is changed.

    Methods block. They raise Retry for a transient fault, Fatal when retrying cannot help, and
    NotFound for an unknown measure or a realm that is not configured.
    """

    def measure(
        self, name: str, realm: str, first: date | None = None, until: date | None = None
    ) -> MeasureResult:
        """A measure over the days from `first` up to, and without, `until`, in the realm's zone.

        Raises:
            ValueError: the window is empty.
        """
        ...
