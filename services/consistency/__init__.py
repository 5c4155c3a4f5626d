"""Consistency: finds where channels contradict each other; incidents with life cycle and evidence.

`core` decides and is pure; `ports` declares the store it needs; `adapters` implement it.
"""
