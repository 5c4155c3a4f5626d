"""Benchmarks: figures as ratios within one run, from processes of their own; see docs."""
