"""Everything Kafka: ports, producer, log reader, positions, and what hosts a worker."""
