"""Personal data in ClickHouse."""
