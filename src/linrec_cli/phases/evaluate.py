"""Ranking users as `linrec evaluate` does it: the last item of each among all items."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work

TITLE = "{model}, ranking users"
HELP = "ranking users"
ORDER = 40
MODEL = True
USERS = True
# Scores are compared in float32, whatever a model was trained in.
DTYPES = ("float32",)


def build(cell: "Cell") -> "Work":
    """Build the model and its users."""
    from linrec_cli.evaluation.ranks import ranks
    from linrec_cli.phases._model import histories, lasts, start
    from linrec_cli.profiling.work import Work, shapes

    # A model is made of histories that could be trained on, and reads the last `maxlen` events of them.
    users, few = (histories(cell, count, max(length, 2)) for count, length in shapes(cell))
    model = start(cell, users).model
    whole, tiny = (partial(ranks, model, own, lasts(own), cell.maxlen) for own in (users, few))
    return Work({"evaluate": whole}, tiny, lambda: None, flushed=False)
