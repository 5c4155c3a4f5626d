"""What the service answers: typed queries, and the HTTP routes that serve them."""
