"""Measures computed on a store."""
