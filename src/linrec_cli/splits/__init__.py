"""Which events are trained on, which choices are made by, and which are tested: a file a split.

A split is `split(sequences, **options) -> Parts`. The history of a target is all that its user did before it.

A target whose item is in no training part, or whose user has none, is a target all the same: it is ranked like any
other, and evaluations count it (`cold_items`, `cold_users`).
"""

from collections.abc import Callable

MUST = {"split": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
