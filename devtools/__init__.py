"""For developers: Kafka brokers, a ClickHouse endpoint, the sample stream."""
