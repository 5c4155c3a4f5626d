"""Everything that can happen to real brokers, a real store and real workers; see docs/chaos.md."""
