"""The operations: one module per resource, exporting `OPERATIONS`.

A new resource is a new module here: services/api/operations.py discovers it, and nothing else names
it. This package itself imports none of them, so that a command loads the one it runs.
"""
