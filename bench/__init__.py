"""Benchmarks: workloads x libraries x sizes, side by side in one run. `python -m bench --help`."""
