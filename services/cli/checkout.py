"""The development tools (`devtools/`) are part of a checkout, not of the installed package."""

from __future__ import annotations

from importlib.util import find_spec

from services.runtime.errors import ConfigurationError

IN_CHECKOUT = find_spec("devtools") is not None


def require_checkout() -> None:
    """Raises ConfigurationError where the development tools are missing."""
    if not IN_CHECKOUT:
        raise ConfigurationError(
            "this needs the development tools, which are not part of the installed package: run it "
            "in a checkout of the repository, after 'make setup'."
        )
