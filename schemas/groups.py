"""Names of what events say of accounts and households, as they stand in the fact tables."""

from __future__ import annotations

ACCOUNT, HOUSEHOLD = "account", "household"
"""Kinds of groups."""
DESCRIBED, MEMBER = "described", "member"
"""What an event says of a group: its master data, or who belongs to it."""
SUCCESSOR = "replaced_by"
"""The field of an account that names the one into which it was merged."""
