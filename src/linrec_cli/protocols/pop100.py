"""A hundred negatives, drawn by popularity from the items that a user has not had, or from all but the gold."""

from torch import Tensor

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.models._counts import popularity
from linrec_cli.protocols._draw import drawn

TITLE = "ranked among 100 negatives (pop100)"
NEGATIVES = 100


def negatives(sequences: Sequences, parts: Parts, stage: str, seed: int, seen: bool) -> Tensor | None:
    """Draw a hundred items for each target, by how often they stand in the training part."""
    weights = popularity(sequences, parts).float().cpu()
    return drawn(sequences, parts.targets(stage), weights, NEGATIVES, seed, seen)
