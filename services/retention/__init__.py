"""Removes events that are older than their type is kept, on a data directory and on a server."""
