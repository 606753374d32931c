"""The benchmarks: what a request costs, beside what it may cost. `make bench` runs them."""
