"""Membership of segments as a pure function of facts, definition and time."""
