"""A hundred negatives, drawn uniformly from the items that a user has not had, or from all but the gold."""

import torch
from torch import Tensor

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.protocols._draw import drawn

TITLE = "ranked among 100 negatives (uni100)"
NEGATIVES = 100


def negatives(sequences: Sequences, parts: Parts, stage: str, seed: int, seen: bool) -> Tensor | None:
    """Draw a hundred items for each target, each as likely as any other."""
    return drawn(sequences, parts.targets(stage), torch.ones(sequences.count), NEGATIVES, seed, seen)
