"""Benchmark sequential recommenders with linear attention: quality, time and memory over sequence lengths."""

__version__ = "0.1.0"
