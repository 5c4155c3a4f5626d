"""Incidents for people and their tools: webhooks and Alertmanager.

The package reads incidents over the HTTP API alone, as any client; it must never read the store.
"""
