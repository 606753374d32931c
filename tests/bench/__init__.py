"""The benchmarks: the cost of a request and its limit. `make bench` runs them."""
