"""The read API: typed queries, and the HTTP routes that serve them."""
