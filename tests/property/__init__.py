"""Properties in volume: random histories, orders, faults and crashes, against an oracle."""
