"""The ClickHouse HTTP protocol on loopback over one chDB engine: for development and tests only.

Several processes share one engine through it, with the drivers they use against a real server.
docs/clickhouse.md lists what it does not support. It never replaces a production server.
"""
