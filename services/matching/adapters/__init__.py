"""What matching needs of engines: Splink, and ClickHouse."""
