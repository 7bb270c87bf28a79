"""Kernels that take the place of a mechanism's plain form where they can run."""
