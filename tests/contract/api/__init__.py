"""The HTTP contract, tested over HTTP only, on the embedded engine and on workers."""
