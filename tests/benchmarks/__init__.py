"""The benchmarks themselves, on small stores; `make test-bench` runs them, `make test` does not."""
