"""The command `c360`."""

from services.cli.app import main

__all__ = ["main"]
