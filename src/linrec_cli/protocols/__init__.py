"""Whom the gold is ranked against: a file a protocol.

`negatives(sequences, parts, stage, seed)` gives the items `[N, n]` that each target of a stage is ranked among, on the
CPU and drawn once for all models; None: all items. `TITLE` says it in a few words.
"""
