"""Benchmarks against what users have today; `make bench` runs them and renews docs/performance.md."""
