"""Deliberate faults of the product, and the proof that its tests see each of them."""
