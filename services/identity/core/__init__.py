"""The pure part of identity: no I/O of its own, no clock, no random numbers."""
