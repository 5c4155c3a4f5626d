"""The decisions of the consistency service. No I/O and no clock: time comes from records only."""
