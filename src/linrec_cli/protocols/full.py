"""Full ranking: every item of the catalog."""

from torch import Tensor

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences

TITLE = "ranked among all items"


def negatives(sequences: Sequences, parts: Parts, stage: str, seed: int, seen: bool) -> Tensor | None:
    """Draw nothing: the gold meets all items."""
    return None
