"""Which events are trained on, which choices are made by, and which are tested: a file a split.

A split is `split(sequences, **options) -> Parts`. The history of a target is all that its user did before it.
"""
