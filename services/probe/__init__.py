"""Synthetic journeys: what they send, and what they find out about the running service.

The package speaks to the service over HTTP alone, as any client; it must never read the store.
"""
