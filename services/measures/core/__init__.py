"""The pure half: windows, groups, intervals and the one form of a result; no store, no clock."""
