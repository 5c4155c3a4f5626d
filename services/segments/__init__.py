"""Segments: which customers fulfil the conditions of a definition at a time, and since when."""
