"""Servers for development and tests; production runs the real ones."""
