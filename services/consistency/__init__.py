"""Consistency: says where channels contradict each other, as incidents with a life and evidence.

`core` decides and is pure; `ports` says what it needs of a store; `adapters` provide it.
"""
