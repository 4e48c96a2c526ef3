"""Measured side by side, in one run, as ratios: `make bench` writes results.md."""
