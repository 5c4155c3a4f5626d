"""Deterministic simulation of the workers: their own loops on a virtual clock, under faults.

A seed fixes everything: the events, the processes, what fails and when. `SIM_SEED=n` replays one.
"""
