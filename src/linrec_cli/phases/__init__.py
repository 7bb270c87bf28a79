"""What `linrec profile` can measure: a file a phase.

A phase has a `TITLE` (the heading of its figure; `{model}` stands for the model's name), a `HELP` (a few words for the
command line) and `build(cell)`, which makes its `Work`. What sets it apart from others it says in capitals: all there
are stand in `_phase.Phase`. To read a phase imports no torch: that is for `build` to do.
"""

from collections.abc import Callable

MUST = {"TITLE": str, "HELP": str, "build": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
