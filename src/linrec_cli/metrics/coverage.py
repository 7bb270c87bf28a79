"""Coverage: the share of the catalog that stands in at least one of all lists.

Source: Ge, Delgado-Battenfeld and Jannach 2010 (RecSys, catalog coverage).
"""

from torch import Tensor

from linrec_cli.metrics._trained import Trained, recommended

TITLE = "Coverage"
RANGE = (0.0, 1.0)
ASKED = True


def over(lists: Tensor, trained: Trained) -> Tensor:
    """Divide the number of items that stand in any list by that of all items, trained on or not."""
    return (recommended(lists, len(trained.events)) > 0).double().mean()
