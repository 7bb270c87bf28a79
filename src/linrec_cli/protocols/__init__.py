"""Whom the gold is ranked against: a file a protocol.

`negatives(sequences, parts, stage, seed, seen)` gives the items `[N, n]` that each target of a stage is ranked among,
on the CPU and drawn once for all models; `seen` is whether those of the history may be among them. None: all items.
`TITLE` says it in a few words.
"""

from collections.abc import Callable

MUST = {"TITLE": str, "negatives": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
