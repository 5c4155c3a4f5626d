"""Facts of customers for segments, and definitions and memberships, on ClickHouse."""
